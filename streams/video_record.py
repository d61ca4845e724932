"""Everything the topics hold about one video, put together for a person: what was seen, heard and said, and when."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from schemas.errors import UsageError
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted, Label
from schemas.media import MediaFetched
from schemas.predictions import VideoScored
from schemas.segments import SegmentCut
from streams.class_moments import TOGETHER_S
from streams.kafka.admin import partition_counts
from streams.kafka.bulk import event_of, latest_per_key, read_to_end
from streams.kafka.partitioning import partition_of
from streams.keyframes import Keyframe
from streams.settings import Settings
from streams.topology import STAGES

TOPICS = ("media", "segments", "features", "predictions")

NO_ANSWER = "no answer yet"

NAMELESS: Mapping[str, str] = MappingProxyType({})


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the video's time in seconds."""

    start_s: float
    end_s: float


class ShownLabel(msgspec.Struct, frozen=True, kw_only=True):
    """Something recognised anywhere in the video; `keyframe` is the path of a picture at `best_s`."""

    modality: str
    name: str
    score: float
    best_s: float
    times: tuple[Stretch, ...]
    keyframe: str | None


class ShownAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one modality says of one segment; `absent_reason` says why it says nothing."""

    model: str = ""
    absent_reason: str | None = None
    labels: tuple[Label, ...] = ()
    numbers: dict[str, float] = msgspec.field(default_factory=dict)


class ShownSegment(msgspec.Struct, frozen=True, kw_only=True):
    """One segment: its words and where they are from, and every modality's answer."""

    index: int
    start_s: float
    end_s: float
    words: str
    words_source: str
    answers: dict[str, ShownAnswer]


class ShownVideo(msgspec.Struct, frozen=True, kw_only=True):
    """A video as ``groundswell show`` prints it.

    `whole` holds the answers about the video as a whole, `people` the names of those in it who have one, by identity.
    `is_described`: it is a row of a table, of which nobody has seen more than the words.
    """

    video_id: str
    title: str
    duration_s: float
    duplicate_of: str | None
    labels: tuple[ShownLabel, ...]
    whole: dict[str, ShownAnswer]
    segments: tuple[ShownSegment, ...]
    people: dict[str, str] = msgspec.field(default_factory=dict)
    predictions: tuple[VideoScored, ...] = ()
    is_described: bool = False


@dataclass
class VideoRecord:
    """The newest events about one video, of the content that was fetched last."""

    media: MediaFetched
    cuts: dict[int, SegmentCut] = field(default_factory=dict)
    features: dict[tuple[str, str], FeatureExtracted] = field(default_factory=dict)
    """By scope and modality."""
    predictions: dict[str, VideoScored] = field(default_factory=dict)
    """By target."""


def read_record(settings: Settings, bootstrap: str, video_id: str) -> VideoRecord:
    """Read one video's partition of every topic that tells about it.

    Raises
    ------
    UsageError
        Nothing was fetched under this id.
    BrokerUnavailable
        Kafka does not answer.
    Unreadable
        A record is none of its topic's events.
    """
    return record_of(_events(settings, bootstrap, video_id), video_id)


def record_of(events: Iterable[Event], video_id: str) -> VideoRecord:
    """Pick what belongs to a video's newest content out of the newest events of each key.

    Raises
    ------
    UsageError
        None of them says that the video was fetched.
    """
    mine = [event for event in events if getattr(event, "video_id", None) == video_id]
    media = MediaFetched.that_counts(event for event in mine if isinstance(event, MediaFetched))
    if media is None:
        raise UsageError(f"nothing was fetched as {video_id!r}; `groundswell watch --all` shows the videos there are")
    record = VideoRecord(media)
    for event in mine:
        match event:
            case SegmentCut(revision=media.revision):
                record.cuts[event.index] = event
            case FeatureExtracted(revision=media.revision):
                record.features[event.scope, event.modality] = event
            case VideoScored(revision=media.revision):
                record.predictions[event.target] = event
    return record


def people_in(record: VideoRecord) -> set[str]:
    """The identities that were recognised anywhere in a video."""
    return {label.name for (_, modality), f in record.features.items() if modality == "identity" for label in f.labels}


