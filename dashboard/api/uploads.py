"""Files in: streamed to the media store, hashed on the way, resumable.

Source: IETF draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload), for the names of the headers.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from dashboard.access.roles import Editor
from dashboard.api import examples
from dashboard.api.answers import Json, problems, returns, returns_nothing
from dashboard.api.bodies import KnownFields, blocks, raw_body
from dashboard.api.patterns import pattern_of
from dashboard.desk import TheDesk
from dashboard.problems import Problem
from dashboard.submissions import about_targets
from dashboard.uploads import Upload, UploadId, Uploads, Wish, too_large, wrong_offset
from schemas.errors import GroundswellError
from streams.text_safety import harmless

router = APIRouter(prefix="/v1")

LONGEST_NAME = 255
Name = Annotated[str, Query(max_length=LONGEST_NAME, description="the file's name", examples=["talk.mp4"])]
ThisUpload = Annotated[str, Path(pattern=pattern_of(UploadId), examples=["0f8fad5bd9cb469fa16570867728950e"])]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, le=2**60, description="where this piece begins, in bytes")]


class NewUpload(KnownFields):
    """A file that is going to come."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "talk.mp4", "size_bytes": 73400320, "title": "Water for a village"}]},
    )

    name: str = Field(max_length=LONGEST_NAME)
    size_bytes: int = Field(ge=1)
    title: str = Field("", max_length=1000)
    description: str = Field("", max_length=20_000)
    targets: list[Annotated[str, Field(max_length=64)]] = Field([], max_length=20, description="all, if none is named")
    again: bool = Field(False, description="look at it anew even if it is known")


class UploadsOfYours(msgspec.Struct, frozen=True, kw_only=True):
    """Uploads of the last day, the newest first."""

    items: tuple[Upload, ...]


async def uploads_of(request: Request, desk: TheDesk) -> Uploads:
    """The uploads of the app that answers this request; not in a thread, so that they are made once."""
    if not isinstance(getattr(request.app.state, "uploads", None), Uploads):
        request.app.state.uploads = Uploads(desk)
    found: Uploads = request.app.state.uploads
    return found


TheUploads = Annotated[Uploads, Depends(uploads_of)]


@router.post(
    "/uploads",
    status_code=201,
    responses=returns(Upload, "Send the bytes", status=201, example=examples.UPLOAD) | problems(507),
)
def begin_upload(desk: TheDesk, uploads: TheUploads, caller: Editor, body: NewUpload) -> Json:
    """Announce a file; then send its bytes to the address in `Location`, in one piece or many."""
    warnings = about_targets(desk, body.targets)
    fields = body.model_dump() | {"name": clean_name(body.name), "targets": tuple(body.targets)}
    upload = uploads.begin(Wish(**fields, by=caller.name), warnings)
    return Json(upload, 201, headers=_headers(upload))


@router.get("/uploads", responses=returns(UploadsOfYours, example=UploadsOfYours(items=(examples.UPLOAD,))))
def list_uploads(uploads: TheUploads, caller: Editor) -> Json:
    """Your uploads of the last day."""
    return Json(UploadsOfYours(items=tuple(uploads.list(by=caller.name))))


@router.put(
    "/uploads",
    status_code=201,
    responses=returns(Upload, "Taken and submitted", status=201, example=examples.FINISHED) | problems(507),
    openapi_extra=raw_body("application/octet-stream"),
)
async def upload_at_once(
    request: Request, uploads: TheUploads, caller: Editor, name: Name = "",
    title: Annotated[str, Query(max_length=1000)] = "",
    description: Annotated[str, Query(max_length=20_000)] = "",
    again: Annotated[bool, Query(description="look at it anew even if it is known")] = False,
) -> Json:  # fmt: skip
    """Send a whole file as the body, `curl -T talk.mp4`. What breaks off is lost; see POST for files that matter."""
    length = request.headers.get("content-length", "")
    size = int(length) if length.isdecimal() else None
    wish = Wish(
        name=clean_name(name), size_bytes=size, title=title, description=description, again=again, by=caller.name
    )
    upload = await run_in_threadpool(uploads.begin, wish)
    try:
        upload = await _receive(request, uploads, upload, at=0)
        done = await run_in_threadpool(uploads.finish, upload.upload_id)
    except (Problem, GroundswellError):
        await run_in_threadpool(uploads.drop, upload.upload_id)
        raise
    return Json(done, 201, headers=_headers(done))


