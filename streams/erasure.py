"""Erasing a person or a video: from the gallery, from every topic, and from the media store."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

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
from schemas.erased import VideoErased
from schemas.errors import UsageError
from schemas.event import Event, VideoId
from schemas.faces import FaceTracked
from schemas.identities import IdentityRecorded
from schemas.influence import AppearanceRecorded
from schemas.scoreboard import PredictionJudged
from streams.erasure_video import (
    Key,
    contents_of,
    copies_of,
    is_of_video,
    keys_of_videos,
    still_to_read,
    traces_of_video,
)
from streams.kafka.bulk import BulkProducer, Record, latest_per_key, read_to_end
from streams.kafka.lag import answered_to, group_lags
from streams.keyframes import FOLDER as KEYFRAMES
from streams.keyframes import Keyframes
from streams.people import ask, new_id, readable, tracks_of
from streams.settings import Settings
from streams.topology import TOPICS
from streams.traces import Search, Traces
from streams.world import open_media

STAYING = ("ticks", "releases", "targets")
"""Topics without a word about videos or people."""

QUIET_LIMIT_S = 120.0
"""A stage that works on a video may take so long to finish before it is erased."""

LOOK_AGAIN_S = 0.5

Names = IdentityNamed | IdentityEnrolled


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did, and what must not be found any more.

    Attributes
    ----------
    records : dict
        Records deleted, by topic.
    copies : tuple of str
        Videos with the same bytes, erased as well.
    at_work : tuple of str
        Stages that had not finished with a video in time: what they still write comes back.
    """

    what: str
    traces: Traces
    records: dict[str, int] = {}
    files: int = 0
    copies: tuple[VideoId, ...] = ()
    at_work: tuple[str, ...] = ()


def erase_person(settings: Settings, bootstrap: str, person: IdentityRecorded) -> Erased:
    """Forget somebody: faces, photos, name, crops, and the commands about them.

    Raises
    ------
    BrokerUnavailable
        Kafka or the identity stage does not answer.
    """
    records = _everything(settings, bootstrap)
    mine = {track.track for track in tracks_of(settings, bootstrap, person.identity_id)}
    events = _events(records)
    ids = {person.identity_id, *_merged_into(events.values(), person.identity_id)}
    request = IdentityForgotten(event_id=new_id(), given_at_s=time.time(), identity_id=person.identity_id)
    answer = ask(settings, bootstrap, request)
    about = _commands_about(events.values(), ids=ids, answer=answer)
    traces = _traces_of_person(events.values(), about, ids=ids, tracks=mine | set(answer.erased))
    traces = msgspec.structs.replace(traces, refs=tuple(sorted({*traces.refs, *answer.erased_refs})))
    keys = {key.encode() for key in answer.erased} | _keys_of_commands(answer, about)
    search = Search(traces)
    doomed = [key for key in records if key[2] in keys or _is_dead_with(key, records[key], search)]
    store = open_media(settings)
    files = sum(store.remove(ref) for ref in traces.refs)  # type: ignore[attr-defined]  # both of our stores can
    deleted = _bury(settings, bootstrap, [*doomed, _answer_key(answer)])
    return Erased(what=person.identity_id, traces=traces, records=deleted, files=files)


def erase_video(
    settings: Settings,
    bootstrap: str,
    video_id: VideoId,
    *,
    limit_s: float = QUIET_LIMIT_S,
    say: Callable[[str], None] = lambda line: None,
) -> Erased:
    """Erase a video and its copies: records on every topic, files, faces, and what stages remember of it.

    Stages that work on it are let finish first, and what they wrote meanwhile goes too: so nothing comes back.

    Parameters
    ----------
    limit_s : float
        Stages that take longer are not waited for; `Erased.at_work` names them.
    say : callable
        Hears in a line what is waited for.

    Raises
    ------
    BrokerUnavailable
        Kafka or the identity stage does not answer.
    UsageError
        Nothing is known of it.
    """
    events = _events(_everything(settings, bootstrap))
    ids = (video_id, *copies_of(events.values(), video_id))
    if not any(is_of_video(key[2], video_id) for key in events):
        raise UsageError(f"nothing is known of {video_id}; `groundswell watch --all` shows what was submitted")
    done, give_up_at_s = Erased(what=video_id, traces=Traces(), copies=ids[1:]), time.monotonic() + limit_s
    while True:
        at_work = _wait_for_stages(settings, bootstrap, ids, give_up_at_s=give_up_at_s, say=say)
        part = _erase_what_is_there(settings, bootstrap, ids)
        done = msgspec.structs.replace(_sum(done, part), at_work=at_work)
        if not part.records or at_work:
            return done


