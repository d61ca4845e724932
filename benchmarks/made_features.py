"""Made-up videos as events: what `assemble` reads of them, with vectors of the lengths that the small networks give."""

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from models.vectors import to_vector
from schemas.event import Event
from schemas.features import FeatureExtracted
from schemas.media import MediaFetched, Metadata
from schemas.segments import SegmentCut, VideoSegmented

Floats = NDArray[np.float64]

MODALITIES = {"text": 384, "visual": 1280, "audio": 1024, "faces": 128, "other": 384}
"""Five answers for each segment, of the lengths that the small networks give (a person's face has 128 numbers)."""

SEGMENT_S = 5.0
VECTORS = 64


def vectors() -> dict[str, Floats]:
    """Make some unit vectors for each modality: arrays, shape (VECTORS, dim)."""
    return {modality: _unit_vectors(dim) for modality, dim in MODALITIES.items()}


def video(number: int, of: Mapping[str, Floats], *, segments: int) -> Iterator[Event]:
    """Give all that is said of one video, its count of segments last.

    Parameters
    ----------
    of : mapping of modality to array, shape (n, dim)
        The vectors to choose from; its keys are the modalities that answer.
    """
    yield MediaFetched(
        event_id=f"m{number}",
        video_id=f"url:v{number}",
        revision=revision(number),
        submission_id="s",
        sha256=revision(number) * 4,
        metadata=metadata(number),
    )
    yield _feature(number, "video/text", of["text"][number % len(of["text"])])
    for index in range(segments):
        yield _cut(number, index, segments=segments)
        for modality, choice in of.items():
            yield _feature(number, f"{index}/{modality}", choice[(number + index) % len(choice)])
    yield VideoSegmented(
        event_id=f"n{number}",
        video_id=f"url:v{number}",
        revision=revision(number),
        count=segments,
        duration_s=SEGMENT_S * segments,
    )


def metadata(number: int) -> Metadata:
    """Describe a video as its uploader would."""
    return Metadata(
        title=f"How I built boat number {number} in a WEEK!",
        description="All the tools are linked below. " * 10,
        channel=f"channel {number % 100}",
        category="Howto & Style",
        uploaded_at_s=1.7e9 + number,
        tags=("boat", "wood", "diy", "sailing"),
    )


def revision(number: int) -> str:
    """Name the content of a video."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def _unit_vectors(dim: int) -> Floats:
    numbers = np.random.default_rng(dim).normal(size=(VECTORS, dim))
    unit: Floats = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    return unit


def _cut(number: int, index: int, *, segments: int) -> SegmentCut:
    return SegmentCut(
        event_id=f"c{number}/{index}",
        video_id=f"url:v{number}",
        revision=revision(number),
        index=index,
        count=segments,
        start_s=SEGMENT_S * index,
        end_s=SEGMENT_S * (index + 1),
        text="and then we put the keel on with a big hammer",
    )


def _feature(number: int, place: str, vector: Floats) -> FeatureExtracted:
    scope, modality = place.split("/")
    return FeatureExtracted(
        event_id=f"f{number}/{place}",
        video_id=f"url:v{number}",
        revision=revision(number),
        scope=scope,
        modality=modality,
        model="benchmark",
        model_version="1",
        vector=to_vector(vector),
        numbers={"words": 10.0, "words_per_minute": 120.0},
    )
