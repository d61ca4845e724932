"""The gallery: who was seen, and commands about them."""

import base64
import time
from typing import Annotated, TypedDict

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field, ValidationError

from dashboard.access.roles import Admin, Editor, Viewer
from dashboard.api.answers import Json, problems, returns
from dashboard.api.bodies import KnownFields
from dashboard.api.patterns import PERSON, TRACK
from dashboard.desk import Desk, TheDesk
from dashboard.influence import MOST_RANKED, InfluenceBy, influencers
from dashboard.job_folders import Job
from dashboard.job_orders import EraseOrder
from dashboard.jobs import TheJobs
from dashboard.problems import Problem, not_found
from dashboard.rows import MOST_ROWS, CommandRow, PersonDetail, PersonPage, PersonRow
from schemas.commands import (
    Command,
    CommandAnswered,
    CommandUndone,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
)
from schemas.errors import UsageError
from streams.people import NOT_UNDOABLE, checked_name, new_id
from streams.photo_intake import MOST_PHOTOS, photos_in

router = APIRouter(prefix="/v1")

LARGEST_BODY_BYTES = 32 * 10**6
MOST_TRACKS = 500

PersonId = Annotated[str, Path(pattern=PERSON, examples=["person:3fa94c0d51b2e786"])]
OfPerson = Annotated[str, Field(pattern=PERSON, examples=["person:3fa94c0d51b2e786"])]
Track = Annotated[str, Field(pattern=TRACK, examples=["youtube:dQw4w9WgXcQ/3/0"])]
DONE = CommandAnswered(
    event_id="5b1f3c1e-6d3a-5c3e-9a55-7d5f3a0b0c7d", command_id="2f1d1c52-9f0e-4a55-8f55-5a3f0b0c7d10", state="done",
    message="person:3fa94c0d51b2e786 has a name now", identity_id="person:3fa94c0d51b2e786",
)  # fmt: skip


class Stamp(TypedDict):
    """What every command has."""

    event_id: str
    given_at_s: float
    by: str


class NameWanted(KnownFields):
    """What somebody is called; empty takes the name away."""

    name: str = Field(max_length=1000, examples=["Ada Lovelace"])


class MergeWanted(KnownFields):
    """Who is the same person, and loses their id."""

    from_id: OfPerson


class SplitWanted(KnownFields):
    """Tracks that are somebody else's, as a person's faces name them."""

    tracks: list[Track] = Field(min_length=1, max_length=MOST_TRACKS)


class NotWanted(KnownFields):
    """A track that is not this person, for ever."""

    track: Track


class UndoWanted(KnownFields):
    """Which command to take back; the last one that can be, when nothing is said."""

    command_id: str | None = Field(None, max_length=64)


class EnrolWanted(KnownFields):
    """Photos of one person, each as base64 of a JPEG or PNG."""

    name: str = Field(max_length=1000, examples=["Ada Lovelace"])
    photos: list[str] = Field(min_length=1, max_length=MOST_PHOTOS)
    identity_id: OfPerson | None = None


@router.get("/people", responses=returns(PersonPage))
def list_people(
    desk: TheDesk,
    caller: Viewer,
    text: Annotated[str, Query(max_length=200, description="Part of a name, or how an id begins.")] = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> Response:
    """List everyone in the gallery, most seen first."""
    return Json(desk.library.people(text=text, cursor=cursor, limit=limit))


@router.get("/people/commands", responses=returns(list[CommandRow], "The newest first"))
def list_commands(
    desk: TheDesk, caller: Viewer, limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50
) -> Response:  # fmt: skip
    """List what was asked of the gallery, and what it answered."""
    return Json([_without_vectors(row) for row in desk.library.commands(limit=limit)])


@router.get("/people/{identity_id}", responses=returns(PersonDetail))
def show_person(desk: TheDesk, caller: Viewer, identity_id: PersonId) -> Response:
    """Show somebody with their best faces and the videos they are in."""
    found = desk.library.person(identity_id)
    if found is None:
        raise not_found("person", identity_id)
    return Json(found)


@router.get("/influence", responses=returns(list[PersonRow]))
def list_influence(
    desk: TheDesk,
    caller: Viewer,
    by: Annotated[InfluenceBy, Query()] = "views",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> Response:
    """Rank people by how the videos with them did: views (geometric mean), engagement, time on screen or videos."""
    ranked = influencers(desk.library, by=by, most=MOST_RANKED)
    return Json(ranked[:limit])


@router.post(
    "/people",
    responses=returns(CommandAnswered, example=DONE) | problems(413, 415),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
                "image/png": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": EnrolWanted.model_json_schema()},
            },
        }
    },
)
async def enrol(
    request: Request,
    desk: TheDesk,
    caller: Editor,
    name: Annotated[str, Query(max_length=1000, description="What they are called; with a picture as the body.")] = "",
    identity_id: Annotated[str | None, Query(pattern=PERSON, description="Join this person, whatever they look like.")] = None,
) -> Response:  # fmt: skip
    """Say by pictures what somebody is called: one picture as the body, or several inside JSON.

    Whoever has that name gets the pictures; else whom they match; else somebody new begins.
    """
    body = await _body(request)
    if request.headers.get("content-type", "").startswith("image/"):
        wanted, pictures = (name, identity_id), [body]
    else:
        said = _said(body)
        wanted, pictures = (said.name, said.identity_id), [_decoded(photo) for photo in said.photos]
    return await run_in_threadpool(_enrol, desk, wanted, pictures, by=caller.name)


