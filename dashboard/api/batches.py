"""Tables of links."""

from itertools import islice
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from dashboard.access.roles import Editor
from dashboard.api import examples
from dashboard.api.answers import Json, problems, returns
from dashboard.api.bodies import raw_body, whole
from dashboard.desk import Desk, TheDesk
from dashboard.problems import Problem
from dashboard.submissions import SubmittedAll, submit
from schemas.errors import UsageError
from streams.submitting import Wishes, listed

router = APIRouter(prefix="/v1")

MOST_LINES = 10_000
MOST_BYTES = 8 * 2**20

SUFFIXES = {"text/csv": ".csv", "text/tab-separated-values": ".tsv", "text/plain": ".txt"}
"""By media type; a plain text has a link a line."""

Targets = Annotated[list[Annotated[str, Query(max_length=64)]], Query(max_length=20, description="all, if none")]


@router.post(
    "/batches",
    status_code=202,
    responses=returns(SubmittedAll, "An answer for each line", status=202, example=examples.SUBMITTED)
    | problems(413, 415),
    openapi_extra=raw_body(*SUFFIXES, binary=False),
)
async def submit_batch(
    request: Request, desk: TheDesk, caller: Editor, targets: Targets = [],  # noqa: B006  # FastAPI copies it
    again: Annotated[bool, Query(description="fetch videos anew that are known")] = False,
) -> Json:  # fmt: skip
    """Submit a table of links, 10,000 lines at most: CSV or TSV with a column `url` (`title` and `description`
    are read too), or text with a link a line. The answer has every line in its order."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in SUFFIXES:
        raise Problem(415, "wrong-kind", "This is no table", detail=f"expected {', '.join(SUFFIXES)}, got {kind!r}")
    body = await whole(request, most_bytes=MOST_BYTES)
    wishes = Wishes(targets=tuple(targets), submitted_by=caller.name, again=again)
    return Json(await run_in_threadpool(_submit, desk, body, SUFFIXES[kind], wishes=wishes), 202)


def _submit(desk: Desk, body: bytes, suffix: str, *, wishes: Wishes) -> SubmittedAll:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the table is not UTF-8 text: {error}; save it again as CSV UTF-8") from error
    entries = list(islice(listed(PurePath(f"line{suffix}"), text), MOST_LINES + 1))
    if len(entries) > MOST_LINES:
        raise Problem(413, "too-many-lines", "The table is too long", detail=f"at most {MOST_LINES:,} lines; split it")
    if not entries:
        raise UsageError("the table has no lines; expected a link in each")
    return submit(desk, entries, wishes)
