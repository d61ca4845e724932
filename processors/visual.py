"""What is seen in each segment: an embedding, labels with their times, and plain numbers about the picture."""

from collections.abc import Sequence
from typing import Self

from msgspec.structs import replace

from models.frame_files import list_frames
from models.picture_numbers import segment_numbers
from models.vectors import to_vector
from models.visual import SHORT_SIDE_PX, SeenLabel, VisualEncoder, shrink
from models.visual_choices import ENCODERS
from processors.ports import MediaStore, World
from schemas.errors import Unreadable
from schemas.event import Event, derive_id
from schemas.features import FAILED, FeatureExtracted, Label
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut, VideoSegmented

STAGE = "visual"
MODALITY = "visual"
WEIGHTS = "lite0"

NO_PICTURE = "no picture"


class VisualProcessor:
    """Looks at the sampled frames of each segment."""

    def __init__(self, encoder: VisualEncoder, media: MediaStore) -> None:
        self._encoder = encoder
        self._media = media
        self.version = f"1/{encoder.version}"

    @classmethod
    def build(cls, world: World) -> Self:
        """Load the network that the settings choose.

        Raises
        ------
        WeightsMissing
            It was not fetched.
        """
        name = world.options.chosen(WEIGHTS)
        return cls(ENCODERS[name].load(world.weights(name), world.options.inference), world.media)

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer each segment with one feature and with progress.

        Raises
        ------
        MediaUnreadable
            The frames of a segment are damaged.
        StorageUnavailable
            The media store cannot be read now.
        Unreadable
            An event this stage does not read.
        """
        return [self._answer(event) for event in events]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Say that there will be no vector, so that the video can be completed without it."""
        return [self._absent(event, f"{FAILED}: {reason}", ordinal=FAILED)] if isinstance(event, SegmentCut) else []

    def _answer(self, event: Event) -> list[Event]:
        match event:
            case SegmentCut():
                return [self._look(event), self._progress(event, done=event.index + 1)]
            case VideoSegmented(count=0):
                return [self._progress(event, done=0)]
            case VideoSegmented():
                return []
        raise Unreadable(f"the visual stage reads segments, but {type(event).__name__} came")

    def _look(self, event: SegmentCut) -> FeatureExtracted:
        files = list_frames(self._media.get(event.frames_ref)) if event.frames_ref else []
        if not files:
            return self._absent(event, NO_PICTURE)
        times_s = [file.time_s for file in files]
        # Only small pictures are kept: a segment at 30 frames a second would fill a gigabyte.
        pictures = [shrink(file.decode(least_px=SHORT_SIDE_PX).pixels) for file in files]
        sight = self._encoder.watch(times_s, pictures)
        return replace(
            self._feature(event),
            vector=to_vector(sight.embedding),
            labels=tuple(map(_label, sight.labels)),
            numbers=segment_numbers(times_s, pictures, span_s=(event.start_s, event.end_s), cuts_s=event.shot_starts_s),
        )

    def _absent(self, event: SegmentCut, reason: str, *, ordinal: int | str = 0) -> FeatureExtracted:
        return replace(self._feature(event, ordinal), absent_reason=reason)

    def _feature(self, event: SegmentCut, ordinal: int | str = 0) -> FeatureExtracted:
        return FeatureExtracted(
            event_id=derive_id(STAGE, self.version, event.event_id, ordinal),
            video_id=event.video_id,
            revision=event.revision,
            scope=str(event.index),
            modality=MODALITY,
            model=self._encoder.model,
            model_version=self._encoder.version,
        )

    def _progress(self, event: SegmentCut | VideoSegmented, *, done: int) -> StageProgressed:
        return StageProgressed(
            event_id=derive_id(STAGE, self.version, event.event_id, "progress"),
            video_id=event.video_id,
            stage=STAGE,
            state="done" if done >= event.count else "running",
            done=float(done),
            total=float(event.count),
        )


def _label(seen: SeenLabel) -> Label:
    return Label(name=seen.name, score=seen.score, start_s=seen.first_s, end_s=seen.last_s, best_s=seen.best_s)
