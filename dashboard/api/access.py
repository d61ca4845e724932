"""Who I am, and who changed what; and what monitoring asks."""

from itertools import islice
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from dashboard.access.audit import Entry, Trail
from dashboard.access.role_names import Role
from dashboard.access.roles import Admin, Viewer
from dashboard.api.answers import Json, returns
from dashboard.desk import desk_of
from dashboard.library_follow import Follower
from dashboard.measures import Measures
from dashboard.rows import MOST_ROWS

router = APIRouter()


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends the request, and how they proved it."""

    name: str
    role: Role
    way: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of the trail, newest first; `next_before_s` is None on the last page."""

    items: tuple[Entry, ...]
    next_before_s: float | None


ME = Me(name="maria", role="editor", way="session")
AUDIT = AuditPage(
    items=(
        Entry(
            at_s=1_763_812_800.25,
            name="maria",
            role="editor",
            way="session",
            address="192.0.2.7",
            method="DELETE",
            path="/v1/videos/youtube:dQw4w9WgXcQ",
            status=202,
            route="/v1/videos/{video_id}",
            ids={"video_id": "youtube:dQw4w9WgXcQ"},
        ),
    ),
    next_before_s=None,
)


@router.get("/v1/me", tags=["access"], responses=returns(Me, example=ME))
def me(caller: Viewer) -> Response:
    """Say who you are here, and what you may do."""
    return Json(Me(name=caller.name, role=caller.role, way=caller.way))


@router.get("/v1/audit", tags=["access"], responses=returns(AuditPage, example=AUDIT))
def audit(
    request: Request,
    caller: Admin,
    name: Annotated[str, Query(max_length=100, description="only what this user or token did")] = "",
    before_s: Annotated[
        float | None, Query(description="only earlier than this; `next_before_s` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> Response:
    """Say who changed what, newest first. For admins."""
    trail = request.app.state.trail
    if not isinstance(trail, Trail):
        raise TypeError("the app keeps no trail; see dashboard.guard.guarded")
    wanted = (
        entry
        for entry in trail.newest_first()
        if (not name or entry.name == name) and (before_s is None or entry.at_s < before_s)
    )
    found = tuple(islice(wanted, limit + 1))
    is_last = len(found) <= limit
    return Json(AuditPage(items=found[:limit], next_before_s=None if is_last else found[limit - 1].at_s))


@router.get("/health", include_in_schema=False)
def health(request: Request) -> Response:
    """Say that requests are answered, and whether the library keeps up with the topics.

    The answer is 200 also while Kafka is away: what is known can still be looked at.
    """
    follower = _follower(request)
    waits = follower is not None and bool(follower.problem)
    return Json({"status": "waiting" if waits else "ready", "library_lag": follower.lag if follower else None})


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, caller: Viewer) -> Response:
    """Give the counters to Prometheus, which needs a token."""
    measures = request.app.state.measures
    if not isinstance(measures, Measures):
        raise TypeError("the app counts nothing; see dashboard.guard.guarded")
    follower, desk = _follower(request), desk_of(request)
    measures.lag.set((follower.lag if follower else None) or 0)
    measures.streams.set(desk.hub.listeners if desk.hub else 0)
    return Response(measures.text(), media_type=CONTENT_TYPE_LATEST)


def _follower(request: Request) -> Follower | None:
    found = getattr(request.app.state, "follower", None)
    return found if isinstance(found, Follower) else None