def _wait_for_stages(
    settings: Settings, bootstrap: str, ids: Sequence[VideoId], *, give_up_at_s: float, say: Callable[[str], None]
) -> tuple[str, ...]:
    """Wait until every running stage has answered all there is of videos; name those that have not in time."""
    before: set[tuple[Key, int]] | None = None
    while True:
        records = _everything(settings, bootstrap)
        keys = keys_of_videos(_events(records), ids)
        mine = {(key, records[key].offset) for key in keys}
        if mine == before:
            return ()
        before = mine
        running = [group.stage for group in group_lags(settings, bootstrap) if group.members]
        while at_work := still_to_read(
            (records[key] for key in keys), {stage: answered_to(settings, bootstrap, stage) for stage in running}
        ):
            if time.monotonic() > give_up_at_s:
                return tuple(at_work)
            say(f"waiting for {', '.join(at_work)} to finish with {ids[0]}")
            time.sleep(LOOK_AGAIN_S)


def _erase_what_is_there(settings: Settings, bootstrap: str, ids: Sequence[VideoId]) -> Erased:
    records = _everything(settings, bootstrap)
    events = _events(records)
    keys = set(keys_of_videos(events, ids))
    if not keys:
        return Erased(what=ids[0], traces=Traces())
    mine, others = [events[key] for key in keys], [event for key, event in events.items() if key not in keys]
    answers = [
        _tell_folds(settings, bootstrap, video_id, events=[e for e in mine if getattr(e, "video_id", "") == video_id])
        for video_id in ids
    ]
    traces = traces_of_video(mine, others, video_ids=ids)
    refs = tuple(sorted({*traces.refs, *(ref for answer in answers for ref in answer.erased_refs)}))
    traces = msgspec.structs.replace(traces, refs=refs)
    erased = {key.encode() for answer in answers for key in answer.erased}
    search = Search(traces)
    keys |= {key for key in records if key[2] in erased or _is_dead_with(key, records[key], search)}
    files = _delete_files(settings, ids, [*refs, *_notes_of_content(settings, mine, ids)])
    deleted = _bury(settings, bootstrap, [*keys, *map(_answer_key, answers)])
    return Erased(what=ids[0], traces=traces, records=deleted, files=files)


def _tell_folds(settings: Settings, bootstrap: str, video_id: VideoId, *, events: Sequence[Event]) -> CommandAnswered:
    """Have every stage with states forget a video: the gallery its faces, creators and the scoreboard that it counted."""
    with BulkProducer(settings, bootstrap) as producer:
        producer.send(VideoErased(event_id=new_id(), video_id=video_id, erased_at_s=time.time()))
        for appearance in (event for event in events if isinstance(event, AppearanceRecorded) and event.share):
            producer.send(msgspec.structs.replace(appearance, event_id=new_id(), share=0.0, outcomes=()))
        for judged in (event for event in events if isinstance(event, PredictionJudged) and event.judged):
            producer.send(msgspec.structs.replace(judged, event_id=new_id(), judged=None))
    return ask(settings, bootstrap, EraseRequested(event_id=new_id(), given_at_s=time.time(), video_id=video_id))


def _delete_files(settings: Settings, ids: Iterable[VideoId], refs: Iterable[str]) -> int:
    """Delete files of the media store, the folders of videos, pictures that were shown, partial downloads."""
    store, keyframes = open_media(settings), Keyframes(open_media(settings), settings.home / KEYFRAMES)
    count = 0
    for ref in [ref for ref in refs if not ref.endswith("/")] + [folder_of(video_id) for video_id in ids]:
        count += store.remove(ref)  # type: ignore[attr-defined]  # both of our stores can
    for video_id in ids:
        count += keyframes.forget(video_id)
        shutil.rmtree(settings.home / "scratch" / folder_of(video_id), ignore_errors=True)
    return count


