"""Server-sent events: what changes, as it changes."""

from typing import Annotated, Any, get_args  # Any: OpenAPI is JSON

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response

from dashboard.access.roles import Viewer, still_of
from dashboard.api.answers import Described, Responses
from dashboard.api.patterns import VIDEO
from dashboard.desk import Desk, TheDesk
from dashboard.live.frames import Wish
from dashboard.live.hub import Gone, Hub
from dashboard.live.snapshots import Snapshot
from dashboard.live.stream import EventStream
from dashboard.problems import Problem
from dashboard.rows import Change, VideoRow

router = APIRouter(prefix="/v1", tags=["events"])

MOST_NAMED = 200
KIND = "^(" + "|".join(get_args(msgspec.structs.fields(Change)[0].type)) + ")$"

SAYS = """
A stream of events, as an `EventSource` reads it. It does not end by itself. Types of events and what `data` is:

| event | data | when |
|---|---|---|
| `video` | a VideoRow | something about a video changed; this is how it is now |
| `gone` | `{"video_id": ...}` | a video was erased |
| `change` | `{"kind": ..., "id": ...}` | something else changed: a person, a label, a release, a dead letter, a command, a job |
| `snapshot` | `{"videos": [VideoRow, ...], "more": false}` | the reader is new or was away for too long: this is where things stand. Of all videos, those that run (500 at most); of some, these |
| `beat` | `{}` | all that was missed has been sent; and every 15 seconds: the connection lives |

Changes are collected for 0.2 s, and the newest of each thing is sent: between two events a video may have changed more
than once. Every event but `beat` has an id. Who comes back with the last one, in the header `Last-Event-ID` as browsers do by
themselves or as `after`, is sent what came since; where that is not there any more, a snapshot. A reader that
takes nothing for ten seconds is let go, and so is one whose session has ended.
"""
EXAMPLE = (
    "retry: 1000\n\n"
    'id: 5b1e77a0-41\nevent: video\ndata: {"video_id":"youtube:dQw4w9WgXcQ","state":"running","submitted_at_s":1763812800.0,'
    '"changed_at_s":1763812812.5,"share":0.4}\n\n'
    'id: 5b1e77a0-42\nevent: change\ndata: {"kind":"person","id":"p-1"}\n\n'
)

Kinds = Annotated[
    list[Annotated[str, Query(pattern=KIND)]] | None,
    Query(description="Only of these kinds of things; all of them when not given", max_length=20),
]
Videos = Annotated[
    list[Annotated[str, Query(pattern=VIDEO)]] | None,
    Query(description="Only of these videos", max_length=MOST_NAMED),
]
After = Annotated[str, Query(description="As `Last-Event-ID`, which wins", max_length=64)]
LastEventId = Annotated[str, Header(alias="Last-Event-ID", description="The last id that came", max_length=64)]


DATA: dict[str, Any] = {
    "video": Described(VideoRow),
    "gone": Described(Gone),
    "change": Described(Change),
    "snapshot": Described(Snapshot),
}
SCHEMA = {"type": "string", "description": "`x-events` says what `data` of each type of event is", "x-events": DATA}
RESPONSES: Responses = {
    200: {
        "description": "Events, as they come",
        "content": {"text/event-stream": {"schema": SCHEMA, "example": EXAMPLE}},
    }
}


@router.get("/events", summary="Hear what changes", description=SAYS, responses=RESPONSES, response_class=Response)
async def hear_all(
    request: Request, desk: TheDesk, caller: Viewer,
    kind: Kinds = None, video: Videos = None, after: After = "", last_event_id: LastEventId = "",
) -> Response:  # fmt: skip
    """Stream what changes, all of it or what is asked for."""
    wish = Wish(kinds=frozenset(kind) if kind else None, videos=frozenset(video) if video else None)
    hub = _hub(desk)
    hub.admit(caller.name)
    place = last_event_id or after
    return EventStream(hub, caller=caller.name, wish=wish, last_event_id=place, still=still_of(request))


@router.get(
    "/videos/{video_id}/events", summary="Hear what changes about one video",
    description="As `/v1/events?video=...`; begins with how the video is now.",
    responses=RESPONSES, response_class=Response,
)  # fmt: skip
async def hear_one(
    request: Request, desk: TheDesk, caller: Viewer,
    video_id: Annotated[str, Path(pattern=VIDEO)], after: After = "", last_event_id: LastEventId = "",
) -> Response:  # fmt: skip
    """Stream what changes about one video, whether it is known already or not."""
    return await hear_all(request, desk, caller, None, [video_id], after, last_event_id)


def _hub(desk: Desk) -> Hub:
    if desk.hub is None:
        raise Problem(
            503, "not-live", "Nothing is pushed here",
            detail="this server was started without a hub; ask GET /v1/videos from time to time instead",
        )  # fmt: skip
    return desk.hub
