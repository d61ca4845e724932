"""How videos did."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from dashboard.access.roles import Editor, Viewer
from dashboard.api import examples
from dashboard.api.answers import Json, problems, returns
from dashboard.api.bodies import whole
from dashboard.api.patterns import VIDEO
from dashboard.desk import TheDesk
from dashboard.outcome_tables import TableTaken, take_table
from dashboard.problems import Problem, not_found
from dashboard.rows import MOST_ROWS
from schemas.outcomes import OutcomeObserved
from streams.imports.whole_tables import Corrections

router = APIRouter(prefix="/v1")

MOST_BYTES = 20 * 2**20

SUFFIXES = {
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
}
"""By media type. Excel and compressed tables are for the command line: they grow when they are opened."""

EXAMPLE = [
    {"video_id": "youtube:dQw4w9WgXcQ", "observed_at": "2026-05-31", "views": 9120, "likes": 1033, "comments": 88}
]
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}, "description": "rows; keys are columns"},
                "example": EXAMPLE,
            }
        }
        | {kind: {"schema": {"type": "string"}} for kind in SUFFIXES if kind != "application/json"},
    }
}


TAKEN = TableTaken(
    rows=1, taken=1, rejected=0, videos=0, outcomes=1, examples=(), mapping={"id": ("video_id",), "views": ("views",)},
    dry_run=False,
)  # fmt: skip


class OutcomesOf(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of one video, by age."""

    items: tuple[OutcomeObserved, ...]


@router.post("/outcomes", responses=returns(TableTaken, example=TAKEN) | problems(413, 415), openapi_extra=BODY)
async def give_outcomes(
    request: Request, desk: TheDesk, caller: Editor,
    mapping: Annotated[
        list[str], Query(alias="map", max_length=50, description="which column means what: views=playCount")
    ] = [],  # noqa: B006  # FastAPI copies it
    platform: Annotated[str, Query(max_length=32, description="where the ids are from: youtube, tiktok, ...")] = "",
    year: Annotated[int | None, Query(ge=1970, le=2200, description="of dates without one")] = None,
    dry_run: Annotated[bool, Query(description="say what would be taken, and send nothing")] = False,
) -> Json:  # fmt: skip
    """Say how videos did: JSON rows, or a table. Columns are told by their names; the answer says how.

    The same rows twice change nothing. Videos that are not known become examples that are known by their words.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in SUFFIXES:
        raise Problem(415, "wrong-kind", "This is no table", detail=f"expected {', '.join(SUFFIXES)}, got {kind!r}")
    body = await whole(request, most_bytes=MOST_BYTES)
    said = Corrections(mapping=tuple(mapping), platform=platform, year=year)
    taken = await run_in_threadpool(take_table, desk, body, SUFFIXES[kind], said=said, dry_run=dry_run)
    if not taken.taken:
        first = next((f"; row {one.line}: {one.reason}" for one in taken.examples), "")
        detail = f"none of {taken.rows} rows can be taken{first}"
        raise Problem(422, "refused", "Nothing here can be taken", detail=detail)
    return Json(taken)


@router.get("/outcomes", responses=returns(OutcomesOf, example=OutcomesOf(items=(examples.OUTCOME,))) | problems(404))
def list_outcomes(
    desk: TheDesk, caller: Viewer,
    video_id: Annotated[str, Query(pattern=VIDEO, examples=["youtube:dQw4w9WgXcQ"])],
) -> Json:  # fmt: skip
    """What was counted of a video, by age."""
    found = desk.library.outcomes(video_id)
    if not found and not desk.library.rows([video_id]):
        raise not_found("video", video_id)
    return Json(OutcomesOf(items=tuple(found[:MOST_ROWS])))