def _notes_of_content(settings: Settings, events: Iterable[Event], ids: Iterable[VideoId]) -> list[str]:
    """Notes that say these videos brought some bytes first; another's stay."""
    store, mine = open_media(settings), {video_id.encode() for video_id in ids}
    return [ref for ref in contents_of(events) if store.exists(ref) and store.get(ref) in mine]


def _sum(done: Erased, part: Erased) -> Erased:
    traces = Traces(
        names=tuple(sorted({*done.traces.names, *part.traces.names})),
        refs=tuple(sorted({*done.traces.refs, *part.traces.refs})),
        vectors=(*done.traces.vectors, *part.traces.vectors),
    )
    records = Counter(done.records) + Counter(part.records)
    return msgspec.structs.replace(done, traces=traces, records=dict(records), files=done.files + part.files)


def _bury(settings: Settings, bootstrap: str, keys: Iterable[Key]) -> dict[str, int]:
    """Write tombstones; how many on each topic."""
    doomed = sorted(set(keys))
    with BulkProducer(settings, bootstrap) as producer:
        for topic_name, partition, key in doomed:
            producer.send_raw(topic_name, partition, key=key, value=None)
    return dict(Counter(topic_name for topic_name, _, _ in doomed))


def _everything(settings: Settings, bootstrap: str) -> dict[Key, Record]:
    names = [topic.name for topic in TOPICS if topic.name not in STAYING]
    records = latest_per_key(read_to_end(settings, bootstrap, names)).values()
    return {(record.topic, record.partition, record.key or b""): record for record in records}


def _events(records: Mapping[Key, Record]) -> dict[Key, Event]:
    """Read events; what nobody can read goes by its key, as an event about nothing."""
    return {key: readable(record) or Event(event_id="") for key, record in records.items()}


def _is_dead_with(key: Key, record: Record, search: Search) -> bool:
    """Whether a dead letter holds a trace."""
    return key[0] == "dead-letters" and search.in_record(record.value or b"") is not None


def _merged_into(events: Iterable[Event], identity_id: str) -> set[str]:
    return {e.identity_id for e in events if isinstance(e, IdentityRecorded) and e.merged_into == identity_id}


def _commands_about(events: Iterable[Event], *, ids: set[str], answer: CommandAnswered) -> list[Names]:
    """Commands that carry a name or a photo of somebody, from their own topic and from the gallery's log."""
    known = {key.removeprefix("command/") for key in answer.erased if key.startswith("command/")}
    found = (event.command if isinstance(event, CommandTaken) else event for event in events)
    return [
        command
        for command in found
        if isinstance(command, IdentityNamed | IdentityEnrolled)
        and (command.event_id in known or command.identity_id in ids)
    ]


def _traces_of_person(events: Iterable[Event], about: Sequence[Names], *, ids: set[str], tracks: set[str]) -> Traces:
    known = list(events)
    faces = [e for e in known if isinstance(e, FaceTracked) and e.record_key in tracks]
    people = [e for e in known if isinstance(e, IdentityRecorded) and e.identity_id in ids]
    photos = [photo.vector for command in about if isinstance(command, IdentityEnrolled) for photo in command.photos]
    others = {e.name for e in known if isinstance(e, IdentityRecorded) and e.identity_id not in ids}
    return Traces(
        names=tuple(sorted({e.name for e in (*people, *about) if e.name and e.name not in others})),
        refs=tuple(sorted({face.crop_ref for face in faces if face.crop_ref})),
        vectors=(*(face.vector for face in faces), *photos, *(e.centroid for e in people if e.centroid is not None)),
    )


def _keys_of_commands(answer: CommandAnswered, about: Iterable[Names]) -> set[bytes]:
    """A command lies on its own topic by its id, and in the gallery's log as taken."""
    ids = {key.removeprefix("command/") for key in answer.erased if key.startswith("command/")}
    ids |= {command.event_id for command in about}
    return {name.encode() for command_id in ids for name in (command_id, f"command/{command_id}")}


def _answer_key(answer: CommandAnswered) -> Key:
    return "commands", 0, answer.record_key.encode()
