"""Everyone the gallery knows, and how to ask it for a change."""

import time
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from schemas.codec import decode, encode
from schemas.commands import (
    AnyCommand,
    Command,
    CommandAnswered,
    CommandUndone,
    EraseRequested,
    IdentityForgotten,
    Photo,
)
from schemas.errors import BrokerUnavailable, Unreadable, UsageError
from schemas.event import WHOLE_VIDEO, Event
from schemas.faces import FaceTracked, track_key
from schemas.features import FeatureExtracted
from schemas.identities import IdentityRecorded
from streams.kafka.bulk import BulkProducer, Record, event_of, follow, latest_per_key, read_to_end
from streams.settings import Settings
from streams.text_safety import harmless

ANSWER_LIMIT_S = 30.0
"""A standby needs less to take over."""

MODALITY = "identity"
SHORTEST_PREFIX = 4
LONGEST_NAME = 200
LONGEST_SAID = 60
MOST_SUGGESTED = 5
NOT_UNDOABLE = (CommandUndone, IdentityForgotten, EraseRequested)

AnEvent = TypeVar("AnEvent", bound=Event)


def everyone(settings: Settings, bootstrap: str) -> list[IdentityRecorded]:
    """Read all identities that stand for somebody, most seen first.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    found = _latest(settings, bootstrap, "identities", IdentityRecorded)
    return sorted(
        (p for p in found if not p.merged_into and (p.name or p.tracks or p.photos)),
        key=lambda person: (-person.screen_s, -person.tracks, person.identity_id),
    )


def find(people: Iterable[IdentityRecorded], text: str) -> IdentityRecorded:
    """Look somebody up by name, by id, or by how the id begins.

    Raises
    ------
    UsageError
        Nobody is meant, or more than one.
    """
    known = list(people)
    named = [p for p in known if p.name and p.name.casefold() == text.casefold()]
    prefix = text if text.startswith("person:") else f"person:{text}"
    is_long = len(prefix) >= len("person:") + SHORTEST_PREFIX
    found = named or [p for p in known if is_long and p.identity_id.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    said = harmless(text, longest=LONGEST_SAID)
    if found:
        ids = ", ".join(p.identity_id for p in found[:MOST_SUGGESTED])
        raise UsageError(
            f"{said} may be any of {len(found)} people: {ids}; `groundswell people list` shows them, say an id"
        )
    like = [harmless(p.name) for p in known if text and text.casefold() in p.name.casefold()][:MOST_SUGGESTED]
    hint = f"did you mean {' or '.join(like)}?" if like else "`groundswell people list` shows names and ids"
    raise UsageError(f"nobody is called {said}, and no id begins so; {hint}")


def checked_name(name: str) -> str:
    """Tidy what somebody shall be called.

    Raises
    ------
    UsageError
        It is empty or long, or has control characters.
    """
    tidy = " ".join(name.split(" ")).strip()
    if not 0 < len(tidy) <= LONGEST_NAME or any(unicodedata.category(c) in ("Cc", "Cs") for c in tidy):
        raise UsageError(
            f"a name has 1 to {LONGEST_NAME} characters and no control characters; came {len(name)}: "
            f"{harmless(name, longest=LONGEST_SAID)}"
        )
    return tidy


def appearances(settings: Settings, bootstrap: str) -> list[FeatureExtracted]:
    """Read who is in which video: the answers of the gallery for whole videos."""
    answers = _latest(settings, bootstrap, "features", FeatureExtracted)
    return [a for a in answers if a.modality == MODALITY and a.scope == WHOLE_VIDEO]


class TrackSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One track of somebody, as `people show` prints it."""

    track: str
    start_s: float
    end_s: float
    quality: float
    crop_ref: str | None = None


def tracks_of(settings: Settings, bootstrap: str, identity_id: str) -> list[TrackSeen]:
    """Read somebody's tracks, video by video."""
    answers = _latest(settings, bootstrap, "features", FeatureExtracted)
    theirs = {
        track_key(a.video_id, int(a.scope), number)
        for a in answers
        if a.modality == MODALITY and a.scope != WHOLE_VIDEO
        for label in a.labels
        if label.name == identity_id
        for number in label.tracks
    }
    faces = [f for f in _latest(settings, bootstrap, "faces", FaceTracked) if f.record_key in theirs]
    return [
        TrackSeen(track=f.record_key, start_s=f.start_s, end_s=f.end_s, quality=f.quality, crop_ref=f.crop_ref)
        for f in sorted(faces, key=lambda face: (face.video_id, face.segment, face.track))
    ]


