"""What a batch of records does to the library; one fold for every store.

Every part lies under its record key, and the records of one key come in one order. So the order in which topics
are read does not matter, and a library that is built anew is the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from dashboard.library_core import Core, Item, folded, shortened
from dashboard.library_observed import Shorts, may_change
from dashboard.library_store import Part, Thing, View, Writes
from dashboard.rows import Change, Moment
from schemas.codec import encode
from schemas.commands import Command, CommandAnswered, CommandUndone, IdentityEnrolled
from schemas.deadletters import EventRedriven, EventRejected
from schemas.erased import VideoErased
from schemas.errors import Unreadable
from schemas.event import Event
from schemas.faces import FaceTracked
from schemas.features import FeatureExtracted, Vector
from schemas.identities import IdentityRecorded
from schemas.labels import LabelGiven
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.promotions import RoleGiven
from schemas.releases import ReleasePublished
from schemas.scoreboard import ScoreKept
from schemas.summaries import Summarised
from schemas.targets import TargetDefined
from streams.kafka.admin import Place
from streams.kafka.bulk import Record, event_of

TOPICS = (
    "targets", "releases", "links", "media", "segments", "features", "faces", "identities", "commands", "summaries",
    "predictions", "progress", "outcomes", "labels", "scoreboard", "dead-letters",
)  # fmt: skip
"""Everything that pages show comes from these."""

OF_VIDEOS = frozenset(
    ("links", "media", "segments", "features", "faces", "summaries", "predictions", "progress", "outcomes", "labels")
)

MOST_MOMENTS = 200
NO_VECTOR = Vector(dim=0, dtype="float32", data=b"")

_WITHOUT_PARTS = ("links", "progress")
_SKIPPED = {"media": "/duplicate/", "segments": "/count", "scoreboard": "/judged/"}
"""Record keys with these belong to events that no page shows."""
LABEL = "video/scope/target/label/by"


@dataclass
class Heard:
    """A record that was read: whose it is, what it is called there, and what it says."""

    record: Record
    key: str
    event: Event | None
    video_id: str = ""
    name: str = ""


@dataclass
class _State:
    view: View
    writes: Writes
    shorts: Shorts
    erased: dict[str, int] = field(default_factory=dict)


def fold(records: Sequence[Record], view: View) -> Writes:
    """Take a batch in: every record that is newer than the offsets of the view."""
    offsets = view.offsets()
    new = _newer(records, offsets)
    writes = Writes(offsets=offsets)
    if not new:
        return writes
    heard = [found for record in new if (found := _heard(record, writes)) is not None]
    state = _State(view, writes, Shorts(view, (h.video_id for h in heard if may_change(h.event, h.name)), writes))
    videos = sorted({h.video_id for h in heard if h.video_id})
    state.erased = {key: int(thing.at) for key, thing in view.things("erased", videos).items()}
    writes.cores.update(view.cores(sorted({h.video_id for h in heard if h.video_id and _touches_core(h)})))
    before = dict(writes.cores)
    for one in heard:
        if one.video_id:
            _take_of_video(one, state)
        else:
            _take_thing(one, state)
    writes.cores = {key: core for key, core in writes.cores.items() if core is not before.get(key)}
    writes.newest_ms = max(record.timestamp_ms for record in new)
    return writes


def changes_of(records: Iterable[Record]) -> list[Change]:
    """What records change, each thing once, whoever takes them in."""
    writes = Writes()
    for record in records:
        found = _heard(record, writes) if record.topic in TOPICS else None
        if found is not None:
            _note_change(found, writes)
    return list(writes.changes)


def _newer(records: Sequence[Record], offsets: dict[Place, int]) -> list[Record]:
    """Leave out what was taken before, and move the offsets on."""
    new = []
    for record in records:
        place = (record.topic, record.partition)
        if record.topic in TOPICS and record.offset >= offsets.get(place, 0):
            offsets[place] = record.offset + 1
            new.append(record)
    return new


def _heard(record: Record, writes: Writes) -> Heard | None:
    """Read a record; None for what no page shows, and for what nobody can read, which is counted."""
    try:
        key = (record.key or b"").decode()
        if _is_skipped(record.topic, key):
            return None
        event = None if record.value is None else event_of(record)
    except (Unreadable, UnicodeDecodeError):
        writes.unreadable += 1
        return None
    if record.topic not in OF_VIDEOS:
        return Heard(record, key, event)
    video_id, _, rest = key.partition("/")
    if not video_id or (event is not None and getattr(event, "video_id", "") != video_id):
        writes.unreadable += 1
        return None
    return Heard(record, key, event, video_id, name_of(record.topic, rest))


def name_of(topic_name: str, rest: str) -> str:
    """Name a video's part: features by modality first, since pages ask for one modality of all segments.

    >>> name_of("features", "3/text")
    'features/text/3'
    """
    if topic_name == "features":
        scope, _, modality = rest.partition("/")
        rest = f"{modality}/{scope}"
    return f"{topic_name}/{rest}"


def _is_skipped(topic_name: str, key: str) -> bool:
    if topic_name == "faces":
        return key.startswith("command/") or key.endswith("/count")
    if topic_name == "summaries":
        return not key.endswith("/video")
    if topic_name == "labels":
        return key.count("/") < LABEL.count("/")
    return topic_name in _SKIPPED and _SKIPPED[topic_name] in key


def _touches_core(heard: Heard) -> bool:
    topic_name = heard.record.topic
    is_detail = topic_name in ("segments", "faces", "outcomes", "labels")
    return not is_detail and (topic_name != "features" or heard.name == "features/identity/video")


def _take_of_video(heard: Heard, state: _State) -> None:
    writes, at_ms = state.writes, heard.record.timestamp_ms
    if isinstance(heard.event, VideoErased):
        _erase(heard, state)
    elif heard.event is None:
        _take_back(heard, state)
    elif at_ms > state.erased.get(heard.video_id, -1):
        if _touches_core(heard):
            _put_item(heard, state)
        if heard.record.topic not in _WITHOUT_PARTS:
            writes.parts[heard.video_id, heard.name] = Part(at_ms, encode(_shown(heard.event)))
        if isinstance(heard.event, LabelGiven):
            label = heard.event
            writes.things["labels", heard.key] = Thing(label.target, at_ms / 1000, encode(label))
        if isinstance(heard.event, OutcomeObserved):
            state.shorts.put(heard.event, heard.name, at_ms=at_ms)
    else:
        return
    _note_change(heard, writes)


def _erase(heard: Heard, state: _State) -> None:
    """Forget what was written of a video up to now, also where that is still to be read."""
    video_id, at_ms = heard.video_id, heard.record.timestamp_ms
    writes = state.writes
    state.erased[video_id] = max(at_ms, state.erased.get(video_id, -1))
    writes.erased[video_id] = state.erased[video_id]
    writes.things["erased", video_id] = Thing("", float(state.erased[video_id]), b"")
    core = writes.cores.get(video_id) or Core(video_id)
    writes.cores[video_id] = core.since(at_ms)
    state.shorts.erase(video_id, erased_ms=at_ms)
    for (owner, name), part in list(writes.parts.items()):
        if owner == video_id and part is not None and part.at_ms <= at_ms:
            writes.parts[owner, name] = None


def _take_back(heard: Heard, state: _State) -> None:
    """A tombstone: the part goes, and with a prediction its story."""
    writes, video_id = state.writes, heard.video_id
    if heard.name == "media/erased":
        writes.things["erased", video_id] = None
        state.erased.pop(video_id, None)
        return
    core = writes.cores.get(video_id)
    if core and heard.name in core.items:
        item = core.items[heard.name]
        for number in range(max(0, item.moments - MOST_MOMENTS), item.moments):
            writes.parts[video_id, _moment_name(heard, number)] = None
        writes.cores[video_id] = core.without(heard.name)
    if heard.record.topic not in _WITHOUT_PARTS:
        writes.parts[video_id, heard.name] = None
    if heard.record.topic == "labels":
        writes.things["labels", heard.key] = None
    elif heard.record.topic == "outcomes":
        state.shorts.take_back(video_id, heard.name)


def _put_item(heard: Heard, state: _State) -> None:
    event, at_ms = shortened(heard.event) if heard.event else None, heard.record.timestamp_ms
    if event is None:
        return
    core = state.writes.cores.get(heard.video_id) or Core(heard.video_id)
    old = core.items.get(heard.name)
    moments = old.moments if old else 0
    if isinstance(event, VideoScored) and _is_another(old, event):
        _write_moment(heard, event, number=moments, writes=state.writes)
        moments += 1
    item = Item(old.first_ms if old else at_ms, at_ms, event, moments)
    state.writes.cores[heard.video_id] = core.with_item(heard.name, item)


def _is_another(old: Item | None, event: VideoScored) -> bool:
    if old is None or not isinstance(old.event, VideoScored):
        return True
    before = old.event
    return (before.value, before.release_id, before.stage) != (event.value, event.release_id, event.stage)


def _write_moment(heard: Heard, event: VideoScored, *, number: int, writes: Writes) -> None:
    at_ms = heard.record.timestamp_ms
    moment = Moment(
        target=event.target,
        at_s=at_ms / 1000,
        value=event.value,
        low=event.interval.low,
        high=event.interval.high,
        stage=event.stage,
        release_id=event.release_id,
        probability=event.probability,
    )
    writes.parts[heard.video_id, _moment_name(heard, number)] = Part(at_ms, msgspec.json.encode(moment))
    if number >= MOST_MOMENTS:
        writes.parts[heard.video_id, _moment_name(heard, number - MOST_MOMENTS)] = None


def _moment_name(heard: Heard, number: int) -> str:
    return f"moments/{heard.name.partition('/')[2]}/{number:09d}"


def _shown(event: Event) -> Event:
    """An event without its vectors: faces must not be known again from here."""
    match event:
        case FeatureExtracted():
            return msgspec.structs.replace(event, vector=None)
        case FaceTracked():
            return msgspec.structs.replace(event, vector=NO_VECTOR, cannot_link=())
        case Summarised():
            return msgspec.structs.replace(event, pooled={})
        case IdentityRecorded():
            return msgspec.structs.replace(event, centroid=None)
        case IdentityEnrolled():
            photos = tuple(msgspec.structs.replace(photo, vector=NO_VECTOR) for photo in event.photos)
            return msgspec.structs.replace(event, photos=photos)
    return event


def _take_thing(heard: Heard, state: _State) -> None:
    things = state.writes.things
    if isinstance(heard.event, EventRedriven):
        _redrive(heard.event, state)
    elif heard.event is None:
        is_answer = heard.key.startswith("answer/")
        for kind in ("answers",) if is_answer else _KINDS[heard.record.topic]:
            things[kind, heard.key.removeprefix("answer/")] = None
    else:
        for kind, key, thing in _THINGS.get(type(heard.event), _as_command)(heard):
            things[kind, key] = thing
    _note_change(heard, state.writes)


def _redrive(event: EventRedriven, state: _State) -> None:
    """A letter that was put back waits no more, unless it died again since."""
    name = ("letters", event.rejected_key)
    letter = state.writes.things.get(name) or state.view.things("letters", [event.rejected_key]).get(event.rejected_key)
    if letter is not None and letter.at <= event.redriven_at_s:
        state.writes.things[name] = None


Put = tuple[str, str, Thing | None]


def _as_person(heard: Heard) -> list[Put]:
    person = heard.event
    assert isinstance(person, IdentityRecorded)  # noqa: S101  # the table below says so
    stands = not person.merged_into and bool(person.name or person.tracks or person.photos)
    known = Thing(folded(person.name), person.screen_s, encode(_shown(person)))
    merged = Thing("", 0.0, (person.merged_into or "").encode())
    return [
        ("people", heard.key, known if stands else None),
        ("merged", heard.key, merged if person.merged_into else None),
    ]


def _as_answer(heard: Heard) -> list[Put]:
    assert isinstance(heard.event, CommandAnswered)  # noqa: S101
    answer = Thing("", float(heard.record.offset), encode(heard.event), heard.record.timestamp_ms)
    return [("answers", heard.event.command_id, answer)]


def _as_command(heard: Heard) -> list[Put]:
    """Commands lie in one partition; they are listed in its order."""
    if not isinstance(heard.event, Command):
        return []
    at, at_ms = float(heard.record.offset), heard.record.timestamp_ms
    made: list[Put] = [("commands", heard.key, Thing("", at, encode(_shown(heard.event)), at_ms))]
    if isinstance(heard.event, CommandUndone):
        made.append(("undoings", heard.event.command_id, Thing("", at, heard.key.encode(), at_ms)))
    return made


def _as(kind: str, group: Callable[[Event], str], at: Callable[[Event], float]) -> Callable[[Heard], list[Put]]:
    def put(heard: Heard) -> list[Put]:
        if heard.event is None:
            return []
        at_ms = heard.record.timestamp_ms
        return [(kind, heard.key, Thing(group(heard.event), at(heard.event), encode(heard.event), at_ms))]

    return put


def _target(event: Event) -> str:
    return str(getattr(event, "target", ""))


_THINGS: dict[type[Event], Callable[[Heard], list[Put]]] = {
    IdentityRecorded: _as_person,
    CommandAnswered: _as_answer,
    TargetDefined: _as("targets", lambda event: "", lambda event: 0.0),
    ReleasePublished: _as("releases", _target, lambda event: float(getattr(event, "trained_at_s", 0.0))),
    RoleGiven: _as("roles", _target, lambda event: float(getattr(event, "given_at_s", 0.0))),
    ScoreKept: _as("scores", _target, lambda event: 0.0),
    EventRejected: _as(
        "letters",
        lambda event: str(getattr(event, "stage", "")),
        lambda event: float(getattr(event, "rejected_at_s", 0.0)),
    ),
}

_KINDS: dict[str, tuple[str, ...]] = {
    "identities": ("people", "merged"),
    "commands": ("commands",),
    "targets": ("targets",),
    "releases": ("releases", "roles"),
    "scoreboard": ("scores",),
    "dead-letters": ("letters",),
}
"""What a tombstone on a topic may take away."""


def _note_change(heard: Heard, writes: Writes) -> None:
    for change in _changes(heard):
        writes.changes[change] = None


def _changes(heard: Heard) -> list[Change]:
    if heard.video_id:
        also = {"labels": "label", "outcomes": "outcome"}.get(heard.record.topic)
        about = heard.key.split("/")[2] if also == "label" else heard.video_id
        return [Change("video", heard.video_id), *([Change(also, about)] if also else [])]  # type: ignore[arg-type]
    key = heard.key
    match heard.record.topic:
        case "identities":
            return [Change("person", key)]
        case "commands":
            return [Change("command", key.removeprefix("answer/"))]
        case "targets":
            return [Change("target", key.partition("/")[0])]
        case "releases":
            return [Change("release", key.removesuffix("/role"))]
        case "scoreboard":
            return [Change("scoreboard", key.partition("/")[0])]
        case "dead-letters":
            return [Change("dead-letter", key.removesuffix("/redriven"))]
    return []
