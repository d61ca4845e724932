"""Erasing a person or a video: from the gallery, from every topic, and from the media store."""

import time
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from processors.fetch_record import folder_of
from schemas.commands import (
    CommandAnswered,
    CommandTaken,
    EraseRequested,
    IdentityEnrolled,
    IdentityForgotten,
    IdentityNamed,
)
from schemas.deadletters import EventRejected
from schemas.erased import VideoErased
from schemas.errors import UsageError
from schemas.event import Event, VideoId
from schemas.faces import FaceTracked
from schemas.features import Vector
from schemas.identities import IdentityRecorded
from schemas.links import LinkSubmitted
from schemas.media import MediaFetched
from schemas.segments import SegmentCut
from streams.kafka.bulk import BulkProducer, Record, event_of, latest_per_key, read_to_end
from streams.people import ask, new_id, tracks_of
from streams.settings import Settings
from streams.topology import TOPICS
from streams.traces import Search, Traces
from streams.world import open_media

STAYING = ("ticks", "releases", "targets")
"""Topics without a word about videos or people."""

Key = tuple[str, int, bytes]
"""A topic, a partition of it, and a record key."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did, and what must not be found any more."""

    what: str
    records: int
    files: int
    traces: Traces


def erase_person(settings: Settings, bootstrap: str, person: IdentityRecorded) -> Erased:
    """Forget somebody: faces, photos, name, crops, and the commands about them.

    Raises
    ------
    BrokerUnavailable
        Kafka or the identity stage does not answer.
    """
    records = _everything(settings, bootstrap)
    mine = {track.track for track in tracks_of(settings, bootstrap, person.identity_id)}
    events = dict(_events(records))
    ids = {person.identity_id, *_merged_into(events.values(), person.identity_id)}
    about = [c for c in _commands(events.values()) if getattr(c, "identity_id", None) in ids or _named(c, person)]
    traces = _traces_of_person(events.values(), about, ids=ids, tracks=mine)
    answer = ask(
        settings,
        bootstrap,
        IdentityForgotten(event_id=new_id(), given_at_s=time.time(), identity_id=person.identity_id),
    )
    keys = {key.encode() for key in answer.erased} | _keys_of_commands(answer, about)
    doomed = [key for key in records if key[2] in keys] + [_answer_key(answer)]
    return _finish(settings, bootstrap, doomed, person.identity_id, traces=_with_refs(traces, answer))


def erase_video(settings: Settings, bootstrap: str, video_id: VideoId) -> Erased:
    """Erase a video: its records on every topic, its files, its faces, and what stages remember of it.

    Raises
    ------
    BrokerUnavailable
        Kafka or the identity stage does not answer.
    UsageError
        Nothing is known of it.
    """
    records = _everything(settings, bootstrap)
    mine = {key: record for key, record in records.items() if is_of_video(key[2], video_id)}
    if not mine:
        raise UsageError(f"nothing is known of {video_id}; `groundswell watch` shows what was submitted")
    events = [event for _, event in _events(mine)]
    traces = Traces(refs=tuple(sorted(_refs(events))), vectors=tuple(_vectors(events)))
    with BulkProducer(settings, bootstrap) as producer:
        now_s = time.time()
        producer.send(VideoErased(event_id=new_id(), video_id=video_id, erased_at_s=now_s))
    answer = ask(settings, bootstrap, EraseRequested(event_id=new_id(), given_at_s=time.time(), video_id=video_id))
    erased = {key.encode() for key in answer.erased}
    doomed = [*mine, *(key for key in records if key[2] in erased and key not in mine), _answer_key(answer)]
    return _finish(settings, bootstrap, doomed, video_id, traces=_with_refs(traces, answer), folder=folder_of(video_id))


def is_of_video(key: bytes, video_id: VideoId) -> bool:
    """Whether a record key is a video's own: its id, or what begins with it; not the note that it was erased."""
    name = key.decode(errors="replace")
    return name == video_id or (name.startswith(f"{video_id}/") and name != f"{video_id}/erased")