def shown(record: VideoRecord, keyframe: Keyframe, names: Mapping[str, str] = NAMELESS) -> ShownVideo:
    """Put a video together for a person; every modality has an answer everywhere, if only that there is none yet."""
    modalities = _modalities(record)
    media = record.media
    return ShownVideo(
        video_id=media.video_id,
        title=media.metadata.title,
        duration_s=media.duration_s,
        duplicate_of=media.duplicate_of,
        labels=tuple(_labels(record, keyframe)),
        whole={m: _answer(f) for (scope, m), f in sorted(record.features.items()) if scope == WHOLE_VIDEO},
        segments=tuple(_segment(record, cut, modalities) for _, cut in sorted(record.cuts.items())),
        people={identity: names[identity] for identity in sorted(people_in(record)) if identity in names},
        is_described=media.is_described,
        predictions=tuple(scored for _, scored in sorted(record.predictions.items())),
    )


def _events(settings: Settings, bootstrap: str, video_id: str) -> Iterator[Event]:
    counts = partition_counts(settings, bootstrap)
    own = video_id.encode()
    for topic in TOPICS:
        # A topic that is missing altogether is reported by read_to_end.
        partitions = [partition_of(video_id, counts[topic])] if topic in counts else None
        records = read_to_end(settings, bootstrap, [topic], partitions=partitions)
        mine = (r for r in records if r.key is not None and (r.key == own or r.key.startswith(own + b"/")))
        yield from map(event_of, latest_per_key(mine).values())


def _modalities(record: VideoRecord) -> tuple[str, ...]:
    """Those of the pipeline in its order, then others that have answered all the same."""
    expected = [stage.name for stage in STAGES if "features" in stage.writes]
    return tuple(dict.fromkeys([*expected, *sorted(modality for _, modality in record.features)]))


def _segment(record: VideoRecord, cut: SegmentCut, modalities: tuple[str, ...]) -> ShownSegment:
    features = {m: record.features.get((str(cut.index), m)) for m in modalities}
    heard = next((f.transcript for f in features.values() if f and f.transcript), None)
    return ShownSegment(
        index=cut.index,
        start_s=cut.start_s,
        end_s=cut.end_s,
        words=cut.text or (heard.text if heard else ""),
        words_source=cut.text_source if cut.text or heard is None else heard.source,
        answers={m: _answer(feature) for m, feature in features.items()},
    )


def _answer(feature: FeatureExtracted | None) -> ShownAnswer:
    if feature is None:
        return ShownAnswer(absent_reason=NO_ANSWER)
    return ShownAnswer(
        model=f"{feature.model} {feature.model_version}",
        absent_reason=feature.absent_reason,
        labels=feature.labels,
        numbers=feature.numbers,
    )


def _labels(record: VideoRecord, keyframe: Keyframe) -> list[ShownLabel]:
    """All labels of all segments, those of one name together, surest first."""
    found: dict[tuple[str, str], list[tuple[SegmentCut, Label]]] = {}
    for index, cut in sorted(record.cuts.items()):
        for modality in _modalities(record):
            feature = record.features.get((str(index), modality))
            for label in feature.labels if feature else ():
                found.setdefault((modality, label.name), []).append((cut, label))
    merged = [_merged(modality, seen, keyframe) for (modality, _), seen in found.items()]
    return sorted(merged, key=lambda label: (-label.score, label.modality, label.name))


def _merged(modality: str, seen: list[tuple[SegmentCut, Label]], keyframe: Keyframe) -> ShownLabel:
    cut, best = max(seen, key=lambda pair: pair[1].score)
    best_s = next(s for s in (best.best_s, best.start_s, cut.start_s) if s is not None)
    path = keyframe(cut, best_s)
    return ShownLabel(
        modality=modality,
        name=best.name,
        score=best.score,
        best_s=best_s,
        times=_joined([_stretch(*pair) for pair in seen]),
        keyframe=str(path) if path else None,
    )


def _stretch(cut: SegmentCut, label: Label) -> Stretch:
    start_s = cut.start_s if label.start_s is None else label.start_s
    return Stretch(start_s=start_s, end_s=cut.end_s if label.end_s is None else label.end_s)


def _joined(stretches: list[Stretch]) -> tuple[Stretch, ...]:
    """Join stretches, in order of time, between which there is hardly a gap."""
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and stretch.start_s - joined[-1].end_s <= TOGETHER_S:
            joined[-1] = Stretch(start_s=joined[-1].start_s, end_s=max(joined[-1].end_s, stretch.end_s))
        else:
            joined.append(stretch)
    return tuple(joined)
