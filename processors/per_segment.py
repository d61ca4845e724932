"""What the stages that say something about every segment have in common: who answers, giving up, progress."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from schemas.errors import Unreadable
from schemas.event import WHOLE_VIDEO, Event, Ref, derive_id
from schemas.features import FAILED, FeatureExtracted
from schemas.media import MediaFetched
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut, VideoSegmented


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers: a stage in one version, with its model. Its modality has the stage's name."""

    stage: str
    version: str
    model: str
    model_version: str

    def id_of(self, event: Event, ordinal: int | str = 0) -> str:
        """Name one of the answers to an event."""
        return derive_id(self.stage, self.version, event.event_id, ordinal)

    def feature(self, event: SegmentCut | MediaFetched, ordinal: int | str = 0) -> FeatureExtracted:
        """Begin the answer about a segment, or about a video as a whole; what it says is put in by `replace`."""
        return FeatureExtracted(
            event_id=self.id_of(event, ordinal),
            video_id=event.video_id,
            revision=event.revision,
            scope=str(event.index) if isinstance(event, SegmentCut) else WHOLE_VIDEO,
            modality=self.stage,
            model=self.model,
            model_version=self.model_version,
        )

    def absent(self, event: SegmentCut | MediaFetched, reason: str, ordinal: int | str = 0) -> FeatureExtracted:
        """Say why there is nothing to say."""
        return msgspec.structs.replace(self.feature(event, ordinal), absent_reason=reason)

    def progress(self, event: Event) -> list[StageProgressed]:
        """Say how far the video is: after each segment, and at once where it has none."""
        match event:
            case SegmentCut():
                done, total = event.index + 1, event.count
            case VideoSegmented(count=0):
                done, total = 0, 0
            case _:
                return []
        return [
            StageProgressed(
                event_id=self.id_of(event, "progress"),
                video_id=event.video_id,
                stage=self.stage,
                state="done" if done >= total else "running",
                done=float(done),
                total=float(total),
            )
        ]


class PerSegment(ABC):
    """A `Transform` that reads segments and answers each by itself; `describe` is the part that differs."""

    author: Author

    @abstractmethod
    def describe(self, event: SegmentCut) -> list[Event]:
        """Say what there is in a segment; the last of it is its feature.

        Raises
        ------
        MediaUnreadable
            What the segment stage wrote is damaged.
        StorageUnavailable
            The media store cannot be used now.
        """

    def absent(self, event: SegmentCut, reason: str, ordinal: int | str = 0) -> list[Event]:
        """Say of a segment why there is nothing to say."""
        return [self.author.absent(event, reason, ordinal)]

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer each segment with what is in it, and with progress.

        Raises
        ------
        MediaUnreadable, StorageUnavailable
            See `describe`.
        Unreadable
            An event this stage does not read.
        """
        return [[*self._answer(event), *self.author.progress(event)] for event in events]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Say that there will be nothing about a segment, so that the video can be completed without it."""
        return self.absent(event, f"{FAILED}: {reason}", FAILED) if isinstance(event, SegmentCut) else []

    def reads(self, event: SegmentCut) -> Ref | None:
        """Which of a segment's media it takes to answer: its pictures, unless a stage says otherwise."""
        return event.frames_ref

    def is_own(self, answer: FeatureExtracted, event: SegmentCut | MediaFetched) -> bool:  # noqa: ARG002  some ask
        """Whether an answer is what the present network says of an event."""
        return answer.model_version == self.author.model_version

    def _answer(self, event: Event) -> list[Event]:
        match event:
            case SegmentCut():
                return self.describe(event)
            case VideoSegmented():
                return []
        raise Unreadable(f"the {self.author.stage} stage reads segments, but {type(event).__name__} came")
