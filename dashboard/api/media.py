"""Pictures, crops and videos from the media store; only what the library knows."""

import os
import re
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from dashboard.access.roles import Viewer
from dashboard.api.answers import Responses, problems, returns_bytes, returns_nothing
from dashboard.api.videos import VideoId
from dashboard.desk import Desk, TheDesk
from dashboard.known_media import KnownMedia, video_of
from dashboard.media_types import HEAD_BYTES, TYPES, UNKNOWN, media_type_of
from dashboard.problems import Problem, not_found
from models.frame_files import FrameFile, list_frames
from schemas.errors import MediaUnreadable, StorageUnavailable

router = APIRouter(prefix="/v1")

SHOWN: Responses = (
    returns_bytes(TYPES, "The file")
    | returns_bytes(TYPES, "A part of it, as `Range` asked", status=206)
    | returns_nothing("You have it", status=304)
    | problems(416)
)
HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=600",
}
"""Opened by itself, a stranger's file can do nothing; what is erased is not shown for long."""

Ref = Annotated[str, Path(max_length=500, examples=["videos/youtube/dQw4w9WgXcQ/thumbnail.jpg"])]
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def known_media_of(request: Request, desk: TheDesk) -> KnownMedia:
    """What may be shown; not in a thread, so that it is made once."""
    if not isinstance(getattr(request.app.state, "known_media", None), KnownMedia):
        request.app.state.known_media = KnownMedia(desk.library)
    found: KnownMedia = request.app.state.known_media
    return found


TheKnownMedia = Annotated[KnownMedia, Depends(known_media_of)]


class Stored(FileResponse):
    """A file; without the ``Range`` of the request where that makes no sense."""

    is_ranged = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.is_ranged:
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        await super().__call__(scope, receive, send)


@router.head("/media/{ref:path}", include_in_schema=False)
@router.get("/media/{ref:path}", responses=SHOWN)
def show_media(
    request: Request, desk: TheDesk, known: TheKnownMedia, caller: Viewer, ref: Ref,
    download: Annotated[bool, Query(description="have the browser save it")] = False,
) -> Response:  # fmt: skip
    """A thumbnail, a face or a video that the library names; `Range` gives a part of it."""
    video_id = video_of(ref)
    shown = known.of(video_id) if video_id else None
    if shown is None or ref not in shown.refs or not desk.store.exists(ref):
        raise not_found("file", ref)
    return _answer(request, desk.store.local(ref), download=download)


@router.get("/videos/{video_id}/frames/{at_ms}.jpg", responses=returns_bytes(["image/jpeg"], "The picture"))
def show_frame(
    desk: TheDesk, known: TheKnownMedia, caller: Viewer, video_id: VideoId,
    at_ms: Annotated[int, Path(ge=0, le=10**9, description="milliseconds from the start")],
) -> Response:  # fmt: skip
    """The picture that was sampled nearest to a time."""
    shown = known.of(video_id)
    cut = shown.cut_at(at_ms / 1000) if shown else None
    frames = _frames(desk, cut.frames_ref) if cut and cut.frames_ref else []
    if not frames:
        raise not_found("picture", f"{video_id} at {at_ms} ms")
    frame = min(frames, key=lambda frame: abs(frame.at_ms - at_ms))
    return Response(frame.jpeg, media_type="image/jpeg", headers=HARMLESS)


def _frames(desk: Desk, ref: str) -> list[FrameFile]:
    try:
        return list_frames(desk.store.get(ref)) if desk.store.exists(ref) else []
    except (MediaUnreadable, StorageUnavailable):  # cleaned up, or damaged
        return []


def _answer(request: Request, path: FilePath, *, download: bool) -> Response:
    try:
        stat = path.stat()
        with path.open("rb") as file:
            kind = media_type_of(file.read(HEAD_BYTES))
    except OSError as error:
        raise StorageUnavailable(f"{path.name} cannot be read: {error}") from error
    answer = Stored(
        path, media_type=kind, headers=HARMLESS, stat_result=stat, filename=path.name,
        content_disposition_type="attachment" if download or kind == UNKNOWN else "inline",
    )  # fmt: skip
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        return Response(status_code=304, headers={**HARMLESS, "ETag": answer.headers["etag"]})
    answer.is_ranged = _is_range(request.headers.get("range", ""), stat)
    return answer


def _is_range(asked: str, stat: os.stat_result) -> bool:
    """Whether one part is asked for; what is no range, or several, is answered with the whole file.

    Source: RFC 9110, 14.2.
    """
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found[1] == found[2] == "":
        return False
    first, last = found[1], found[2]
    if first and last and int(first) > int(last):
        return False
    if (first and int(first) >= stat.st_size) or (not first and int(last) == 0):
        raise Problem(
            416, "out-of-range", "The range lies outside", detail=f"the file has {stat.st_size:,} bytes",
            headers={"Content-Range": f"bytes */{stat.st_size}"},
        )  # fmt: skip
    return True
