"""How fast is replay on one core, from summaries and from features?

Reads JSON bytes and ends with encoded predictions, as a replay does; Kafka itself is left out (it
reads 300,000 small records a second). Figures: videos a second from summaries, by the starter release
and by five estimators together (what training chooses where there is much to learn from), and feature
events a second from features, each beside its aim: 10,000 videos of 60 segments and five modalities on two
cores within 10 s and 4 minutes. Seconds are CPU seconds of this one thread, so that busy neighbours
do not show; replay shares partitions out over processes that have nothing in common. With `--check`
a figure under its aim is an error.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.made_features import MODALITIES, Floats, metadata, revision, vectors
from benchmarks.made_features import video as made_video
from benchmarks.replay_stack import TAUGHT, video, write_stack
from benchmarks.report import report
from models.pooling import pool_one
from processors.ports import Options
from processors.score import ScoreProcessor
from schemas.codec import decode, encode
from schemas.event import Event, derive_id
from schemas.summaries import Summarised
from streams.rescoring import assemble_again, score_again, summaries_of
from streams.storage.releases import STARTERS, event_of
from streams.topology import topic_of

VIDEOS = 10_000
SEGMENTS = 60

CORES = 2
LIMIT_SUMMARIES_S = 10.0
LIMIT_FEATURES_S = 240.0
"""For `VIDEOS` videos on `CORES` cores."""

AIM_VIDEOS_A_SECOND = VIDEOS / LIMIT_SUMMARIES_S / CORES
AIM_FEATURES_A_SECOND = VIDEOS * SEGMENTS * len(MODALITIES) / LIMIT_FEATURES_S / CORES

Raw = tuple[bytes, tuple[type[Event], ...]]


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=VIDEOS // CORES, help="videos to score from summaries")
    parser.add_argument("--assembled", type=int, default=40, help="videos to assemble from features")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--check", action="store_true", help="fail when a figure is under its aim")
    given = parser.parse_args()
    rows = [from_summaries(given.videos), by_five(given.videos), from_features(given.assembled)]
    report("replay on one core", rows, as_json=given.json)
    slow = [str(row["what"]) for row in rows if float(row["times_the_aim"]) < 1]
    if given.check and slow:
        sys.exit(f"slower than 10,000 videos on two cores may be: {', '.join(slow)}")


def from_summaries(videos: int) -> dict[str, str | float]:
    """Score summaries that lie ready as bytes."""
    of = vectors()
    stored = [_raw(_summary(number, of)) for number in range(videos)]
    return _row("summaries -> predictions", "videos", videos, seconds=_scored(stored), aim=AIM_VIDEOS_A_SECOND)


def by_five(videos: int) -> dict[str, str | float]:
    """Score other summaries by a stack of everything; loading the release counts."""
    stored = [_raw(video(TAUGHT + number)) for number in range(videos)]
    with TemporaryDirectory() as temporary:
        seconds = _scored(stored, write_stack(Path(temporary) / "stack"))
    return _row("summaries -> predictions by five", "videos", videos, seconds=seconds, aim=AIM_VIDEOS_A_SECOND)


def _scored(stored: Sequence[Raw], folder: Path = STARTERS / "virality") -> float:
    """Seconds to load a release and score summaries."""
    release = event_of(folder)
    started_s = time.process_time()
    scorer = ScoreProcessor(lambda target, release_id: folder)
    scorer.hear(release)
    made = [encode(prediction) for prediction in score_again(summaries_of(_read(stored)), scorer)]
    seconds = time.process_time() - started_s
    assert len(made) == len(stored), f"expected {len(stored)} predictions, got {len(made)}"
    return seconds


def from_features(videos: int) -> dict[str, str | float]:
    """Assemble videos of 60 segments and five modalities, and score them."""
    of = vectors()
    stored = [_raw(event) for number in range(videos) for event in made_video(number, of, segments=SEGMENTS)]
    features = videos * SEGMENTS * len(MODALITIES)
    started_s = time.process_time()
    summaries = assemble_again(_read(stored), Options(modalities=tuple(MODALITIES)))
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


def _summary(number: int, of: Mapping[str, Floats]) -> Summarised:
    pooled = {modality: pool_one(some[number % len(some)]) for modality, some in of.items()}
    return Summarised(
        event_id=derive_id("benchmark", "1", str(number)),
        video_id=f"url:v{number}",
        revision=revision(number),
        scope="video",
        complete=True,
        final=True,
        segments_done=SEGMENTS,
        segments_total=SEGMENTS,
        pooled={f"segments/{m}": vector for m, vector in pooled.items()} | {"video/text": pooled["text"]},
        numbers={"duration_s": 200.0, "words": 500.0, "words_per_minute": 150.0, "segments": float(SEGMENTS)},
        words="and then we put the keel on " * 80,
        metadata=metadata(number),
    )


if __name__ == "__main__":
    main()
