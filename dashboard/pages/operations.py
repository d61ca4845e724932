"""Stages, lag, dead letters, scoreboard."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from dashboard.access.roles import Viewer
from dashboard.desk import TheDesk
from dashboard.letters import brief, shown
from dashboard.overview import overview
from dashboard.pages.board_charts import board_charts, spark
from dashboard.pages.rendering import link, render
from dashboard.problems import not_found
from dashboard.sampling import TheSampler

router = APIRouter(include_in_schema=False)

LETTERS = 25


@router.get("/operations")
def operations(
    request: Request,
    desk: TheDesk,
    caller: Viewer,
    sampler: TheSampler,
    stage: Annotated[str, Query(max_length=64)] = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Show how the whole system does; parts of the page come again every few seconds."""
    now = overview(desk, sampler)
    page = desk.library.dead_letters(stage=stage, cursor=cursor, limit=LETTERS)
    return render(
        request,
        "operations.html",
        now=now,
        sparks={one.now.stage: (spark(one.now.lags), spark(one.now.rates)) for one in now.stages},
        free_bytes=now.disk_bytes.get("free"),
        folders=sorted(((n, b) for n, b in now.disk_bytes.items() if n != "free"), key=lambda pair: -pair[1]),
        charts=board_charts(now.weeks),
        letters=[brief(letter) for letter in page.items],
        total=page.total,
        stage=stage,
        next_href=link("/operations", stage=stage, cursor=page.next_cursor) + "#dead-letters"
        if page.next_cursor
        else "",
        first_href=link("/operations", stage=stage) + "#dead-letters" if cursor else "",
        here_with_query=link("/operations", stage=stage, cursor=cursor),
    )


@router.get("/operations/dead-letters/{key:path}")
def letter(request: Request, desk: TheDesk, caller: Viewer, key: Annotated[str, Path(max_length=300)]) -> Response:
    """Show everything about one dead letter."""
    found = desk.library.dead_letter(key)
    if found is None:
        raise not_found("dead letter", key)
    return render(request, "dead_letter.html", letter=shown(found))