@router.head("/uploads/{upload_id}", status_code=204, responses=returns_nothing("`Upload-Offset` says how far it is"))
def ask_upload(uploads: TheUploads, caller: Editor, upload_id: ThisUpload) -> Response:
    """How far an upload is: `Upload-Offset` bytes of `Upload-Length` are here."""
    return Response(status_code=204, headers=_headers(uploads.one(upload_id)))


@router.get("/uploads/{upload_id}", responses=returns(Upload, example=examples.FINISHED))
def show_upload(uploads: TheUploads, caller: Editor, upload_id: ThisUpload) -> Json:
    """How far an upload is, and which video it became."""
    upload = uploads.one(upload_id)
    return Json(upload, headers=_headers(upload))


@router.patch(
    "/uploads/{upload_id}",
    responses=returns(Upload, example=examples.FINISHED) | problems(409, 507),
    openapi_extra=raw_body("application/partial-upload", "application/octet-stream"),
)
async def send_piece(
    request: Request, uploads: TheUploads, caller: Editor, upload_id: ThisUpload, offset: Offset
) -> Json:
    """Send the next piece, from `Upload-Offset` on. The last one submits the video.

    When a connection breaks, ask with HEAD how far it came, and go on from there.
    """
    upload = await run_in_threadpool(uploads.one, upload_id)
    if offset != upload.offset_bytes:
        raise wrong_offset(upload.offset_bytes)
    if not upload.sha256:
        upload = await _receive(request, uploads, upload, at=offset)
    if upload.is_whole:
        upload = await run_in_threadpool(uploads.finish, upload_id)
    return Json(upload, headers=_headers(upload))


@router.put(
    "/uploads/{upload_id}",
    responses=returns(Upload, example=examples.FINISHED) | problems(409, 507),
    openapi_extra=raw_body("application/octet-stream"),
)
async def send_all(request: Request, uploads: TheUploads, caller: Editor, upload_id: ThisUpload) -> Json:
    """Send all of an announced file in one piece."""
    return await send_piece(request, uploads, caller, upload_id, 0)


@router.delete("/uploads/{upload_id}", status_code=204, responses=returns_nothing("It is gone"))
def drop_upload(uploads: TheUploads, caller: Editor, upload_id: ThisUpload) -> Response:
    """Forget an upload and what came of it; a finished one stays submitted."""
    uploads.drop(upload_id)
    return Response(status_code=204)


async def _receive(request: Request, uploads: Uploads, upload: Upload, *, at: int) -> Upload:
    """Write what comes; how far the upload is afterwards."""
    pieces = await run_in_threadpool(uploads.pieces, upload.upload_id)
    owner = pieces.take()
    most = uploads.most_bytes(upload)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and at + int(announced) > most:
        raise too_large(most)
    try:
        async for block in blocks(request):
            at = await run_in_threadpool(pieces.write, owner, block, at=at, most_bytes=most)
    except ClientDisconnect as error:
        raise Problem(400, "broke-off", "The connection broke", detail=f"{at:,} bytes came; go on there") from error
    return await run_in_threadpool(uploads.came_to_end, upload.upload_id)


def clean_name(name: str) -> str:
    """The last part of a path, without what could turn text round or end a line."""
    return harmless(name.replace("\\", "/").rsplit("/", 1)[-1], longest=200).strip() or "upload"


def _headers(upload: Upload) -> dict[str, str]:
    wanted = upload.wish.size_bytes
    return {
        "Upload-Offset": str(upload.offset_bytes),
        "Upload-Complete": "?1" if upload.state == "finished" else "?0",
        "Location": f"/v1/uploads/{upload.upload_id}",
        "Cache-Control": "no-store",
    } | ({} if wanted is None else {"Upload-Length": str(wanted)})
