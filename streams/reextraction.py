"""One stage again over past segments: another version of its model, beside what stands until it is promoted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

from processors.assemble_summary import VIDEO_MODALITIES
from processors.folding import OnSkip
from processors.per_segment import Author
from processors.ports import MediaStore
from schemas.errors import GroundswellError, UsageError
from schemas.event import WHOLE_VIDEO, Event, Ref, VideoId, derive_id
from schemas.features import FAILED, FeatureExtracted, FeatureReextracted
from schemas.media import MediaFetched
from schemas.segments import SegmentCut, VideoSegmented
from streams.topology import STAGES, stage

_ALONE = ("text", "visual", "audio", "faces")
"""Stages whose answers follow from a segment and a network alone."""

AnyEvent = TypeVar("AnyEvent", bound=Event)
Asked: TypeAlias = SegmentCut | MediaFetched
"""What a stage answers with a feature."""


class NotAlone(UsageError):
    """A stage whose answers mean something only with what other stages said of them."""


class Repeatable(Protocol):
    """A stage that can be run again by itself."""

    @property
    def author(self) -> Author:
        """Who answers."""
        ...

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer, as live."""
        ...

    def is_own(self, answer: FeatureExtracted, event: Asked) -> bool:
        """Whether an answer is what the stage says now."""
        ...

    def reads(self, event: SegmentCut) -> Ref | None:
        """Which of a segment's media it takes to answer; None for none."""
        ...