@router.put("/people/{identity_id}/name", responses=returns(CommandAnswered, example=DONE))
def name_person(desk: TheDesk, caller: Editor, identity_id: PersonId, wanted: NameWanted) -> Response:
    """Give somebody a name, or take it away."""
    called = checked_name(wanted.name) if wanted.name.strip() else ""
    return _ask(desk, IdentityNamed(**_stamp(caller.name), identity_id=identity_id, name=called))


@router.post("/people/{identity_id}/merge", responses=returns(CommandAnswered, example=DONE))
def merge(desk: TheDesk, caller: Editor, identity_id: PersonId, wanted: MergeWanted) -> Response:
    """Say that two are one person, who keeps the id in the address."""
    if wanted.from_id == identity_id:
        raise UsageError("expected two people, got one twice")
    return _ask(desk, IdentitiesMerged(**_stamp(caller.name), into_id=identity_id, from_id=wanted.from_id))


@router.post("/people/{identity_id}/split", responses=returns(CommandAnswered, example=DONE))
def split(desk: TheDesk, caller: Editor, identity_id: PersonId, wanted: SplitWanted) -> Response:
    """Say that some tracks are another person's; the others are decided again between the two."""
    return _ask(
        desk, IdentitySplit(**_stamp(caller.name), identity_id=identity_id, tracks=tuple(dict.fromkeys(wanted.tracks)))
    )


@router.post("/people/{identity_id}/not", responses=returns(CommandAnswered, example=DONE))
def not_person(desk: TheDesk, caller: Editor, identity_id: PersonId, wanted: NotWanted) -> Response:
    """Say that a track is not this person."""
    return _ask(desk, IdentityNot(**_stamp(caller.name), identity_id=identity_id, track=wanted.track))


@router.post("/people/undo", responses=returns(CommandAnswered, example=DONE) | problems(404))
def undo(desk: TheDesk, caller: Editor, wanted: UndoWanted) -> Response:
    """Take a naming, enrolment, merge, split or "not" back."""
    return _ask(desk, CommandUndone(**_stamp(caller.name), command_id=wanted.command_id or last_undoable(desk)))


@router.delete("/people/{identity_id}", status_code=202, responses=returns(Job, "A job does it", status=202))
def forget(
    desk: TheDesk,
    caller: Admin,
    jobs: TheJobs,
    identity_id: PersonId,
    prove: Annotated[bool, Query(description="Look through everything that is stored for what is left.")] = False,
) -> Response:
    """Forget somebody for ever: faces, photos, name. It cannot be taken back."""
    found = desk.library.person(identity_id)
    if found is None:
        raise not_found("person", identity_id)
    job = jobs.ask(EraseOrder(what=found.row.identity_id, prove=prove), by=caller.name)
    return Json(job, status_code=202, headers={"Location": f"/v1/jobs/{job.job_id}"})


def last_undoable(desk: Desk) -> str:
    """The id of the last command that took effect and can be taken back.

    Raises
    ------
    Problem
        There is none.
    """
    for row in desk.library.commands(limit=MOST_ROWS):
        is_done = row.answer is not None and row.answer.state == "done" and not row.undone
        if is_done and not isinstance(row.command, NOT_UNDOABLE):
            return row.command.event_id
    raise Problem(
        404, "nothing-to-undo", "Nothing can be taken back", detail="nothing was done lately that can be taken back"
    )


def _ask(desk: Desk, command: Command) -> Json:
    return Json(desk.topics.ask(command))


def _stamp(by: str) -> Stamp:
    return {"event_id": new_id(), "given_at_s": time.time(), "by": by}


def _enrol(desk: Desk, wanted: tuple[str, str | None], pictures: list[bytes], *, by: str) -> Json:
    name, identity_id = checked_name(wanted[0]), wanted[1]
    photos = photos_in(desk.settings, pictures)
    joined = identity_id or _named(desk, name)
    return _ask(desk, IdentityEnrolled(**_stamp(by), name=name, photos=photos, identity_id=joined))


def _named(desk: Desk, name: str) -> str | None:
    """Who has this name already."""
    found = [p for p in desk.library.people(text=name, limit=MOST_ROWS).items if p.name.casefold() == name.casefold()]
    if len(found) > 1:
        raise UsageError(f"{len(found)} people have that name; merge them first, or name the photos otherwise")
    return found[0].identity_id if found else None


async def _body(request: Request) -> bytes:
    parts, size_bytes = list[bytes](), 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > LARGEST_BODY_BYTES:
            detail = f"at most {LARGEST_BODY_BYTES:,} bytes are taken; send fewer or smaller pictures"
            raise Problem(413, "too-large", "The pictures are too large", detail=detail)
        parts.append(chunk)
    return b"".join(parts)


def _said(body: bytes) -> EnrolWanted:
    try:
        return EnrolWanted.model_validate_json(body)
    except ValidationError as error:
        what = "; ".join(f"{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:5])
        detail = f"expected a picture (image/jpeg, image/png), or JSON with a name and photos in base64; {what}"
        raise Problem(422, "invalid", "The request does not fit the description", detail=detail) from error


def _decoded(photo: str) -> bytes:
    try:
        return base64.b64decode(photo.partition("base64,")[2] or photo, validate=True)
    except ValueError as error:  # also of letters beyond ASCII
        raise UsageError(f"a photo is not base64: {error}") from error


def _without_vectors(row: CommandRow) -> CommandRow:
    """Faces are not handed out with the list of what was done."""
    if not isinstance(row.command, IdentityEnrolled):
        return row
    return msgspec.structs.replace(row, command=msgspec.structs.replace(row.command, photos=()))
