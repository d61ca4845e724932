"""What is seen in each segment: an embedding, labels with their times, and plain numbers about the picture."""

from typing import Self

from msgspec.structs import replace

from models.frame_files import list_frames
from models.picture_numbers import segment_numbers
from models.vectors import to_vector
from models.visual import SHORT_SIDE_PX, SeenLabel, VisualEncoder, shrink
from models.visual_choices import ENCODERS
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

    def __init__(self, encoder: VisualEncoder, media: MediaStore) -> None:
        self._encoder = encoder
        self._media = media
        self.version = f"1/{encoder.version}"
        self.author = Author(stage=STAGE, version=self.version, model=encoder.model, model_version=encoder.version)

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

    def describe(self, event: SegmentCut) -> list[Event]:
        """Say what is seen in a segment; raises as `PerSegment.describe`."""
        files = list_frames(self._media.get(event.frames_ref)) if event.frames_ref else []
        if not files:
            return self.absent(event, NO_PICTURE)
        times_s = [file.time_s for file in files]
        # Only small pictures are kept: a segment at 30 frames a second would fill a gigabyte.
        pictures = [shrink(file.decode(least_px=SHORT_SIDE_PX).pixels) for file in files]
        sight = self._encoder.watch(times_s, pictures)
        feature = replace(
            self.author.feature(event),
            vector=to_vector(sight.embedding),
            labels=tuple(map(_label, sight.labels)),
            numbers=segment_numbers(times_s, pictures, span_s=(event.start_s, event.end_s), cuts_s=event.shot_starts_s),
        )
        return [feature]


def _label(seen: SeenLabel) -> Label:
    return Label(name=seen.name, score=seen.score, start_s=seen.first_s, end_s=seen.last_s, best_s=seen.best_s)