def ask(settings: Settings, bootstrap: str, command: Command, *, limit_s: float = ANSWER_LIMIT_S) -> CommandAnswered:
    """Send a command and wait for what the gallery says.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer, or the identity stage does not within `limit_s`.
    UsageError
        The gallery refuses, or could not read it; the message says why.
    """
    _check(command)
    give_up_at_s = time.monotonic() + limit_s
    with closing(follow(settings, bootstrap, ["commands"], start="end", idle_s=0.2)) as records:
        with BulkProducer(settings, bootstrap) as producer:
            producer.send(command)
        for record in records:
            answer = readable(record) if record and record.value else None
            if isinstance(answer, CommandAnswered) and answer.command_id == command.event_id:
                return _accepted(answer)
            if time.monotonic() > give_up_at_s:
                break
    raise BrokerUnavailable(
        f"the identity stage did not answer within {limit_s:.0f} s; the command waits on its topic and takes effect "
        "when the stage runs: `groundswell worker identity`, or `groundswell up`"
    )


def new_id() -> str:
    """Name a command: each time it is given it is another one."""
    return str(uuid.uuid4())


def last_undoable(settings: Settings, bootstrap: str) -> AnyCommand:
    """Find the last command that took effect and can be taken back.

    Raises
    ------
    UsageError
        There is none.
    """
    records = latest_per_key(read_to_end(settings, bootstrap, ["commands"])).values()
    events = map(readable, sorted(records, key=lambda record: record.offset))
    return undoable_among([event for event in events if event is not None])


def undoable_among(events: Sequence[Event]) -> AnyCommand:
    """The same, from the events of ``commands`` in their order.

    Raises
    ------
    UsageError
        There is none.
    """
    done = {e.command_id for e in events if isinstance(e, CommandAnswered) and e.state == "done"}
    undone = {e.command_id for e in events if isinstance(e, CommandUndone) and e.event_id in done}
    for event in reversed(events):
        is_command = isinstance(event, Command) and not isinstance(event, NOT_UNDOABLE)
        if is_command and event.event_id in done - undone:
            return event  # type: ignore[return-value]  # every Command of the topic is one of AnyCommand
    raise UsageError("nothing was done that can be taken back")


def photos_of(settings: Settings, paths: Sequence[Path]) -> tuple[Photo, ...]:
    """Find the one face in each picture.

    Raises
    ------
    UsageError
        A picture shows nobody well enough, or more than one person.
    MediaUnreadable
        It is no picture.
    WeightsMissing
        The face networks cannot be fetched.
    """
    # OpenVINO and OpenCV take half a second to load, which no other command should wait for.
    from streams.face_photos import PhotoAlbum, load_sight, photo_of

    album = PhotoAlbum(load_sight(settings))
    return tuple(photo_of(album.sight, album.faces(path), picture=path.read_bytes(), name=str(path)) for path in paths)


def _accepted(answer: CommandAnswered) -> CommandAnswered:
    if answer.state == "refused":
        raise UsageError(answer.message)
    return answer


def _latest(settings: Settings, bootstrap: str, topic: str, kind: type[AnEvent]) -> list[AnEvent]:
    records = latest_per_key(read_to_end(settings, bootstrap, [topic])).values()
    return [event for event in map(readable, records) if isinstance(event, kind)]


def readable(record: Record) -> Event | None:
    """Read an event; None for what somebody else put on the topic: stages make a dead letter of it."""
    try:
        return event_of(record)
    except Unreadable:
        return None


def _check(command: Command) -> None:
    """Refuse here what no stage could read: on the topic it would stay for ever."""
    try:
        decode(encode(command), (type(command),))
    except Unreadable as error:
        raise UsageError(f"this cannot be asked of the gallery: {error}") from error
