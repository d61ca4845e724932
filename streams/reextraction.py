"""One stage again over past segments: another version of its model, beside what stands until it is promoted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from processors.folding import OnSkip
from processors.per_segment import PerSegment
from processors.ports import MediaStore
from schemas.errors import GroundswellError, UsageError
from schemas.event import Event, VideoId, derive_id
from schemas.features import FAILED, FeatureExtracted, FeatureReextracted
from schemas.media import MediaFetched
from schemas.segments import SegmentCut, VideoSegmented
from streams.topology import STAGES, stage

_MEDIA = {"visual": "frames_ref", "audio": "audio_ref"}
"""What a stage reads of a segment."""

AnyEvent = TypeVar("AnyEvent", bound=Event)


class NotAlone(UsageError):
    """A stage whose answers mean something only with what other stages said of them."""


@dataclass(frozen=True, kw_only=True)
class PastVideo:
    """What is known of one video: its segments, what stands, and what lies beside it."""

    video_id: VideoId
    media: MediaFetched | None
    count: int | None
    segments: tuple[SegmentCut, ...]
    standing: dict[str, FeatureExtracted] = field(default_factory=dict)
    beside: dict[tuple[str, str], FeatureExtracted] = field(default_factory=dict)


def repeatable() -> tuple[str, ...]:
    """Name the stages that can be run again by themselves."""
    return tuple(s.name for s in STAGES if s.name in _MEDIA and s.reads == ("segments",))


def check_repeatable(name: str) -> None:
    """Refuse what cannot be run again by itself.

    Raises
    ------
    NotAlone
        Not one of `repeatable`; says which those are.
    """
    if name not in repeatable():
        raise NotAlone(f"stage {name!r} cannot be run again by itself; {' and '.join(repeatable())} can")


def past_videos(events: Iterable[Event], modality: str) -> list[PastVideo]:
    """Put the last events of each key together by video; only what belongs to the newest content."""
    by_video: dict[VideoId, list[Event]] = {}
    for event in events:
        by_video.setdefault(getattr(event, "video_id", ""), []).append(event)
    return [_past_video(video_id, mine, modality) for video_id, mine in sorted(by_video.items())]


def is_kept(video: PastVideo, modality: str, media: MediaStore) -> bool:
    """Whether everything that the stage reads of a video is still in the media store."""
    refs = (getattr(segment, _MEDIA[modality]) for segment in video.segments)
    return all(ref is None or media.exists(ref) for ref in refs)


def to_do(video: PastVideo, version: str) -> list[SegmentCut]:
    """Name the segments that this version has not answered yet; a failure is no answer."""
    return [s for s in video.segments if _is_missing(_answer(video, str(s.index), version))]


def extract(
    processor: PerSegment, segments: Sequence[SegmentCut], *, batch: int, on_skip: OnSkip
) -> Iterator[FeatureReextracted]:
    """Send segments through the live stage; only features come out.

    A segment that cannot be answered is told to `on_skip`, and the video stays as it is.
    """
    for start in range(0, len(segments), batch):
        for answers in _transformed(processor, segments[start : start + batch], on_skip):
            yield from (_beside(answer) for answer in answers if isinstance(answer, FeatureExtracted))


def promotable(video: PastVideo, version: str) -> list[FeatureExtracted]:
    """Give what shall stand instead: a whole video's answers of one version, or nothing.

    Sums of two versions of a model would mean nothing, so that a video changes whole or not at all.
    """
    if video.count is None or len(video.segments) < video.count:
        return []
    answers = [_answer(video, str(segment.index), version) for segment in video.segments]
    if any(map(_is_missing, answers)):
        return []
    return [answer for answer in answers if answer and video.standing.get(answer.scope) != answer]


def longest_batch(name: str) -> int:
    """How many segments the stage takes at once, live as here."""
    return stage(name).batch


def _past_video(video_id: VideoId, events: list[Event], modality: str) -> PastVideo:
    media = next((e for e in _of(events, MediaFetched) if not e.is_described), None)
    counts = [e for e in _of(events, VideoSegmented) if media and e.revision == media.revision]
    count = counts[-1].count if counts else None
    cuts = [e for e in _of(events, SegmentCut) if media and e.revision == media.revision and e.index < (count or 0)]
    features = [e for e in _of(events, FeatureExtracted) if e.modality == modality]
    beside = [e.feature for e in _of(events, FeatureReextracted) if e.feature.modality == modality]
    current = media.revision if media else ""
    return PastVideo(
        video_id=video_id,
        media=media,
        count=count,
        segments=tuple(sorted(cuts, key=lambda cut: cut.index)),
        standing={f.scope: f for f in features if f.revision == current},
        beside={(f.scope, f.model_version): f for f in beside if f.revision == current},
    )


def _of(events: Iterable[Event], kind: type[AnyEvent]) -> Iterator[AnyEvent]:
    return (event for event in events if isinstance(event, kind))


def _answer(video: PastVideo, scope: str, version: str) -> FeatureExtracted | None:
    beside, standing = video.beside.get((scope, version)), video.standing.get(scope)
    if standing is not None and standing.model_version == version and not _is_missing(standing):
        return standing
    return beside


def _is_missing(answer: FeatureExtracted | None) -> bool:
    return answer is None or (answer.absent_reason or "").startswith(FAILED)


def _transformed(processor: PerSegment, group: Sequence[SegmentCut], on_skip: OnSkip) -> list[list[Event]]:
    try:
        return processor.transform(group)
    except GroundswellError as error:
        if len(group) == 1:
            on_skip(group[0], error)
            return []
        return [answers for one in group for answers in _transformed(processor, [one], on_skip)]


def _beside(feature: FeatureExtracted) -> FeatureReextracted:
    event_id = derive_id("replay", "1", feature.event_id)
    return FeatureReextracted(event_id=event_id, video_id=feature.video_id, feature=feature)
