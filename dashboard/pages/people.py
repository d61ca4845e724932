"""The gallery: who was seen, and what to do when it is wrong."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from dashboard.access.roles import Viewer
from dashboard.api.patterns import PERSON
from dashboard.desk import TheDesk
from dashboard.influence import InfluenceBy, influencers
from dashboard.pages.gallery_words import Done, done_of
from dashboard.pages.rendering import link, render
from dashboard.problems import not_found

router = APIRouter(include_in_schema=False)

SHOWN = 60
RANKED = 100
MOST_CHANGES = 50
MOST_OTHERS = 200

View = Literal["gallery", "influence", "changes"]


@router.get("/people")
def people(
    request: Request,
    desk: TheDesk,
    caller: Viewer,
    view: View = "gallery",
    text: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
    by: InfluenceBy = "views",
) -> Response:
    """Show everyone, most seen first; or how their videos did; or what was changed."""
    page = desk.library.people(text=text, cursor=cursor, limit=SHOWN) if view == "gallery" else None
    return render(
        request,
        "people.html",
        view=view,
        here_with_query=link("/people", view="" if view == "gallery" else view, text=text, cursor=cursor, by=by),
        text=text,
        cursor=cursor,
        by=by,
        page=page,
        next_href=link("/people", text=text, cursor=page.next_cursor) if page and page.next_cursor else "",
        first_href=link("/people", text=text) if cursor else "",
        ranked=influencers(desk.library, by=by)[:RANKED] if view == "influence" else [],
        changes=changes(desk) if view == "changes" else [],
        last=last_change(desk),
    )


@router.get("/people/{identity_id}")
def person(
    request: Request, desk: TheDesk, caller: Viewer, identity_id: Annotated[str, Path(max_length=100)]
) -> Response:
    """Show somebody: faces, videos, and how these did."""
    found = desk.library.person(identity_id)
    if found is None:
        raise not_found("person", identity_id)
    if found.row.identity_id != identity_id:  # merged into somebody
        return RedirectResponse(f"/people/{found.row.identity_id}", 307)
    others = [p for p in desk.library.people(limit=MOST_OTHERS).items if p.identity_id != identity_id]
    return render(request, "person.html", found=found, others=others, last=last_change(desk), person_pattern=PERSON)


def changes(desk: TheDesk) -> list[Done]:
    """What was done to the gallery lately, in words."""
    return [done_of(row) for row in desk.library.commands(limit=MOST_CHANGES)]


def last_change(desk: TheDesk) -> Done | None:
    """The last thing that was done and can be taken back."""
    return next((done for done in changes(desk) if done.can_undo), None)