def _finish(
    settings: Settings, bootstrap: str, doomed: Iterable[Key], what: str, *, traces: Traces, folder: str = ""
) -> Erased:
    """Delete files and write tombstones; dead letters with a trace inside go as well."""
    store = open_media(settings)
    places = [*traces.refs, *([folder] if folder else [])]
    files = sum(store.remove(ref) for ref in places)  # type: ignore[attr-defined]  # both of our stores can
    keys = {*doomed, *_dead_letters(settings, bootstrap, traces)}
    with BulkProducer(settings, bootstrap) as producer:
        for topic_name, partition, key in sorted(keys):
            producer.send_raw(topic_name, partition, key=key, value=None)
    return Erased(what=what, records=len(keys), files=files, traces=traces)


def _everything(settings: Settings, bootstrap: str) -> dict[Key, Record]:
    names = [topic.name for topic in TOPICS if topic.name not in STAYING]
    records = latest_per_key(read_to_end(settings, bootstrap, names)).values()
    return {(record.topic, record.partition, record.key or b""): record for record in records}


def _events(records: dict[Key, Record]) -> Iterator[tuple[Key, Event]]:
    for key, record in records.items():
        if record.topic != "dead-letters":
            yield key, event_of(record)


def _dead_letters(settings: Settings, bootstrap: str, traces: Traces) -> Iterator[Key]:
    search = Search(traces)
    for record in latest_per_key(read_to_end(settings, bootstrap, ["dead-letters"])).values():
        event = event_of(record)
        if isinstance(event, EventRejected) and search.in_record(record.value or b""):
            yield record.topic, record.partition, record.key or b""


def _merged_into(events: Iterable[Event], identity_id: str) -> set[str]:
    return {e.identity_id for e in events if isinstance(e, IdentityRecorded) and e.merged_into == identity_id}


def _commands(events: Iterable[Event]) -> list[IdentityNamed | IdentityEnrolled]:
    """Commands that carry a name, from their own topic and from the gallery's log."""
    found = (event.command if isinstance(event, CommandTaken) else event for event in events)
    return [command for command in found if isinstance(command, IdentityNamed | IdentityEnrolled)]


def _named(command: IdentityNamed | IdentityEnrolled, person: IdentityRecorded) -> bool:
    return bool(person.name) and command.name == person.name


def _traces_of_person(
    events: Iterable[Event], about: Sequence[IdentityNamed | IdentityEnrolled], *, ids: set[str], tracks: set[str]
) -> Traces:
    faces = [e for e in events if isinstance(e, FaceTracked) and e.record_key in tracks]
    known = [e for e in events if isinstance(e, IdentityRecorded) and e.identity_id in ids]
    photos = [photo.vector for command in about if isinstance(command, IdentityEnrolled) for photo in command.photos]
    centroids = [e.centroid for e in known if e.centroid is not None]
    names = {e.name for e in known if e.name} | {command.name for command in about if command.name}
    return Traces(
        names=tuple(sorted(names)),
        refs=tuple(sorted({face.crop_ref for face in faces if face.crop_ref})),
        vectors=(*(face.vector for face in faces), *photos, *centroids),
    )


def _keys_of_commands(answer: CommandAnswered, about: Iterable[IdentityNamed | IdentityEnrolled]) -> set[bytes]:
    """A command lies on its own topic by its id, and in the gallery's log as taken."""
    ids = {key.removeprefix("command/") for key in answer.erased if key.startswith("command/")}
    ids |= {command.event_id for command in about}
    return {name.encode() for command_id in ids for name in (command_id, f"command/{command_id}")}


def _answer_key(answer: CommandAnswered) -> Key:
    return "commands", 0, answer.record_key.encode()


def _with_refs(traces: Traces, answer: CommandAnswered) -> Traces:
    return msgspec.structs.replace(traces, refs=tuple(sorted({*traces.refs, *answer.erased_refs})))


def _refs(events: Iterable[Event]) -> Iterator[str]:
    """Every place in the media store that a video's events name."""
    for event in events:
        match event:
            case MediaFetched():
                yield from filter(None, (event.media_ref, event.thumbnail_ref))
                yield from (track.ref for track in event.subtitles if track.ref)
            case SegmentCut():
                yield from filter(None, (event.frames_ref, event.audio_ref))
            case FaceTracked():
                yield from filter(None, (event.crop_ref,))
            case LinkSubmitted():
                yield from filter(None, (event.upload_ref, *(subtitles.ref for subtitles in event.subtitles)))


def _vectors(events: Iterable[Event]) -> Iterator[Vector]:
    return (event.vector for event in events if isinstance(event, FaceTracked))
