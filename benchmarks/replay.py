"""How fast is replay on one core, from summaries and from features?

Reads JSON bytes and ends with encoded predictions, as a replay does; Kafka itself is left out (it
reads 300,000 small records a second). Figures: videos a second from summaries, feature events a
second from features, each beside its aim. Seconds are CPU seconds of this one thread, so that busy
neighbours do not show.
"""

import argparse
import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import report
from models.pooling import pool_one
from models.vectors import to_vector
from processors.ports import Options
from processors.score import ScoreProcessor
from schemas.codec import decode, encode
from schemas.event import Event, derive_id
from schemas.features import FeatureExtracted
from schemas.media import MediaFetched, Metadata
from schemas.segments import SegmentCut, VideoSegmented
from schemas.summaries import Summarised
from streams.rescoring import assemble_again, score_again, summaries_of
from streams.storage.releases import STARTERS, event_of
from streams.topology import topic_of

Floats = NDArray[np.float64]

DIM = 384
AIM_VIDEOS_A_SECOND = 3000
AIM_FEATURES_A_SECOND = 20_000
SEGMENTS = 40
"""A video of about four minutes."""

Raw = tuple[bytes, tuple[type[Event], ...]]


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=3000, help="videos to score from summaries")
    parser.add_argument("--assembled", type=int, default=150, help="videos to assemble from features")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    given = parser.parse_args()
    rows = [from_summaries(given.videos), from_features(given.assembled)]
    report("replay on one core", rows, as_json=given.json)


def from_summaries(videos: int) -> dict[str, str | float]:
    """Score summaries that lie ready as bytes."""
    vectors = _vectors(64)
    stored = [_raw(_summary(number, vectors)) for number in range(videos)]
    started_s = time.process_time()
    made = [encode(prediction) for prediction in score_again(summaries_of(_read(stored)), _scorer())]
    seconds = time.process_time() - started_s
    assert len(made) == videos, f"expected {videos} predictions, got {len(made)}"
    return _row("summaries -> predictions", "videos", videos, seconds=seconds, aim=AIM_VIDEOS_A_SECOND)


def from_features(videos: int) -> dict[str, str | float]:
    """Assemble videos of 40 segments and score them."""
    vectors = _vectors(64)
    stored = [_raw(event) for number in range(videos) for event in _video(number, vectors)]
    features = videos * (SEGMENTS + 1)
    started_s = time.process_time()
    summaries = assemble_again(_read(stored), Options())
    made = [encode(prediction) for prediction in score_again(summaries, _scorer())]
    seconds = time.process_time() - started_s
    assert len(made) == videos, f"expected {videos} predictions, got {len(made)}"
    return _row("features -> predictions", "feature events", features, seconds=seconds, aim=AIM_FEATURES_A_SECOND)


def _row(what: str, unit: str, count: int, *, seconds: float, aim: float) -> dict[str, str | float]:
    rate = count / seconds
    return {"what": what, "unit": unit, "per_second": rate, "aim_per_second": aim, "times_the_aim": rate / aim}


def _read(stored: Sequence[Raw]) -> Iterator[Event]:
    return (decode(value, types) for value, types in stored)


def _raw(event: Event) -> Raw:
    return encode(event), topic_of(event).events


def _scorer() -> ScoreProcessor:
    folder = STARTERS / "virality"
    scorer = ScoreProcessor(lambda target, release_id: Path(folder))
    scorer.hear(event_of(folder))
    return scorer


def _vectors(count: int) -> Floats:
    numbers = np.random.default_rng(1).normal(size=(count, DIM))
    unit: Floats = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    return unit


def _metadata(number: int) -> Metadata:
    return Metadata(
        title=f"How I built boat number {number} in a WEEK!",
        description="All the tools are linked below. " * 10,
        channel=f"channel {number % 100}",
        category="Howto & Style",
        uploaded_at_s=1.7e9 + number,
        tags=("boat", "wood", "diy", "sailing"),
    )


def _summary(number: int, vectors: Floats) -> Summarised:
    pooled = pool_one(vectors[number % len(vectors)])
    return Summarised(
        event_id=derive_id("benchmark", "1", str(number)),
        video_id=f"url:v{number}",
        revision=_revision(number),
        scope="video",
        complete=True,
        final=True,
        segments_done=SEGMENTS,
        segments_total=SEGMENTS,
        pooled={"segments/text": pooled, "video/text": pooled},
        numbers={"duration_s": 200.0, "words": 500.0, "words_per_minute": 150.0, "segments": float(SEGMENTS)},
        words="and then we put the keel on " * 80,
        metadata=_metadata(number),
    )


def _video(number: int, vectors: Floats) -> Iterator[Event]:
    video_id, revision = f"url:v{number}", _revision(number)
    yield MediaFetched(
        event_id=f"m{number}",
        video_id=video_id,
        revision=revision,
        submission_id="s",
        sha256=revision * 4,
        metadata=_metadata(number),
    )
    yield _feature(number, "video", vectors[number % len(vectors)])
    for index in range(SEGMENTS):
        yield _cut(number, index)
        yield _feature(number, str(index), vectors[(number + index) % len(vectors)])
    yield VideoSegmented(
        event_id=f"n{number}", video_id=video_id, revision=revision, count=SEGMENTS, duration_s=5.0 * SEGMENTS
    )


def _cut(number: int, index: int) -> SegmentCut:
    return SegmentCut(
        event_id=f"c{number}/{index}",
        video_id=f"url:v{number}",
        revision=_revision(number),
        index=index,
        count=SEGMENTS,
        start_s=5.0 * index,
        end_s=5.0 * index + 5,
        text="and then we put the keel on with a big hammer",
    )


def _feature(number: int, scope: str, vector: Floats) -> FeatureExtracted:
    return FeatureExtracted(
        event_id=f"f{number}/{scope}",
        video_id=f"url:v{number}",
        revision=_revision(number),
        scope=scope,
        modality="text",
        model="benchmark",
        model_version="1",
        vector=to_vector(vector),
        numbers={"words": 10.0, "words_per_minute": 120.0},
    )


def _revision(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
