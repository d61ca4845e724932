"""Every running video, live; those that failed, and why; those that are done."""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboard.access.roles import Viewer
from dashboard.desk import Desk, TheDesk
from dashboard.pages import saying
from dashboard.pages.pace import ON_THE_WAY, pace, stages_of
from dashboard.pages.rendering import link, render
from dashboard.rows import MOST_ROWS, VideoQuery, VideoRow, VideoState

router = APIRouter(include_in_schema=False)

Shown = Literal["", "running", "failed", "done"]
MOST_TOLD = {"running": MOST_ROWS, "failed": 50, "done": 20}
"""How many of each when all are shown."""

NOBODY = VideoRow(video_id="none:none", state="running", submitted_at_s=0, changed_at_s=0)
"""What the page makes rows of videos from that it hears of later."""

TITLES = {"running": "Running", "failed": "Failed", "done": "Finished"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """Videos of one state; `total` counts those that are not shown too."""

    state: VideoState
    rows: tuple[VideoRow, ...]
    total: int

    @property
    def title(self) -> str:
        """The state in a word."""
        return TITLES[self.state]


@router.get("/progress")
def progress(
    request: Request, desk: TheDesk, _: Viewer,
    state: Shown = "", text: Annotated[str, Query(max_length=200)] = "",
    video: Annotated[list[str] | None, Query(max_length=MOST_ROWS)] = None,
) -> HTMLResponse:  # fmt: skip
    """Show how far all videos are, or those asked for."""
    parts = _of_these(desk, video) if video else _of_all(desk, state, text)
    shown = [part for part in parts if state in ("", part.state)]
    return render(
        request, "progress.html",
        parts=shown, tabs=_tabs(parts, state, text, video), state=state, text=text, video=video or [], 
        pace=pace, stages_of=stages_of, on_the_way=ON_THE_WAY, nobody=NOBODY,
        stage_words=saying.STAGES,
    )  # fmt: skip


def _of_all(desk: Desk, state: Shown, text: str) -> list[Part]:
    query = VideoQuery(text=text, sort="submitted")
    found = []
    for each in ("running", "failed", "done"):
        most = MOST_ROWS if state == each else MOST_TOLD[each] if state == "" else 1
        page = desk.library.videos(msgspec.structs.replace(query, state=each, limit=most))
        found.append(Part(state=each, rows=page.items, total=page.total))
    return found


def _of_these(desk: Desk, video_ids: list[str]) -> list[Part]:
    rows = desk.library.rows(video_ids)
    return [_part(state, [row for row in rows if row.state == state]) for state in ("running", "failed", "done")]


def _part(state: VideoState, rows: list[VideoRow]) -> Part:
    return Part(state=state, rows=tuple(rows), total=len(rows))


def _tabs(parts: list[Part], state: str, text: str, video: list[str] | None) -> list[tuple[str, str, str, int, bool]]:
    """Name, state, address and count of each choice, and whether it is the one that is shown."""
    total = sum(part.total for part in parts)
    choices = [("All", "", total), *((part.title, part.state, part.total) for part in parts)]
    return [
        (name, each, link("/progress", state=each, text=text, video=video), count, each == state)
        for name, each, count in choices
    ]
