"""Two versions of a text model in eight dimensions, and what other stages say beside them."""

from collections.abc import Iterator, Sequence

import runs
from fitted import DIM
from msgspec.structs import replace

from processors.per_segment import Author
from schemas.event import WHOLE_VIDEO, Event, Ref
from schemas.features import FeatureExtracted
from schemas.media import MediaFetched
from schemas.segments import SegmentCut
from streams.topology import modalities


class Versioned:
    """A text stage whose vectors follow from its version and what is said."""

    def __init__(self, version: str) -> None:
        self.author = Author(stage="text", version=version, model="made up", model_version=version)

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        return [[self._say(event)] for event in events if isinstance(event, SegmentCut | MediaFetched)]

    def is_own(self, answer: FeatureExtracted, event: SegmentCut | MediaFetched) -> bool:
        return answer.model_version == self.author.model_version

    def reads(self, event: SegmentCut) -> Ref | None:
        return None

    def _say(self, event: SegmentCut | MediaFetched) -> FeatureExtracted:
        said = event.text if isinstance(event, SegmentCut) else event.metadata.title
        vector = runs.vector(self.author.model_version, said, dim=DIM)
        return replace(self.author.feature(event), vector=vector, numbers={"version": float(self.author.version)})


def silence(video_id: str, segments: int) -> Iterator[FeatureExtracted]:
    """What every other stage says of a video without pictures and sound."""
    for modality in sorted(set(modalities()) - {"text"}):
        for index in range(segments):
            yield runs.feature(video_id, index, modality=modality, absent=f"no {modality}")


def video_of(video_id: str, segments: int, processor: Versioned) -> list[Event]:
    """All that `assemble` reads about a video, its words read by one version."""
    asked = [event for event in runs.run_of(video_id, segments) if isinstance(event, SegmentCut | MediaFetched)]
    answers = [answer for answers in processor.transform(asked) for answer in answers]
    return [*asked, runs.counted(video_id, segments), *answers, *silence(video_id, segments)]


def scopes(segments: int) -> list[str]:
    """What the stage answers of a video."""
    return [*map(str, range(segments)), WHOLE_VIDEO]
