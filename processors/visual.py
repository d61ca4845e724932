"""What is seen in each segment: an embedding, labels with their times, and plain numbers about the picture."""

from typing import Self

from msgspec.structs import replace

from models.frame_files import list_frames
from models.picture_numbers import segment_numbers
from models.vectors import to_vector
from models.visual import (
    MODEL,
    MODEL_VERSION,
    SHORT_SIDE_PX,
    SeenLabel,
    VisualEncoder,
    mean_embedding,
    pool_labels,
    shrink,
)
from processors.per_segment import Author, PerSegment
from processors.ports import MediaStore, World
from schemas.event import Event
from schemas.features import Label
from schemas.segments import SegmentCut

STAGE = "visual"
WEIGHTS = "lite0"

NO_PICTURE = "no picture"


class VisualProcessor(PerSegment):
    """Looks at the sampled frames of each segment."""

    version = f"1/{MODEL_VERSION}"

    def __init__(self, encoder: VisualEncoder, media: MediaStore) -> None:
        self._encoder = encoder
        self._media = media
        self.author = Author(stage=STAGE, version=self.version, model=MODEL, model_version=MODEL_VERSION)

    @classmethod
    def build(cls, world: World) -> Self:
        """Load the network.

        Raises
        ------
        WeightsMissing
            It was not fetched.
        """
        return cls(VisualEncoder.load(world.weights(WEIGHTS), world.options.inference_threads), world.media)

    def describe(self, event: SegmentCut) -> list[Event]:
        """Say what is seen in a segment; raises as `PerSegment.describe`."""
        files = list_frames(self._media.get(event.frames_ref)) if event.frames_ref else []
        if not files:
            return self.absent(event, NO_PICTURE)
        times_s = [file.time_s for file in files]
        # Only small pictures are kept: a segment at 30 frames a second would fill a gigabyte.
        pictures = [shrink(file.decode(least_px=SHORT_SIDE_PX).pixels) for file in files]
        sights = [self._encoder.look(picture) for picture in pictures]
        feature = replace(
            self.author.feature(event),
            vector=to_vector(mean_embedding(sights)),
            labels=tuple(map(_label, pool_labels(times_s, sights))),
            numbers=segment_numbers(times_s, pictures, span_s=(event.start_s, event.end_s), cuts_s=event.shot_starts_s),
        )
        return [feature]


def _label(seen: SeenLabel) -> Label:
    return Label(name=seen.name, score=seen.score, start_s=seen.first_s, end_s=seen.last_s, best_s=seen.best_s)
