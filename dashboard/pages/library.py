"""All videos: find, sort, compare, take along."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboard.access.roles import Viewer
from dashboard.desk import Desk, TheDesk
from dashboard.pages.charts import Scale, scale_over
from dashboard.pages.compare import compared
from dashboard.pages.library_view import COLUMNS, PATH, SORTED_BY, LibraryView, view_of
from dashboard.pages.prediction_views import brief_scale
from dashboard.pages.rendering import is_fragment, link, render
from dashboard.pages.wording import plain
from dashboard.rows import Facets, VideoRow

LONGEST_CHOICE = 120

router = APIRouter(include_in_schema=False)


@router.get("/videos")
def videos(
    request: Request, desk: TheDesk, _: Viewer, columns: Annotated[list[str] | None, Query(max_length=20)] = None
) -> HTMLResponse:
    """Show a page of the library; htmx gets only the list."""
    view = view_of(request.query_params, columns or [])
    page = desk.library.videos(view.query())
    shown = {
        "view": view,
        "page": page,
        "columns": COLUMNS,
        "sorted_by": SORTED_BY,
        "scales": _scales(desk, page.items),
    }
    if is_fragment(request):
        return render(request, "library_list.html", **shown)
    chosen = desk.library.person(view.person) if view.person else None
    return render(
        request,
        "library.html",
        facets=_choosable(desk.library.facets()),
        presets=_presets(),
        chosen_person=chosen,
        **shown,
    )


@router.get("/compare")
def compare(
    request: Request, desk: TheDesk, _: Viewer, a: Annotated[str, Query(max_length=200)] = "",
    b: Annotated[str, Query(max_length=200)] = "", text: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:  # fmt: skip
    """Show two videos beside each other; with one or none, the way to choose."""
    return render(request, "compare.html", **compared(desk, a, b, text=text))


def _scales(desk: Desk, rows: Sequence[VideoRow]) -> dict[str, Scale]:
    """One scale for each target: the bars of all rows can be compared."""
    targets = {target.name: target for target in desk.library.targets()}
    briefs = [brief for row in rows for brief in row.predictions]
    names = {brief.target for brief in briefs}
    found = {name: brief_scale([b for b in briefs if b.target == name], targets.get(name)) for name in names}
    return {name: scale_over([scale.low, scale.high], low=scale.low, high=scale.high) for name, scale in found.items()}


def _choosable(facets: Facets) -> Facets:
    """Leave out values that nobody could read in a list: endless ones, and those with invisible characters."""
    return Facets(
        targets=facets.targets,
        people=facets.people,
        channels=tuple(f for f in facets.channels if plain(f.value, LONGEST_CHOICE) == f.value),
        labels=tuple(f for f in facets.labels if plain(f.value, LONGEST_CHOICE) == f.value),
    )


def _presets() -> list[tuple[str, str]]:
    """Views that everybody wants some day."""
    week_ago = (datetime.now(UTC) - timedelta(days=7)).date().isoformat()
    return [
        ("All", PATH),
        ("Done", link(PATH, state="done")),
        ("Running", link(PATH, state="running")),
        ("Failed", link(PATH, state="failed")),
        ("Last seven days", link(PATH, since=week_ago)),
        ("Only described", link(PATH, state="described")),
        ("Highest virality", LibraryView(target="virality", sort="value").href()),
    ]