class AnsweredBefore:
    """A stage that answered by some version of its model, which need not be here any more: for promotions only."""

    def __init__(self, name: str, version: str) -> None:
        self.author = Author(stage=name, version="", model="", model_version=version)

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer nothing more."""
        return [[] for _ in events]

    def is_own(self, answer: FeatureExtracted, event: Asked) -> bool:  # noqa: ARG002  other stages ask the event
        """Whether that version answered."""
        return answer.model_version == self.author.model_version

    def reads(self, event: SegmentCut) -> Ref | None:  # noqa: ARG002  as above
        """Nothing: all of it was read."""
        return None


@dataclass(frozen=True, kw_only=True)
class PastVideo:
    """What is known of one video: its segments, what stands, and what lies beside it.

    Attributes
    ----------
    asked : tuple of events
        What the stage answers: segments, and by some stages the video as a whole.
    standing, beside : dict
        Answers of the stage by scope, and by scope and version of its model.
    others : tuple of FeatureExtracted
        Answers of other stages, where they were read.
    """

    video_id: VideoId
    media: MediaFetched | None
    count: int | None
    segments: tuple[SegmentCut, ...]
    asked: tuple[Asked, ...] = ()
    standing: dict[str, FeatureExtracted] = field(default_factory=dict)
    beside: dict[tuple[str, str], FeatureExtracted] = field(default_factory=dict)
    others: tuple[FeatureExtracted, ...] = ()


def repeatable() -> tuple[str, ...]:
    """Name the stages that can be run again by themselves."""
    return tuple(s.name for s in STAGES if s.name in _ALONE)


def check_repeatable(name: str) -> None:
    """Refuse what cannot be run again by itself.

    Raises
    ------
    NotAlone
        Not one of `repeatable`; says which those are.
    """
    if name not in repeatable():
        can = f"{', '.join(repeatable()[:-1])} and {repeatable()[-1]}"
        raise NotAlone(
            f"stage {name!r} cannot be run again by itself; {can} can. Submit videos again (groundswell submit LINK "
            "--again), or begin from what stages said: groundswell replay --from features"
        )


def past_videos(events: Iterable[Event], modality: str) -> list[PastVideo]:
    """Put the last events of each key together by video; only what belongs to the newest content."""
    by_video: dict[VideoId, list[Event]] = {}
    for event in events:
        by_video.setdefault(getattr(event, "video_id", ""), []).append(event)
    return [_past_video(video_id, mine, modality) for video_id, mine in sorted(by_video.items())]


def is_kept(processor: Repeatable, events: Sequence[Asked], media: MediaStore) -> bool:
    """Whether everything that the stage reads to answer these events is still in the media store."""
    refs = (processor.reads(event) for event in events if isinstance(event, SegmentCut))
    return all(ref is None or media.exists(ref) for ref in refs)


def to_do(video: PastVideo, processor: Repeatable) -> list[Asked]:
    """Name what the stage of today has not answered yet; a failure is no answer."""
    return [event for event in video.asked if _answer(video, event, processor) is None]


def extract(
    processor: Repeatable, asked: Sequence[Asked], *, batch: int, on_skip: OnSkip
) -> Iterator[FeatureReextracted]:
    """Send segments through the live stage; only features come out.

    A segment that cannot be answered is told to `on_skip`, and the video stays as it is.
    """
    for start in range(0, len(asked), batch):
        for answers in transformed(processor, asked[start : start + batch], on_skip):
            yield from (beside(answer) for answer in answers if isinstance(answer, FeatureExtracted))


def promotable(video: PastVideo, processor: Repeatable) -> list[FeatureExtracted]:
    """Give what shall stand: a whole video's answers of one version, or nothing.

    Sums of two versions of a model would mean nothing, so that a video changes whole or not at all.
    """
    if video.count is None or len(video.segments) < video.count:
        return []
    answers = [_answer(video, event, processor) for event in video.asked]
    found = [answer for answer in answers if answer is not None]
    return found if len(found) == len(answers) else []


def longest_batch(name: str) -> int:
    """How many segments the stage takes at once, live as here."""
    return stage(name).batch


def _past_video(video_id: VideoId, events: list[Event], modality: str) -> PastVideo:
    media = _media(events, modality)
    counts = [e for e in _of(events, VideoSegmented) if media and e.revision == media.revision]
    count = counts[-1].count if counts else None
    cuts = [e for e in _of(events, SegmentCut) if media and e.revision == media.revision and e.index < (count or 0)]
    segments = tuple(sorted(cuts, key=lambda cut: cut.index))
    current = media.revision if media else ""
    features = [e for e in _of(events, FeatureExtracted) if e.revision == current]
    versions = [e.feature for e in _of(events, FeatureReextracted) if e.feature.modality == modality]
    return PastVideo(
        video_id=video_id,
        media=media,
        count=count,
        segments=segments,
        asked=(*segments, media) if media and modality in VIDEO_MODALITIES else segments,
        standing={f.scope: f for f in features if f.modality == modality},
        beside={(f.scope, f.model_version): f for f in versions if f.revision == current},
        others=tuple(f for f in features if f.modality != modality),
    )


def _media(events: Iterable[Event], modality: str) -> MediaFetched | None:
    """What was fetched; a row of a table has words only."""
    known = (e for e in _of(events, MediaFetched) if not e.is_described or modality in VIDEO_MODALITIES)
    return MediaFetched.that_counts(e for e in known if not e.duplicate_of)


def _of(events: Iterable[Event], kind: type[AnyEvent]) -> Iterator[AnyEvent]:
    return (event for event in events if isinstance(event, kind))


def _answer(video: PastVideo, event: Asked, processor: Repeatable) -> FeatureExtracted | None:
    """What the stage of today says of an event, if it has said so."""
    scope = str(event.index) if isinstance(event, SegmentCut) else WHOLE_VIDEO
    found = (video.standing.get(scope), video.beside.get((scope, processor.author.model_version)))
    return next((a for a in found if a and not _is_failure(a) and processor.is_own(a, event)), None)


def _is_failure(answer: FeatureExtracted) -> bool:
    return (answer.absent_reason or "").startswith(FAILED)


def transformed(processor: Repeatable, group: Sequence[Asked], on_skip: OnSkip) -> list[list[Event]]:
    """Send events through the live stage; those that cannot be answered are told to `on_skip`, the others are."""
    try:
        return processor.transform(group)
    except GroundswellError as error:
        if len(group) == 1:
            on_skip(group[0], error)
            return []
        return [answers for one in group for answers in transformed(processor, [one], on_skip)]


def beside(feature: FeatureExtracted) -> FeatureReextracted:
    """Put an answer where no live stage reads it."""
    event_id = derive_id("replay", "1", feature.event_id)
    return FeatureReextracted(event_id=event_id, video_id=feature.video_id, feature=feature)
