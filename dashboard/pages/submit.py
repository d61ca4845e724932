"""Links and files in: the first page."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboard.access.roles import Viewer
from dashboard.desk import Desk, TheDesk
from dashboard.pages.rendering import render
from dashboard.rows import VideoQuery, VideoRow, VideoState
from schemas.targets import TargetDefined

RECENT = 12
MOST_ASKED = 100
SUBMITTED: tuple[VideoState, ...] = ("running", "done", "failed")

router = APIRouter(include_in_schema=False)


@router.get("/")
def submit(request: Request, desk: TheDesk, _: Viewer) -> HTMLResponse:
    """Show where to put links and files, and what was submitted last; ``?target=`` are ticked already."""
    return render(
        request, "submit.html", targets=_targets(desk), ticked=set(request.query_params.getlist("target")),
        rows=_recent(desk), most_bytes=desk.settings.fetch_max_bytes, languages=desk.settings.subtitle_languages,
    )  # fmt: skip


@router.get("/recent")
def recent(request: Request, desk: TheDesk, _: Viewer) -> HTMLResponse:
    """The list of what was submitted last, for the page to refresh."""
    return render(request, "submit_recent.html", rows=_recent(desk))


@router.get("/submitted")
def submitted(
    request: Request, desk: TheDesk, _: Viewer,
    video_id: Annotated[list[Annotated[str, Query(max_length=200)]] | None, Query(max_length=MOST_ASKED)] = None,
) -> HTMLResponse:  # fmt: skip
    """How far these videos are and what is to be expected of them: lines for the list of what was just submitted."""
    return render(request, "submit_lines.html", rows=desk.library.rows(video_id or []))


def _recent(desk: Desk) -> list[VideoRow]:
    """The last that somebody submitted: rows of imported tables would push them out of sight."""
    pages = (desk.library.videos(VideoQuery(state=s, sort="submitted", limit=RECENT)) for s in SUBMITTED)
    rows = [row for page in pages for row in page.items]
    return sorted(rows, key=lambda row: row.submitted_at_s, reverse=True)[:RECENT]


def _targets(desk: Desk) -> list[tuple[TargetDefined, bool]]:
    """All targets, each with whether anything predicts it; those that something predicts first."""
    serving = {row.release.target for row in desk.library.releases() if row.role == "serving"}
    known = sorted(desk.library.targets(), key=lambda target: (target.name not in serving, target.title))
    return [(target, target.name in serving) for target in known]
