"""How much memory does training from topics take?

    python -m benchmarks.training [--videos N] [--words N] [--json]

Summaries come one by one, as from their topic, and are made anew at each reading; Kafka itself is left out (its
consumer holds 64 MB at most). They are read and laid out as `groundswell train` does, then each of the estimators is
taught on all of them, one after the other. Figures: the most memory that this process has held so far, beside the limit
of 4 GB for 100,000 videos, and CPU seconds. It takes some minutes; a tenth of the videos tells the memory of a tenth.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache

import msgspec
import numpy as np

from benchmarks.replay_stack import DIM, VOCABULARY, video
from benchmarks.report import Cell, report
from models.estimators.learned import SEED
from models.estimators.selection import everyone
from models.pooling import pool_one
from schemas.outcomes import OutcomeObserved
from schemas.summaries import PooledVector, Summarised
from streams.target_files import shipped
from streams.training_rows import rows_of
from streams.training_source import Change, Source

VIDEOS = 100_000
LIMIT_GB = 4.0
KINDS = 200
"""So many different texts and vectors; making 100,000 of them would be most of the time."""


def main() -> int:
    """Measure and print; 1 when the limit was passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=VIDEOS)
    parser.add_argument("--words", type=int, default=500, help="spoken in each video")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = list(_measured(given.videos, given.words))
    report("what does training take?", rows, as_json=given.json)
    return int(any(float(row["peak_gb"] or 0) > LIMIT_GB for row in rows))


def _measured(videos: int, words: int) -> Iterator[dict[str, Cell]]:
    kinds = [_kind(number, words) for number in range(KINDS)]
    source = Source(words="made up", changes=lambda: _changes(videos, kinds), segments=lambda: iter(()))
    yield _row("before", started_s=time.process_time())
    started_s = time.process_time()
    rows = rows_of(source, shipped()["virality"])
    yield _row(f"reading {videos:,}, keeping {len(rows.truth):,}", started_s=started_s)
    for member in everyone():
        started_s = time.process_time()
        member.fit(rows.examples, rows.truth, groups=rows.groups, seed=SEED)
        yield _row(member.name, started_s=started_s)


def _row(what: str, *, started_s: float) -> dict[str, Cell]:
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (30 if sys.platform == "darwin" else 20)
    seconds = time.process_time() - started_s
    return {"step": what, "peak_gb": peak_gb, "times_the_limit": peak_gb / LIMIT_GB, "cpu_s": seconds}


def _kind(number: int, words: int) -> Summarised:
    random = np.random.default_rng(number)
    said = (f"w{rank:o}" for rank in (VOCABULARY ** random.random(words)).astype(int))
    return msgspec.structs.replace(video(number), words=" ".join(said))


def _changes(videos: int, kinds: Sequence[Summarised]) -> Iterator[Change]:
    return (Change(one.video_id, one, 1.0) for one in (_video(number, kinds) for number in range(videos)))


def _video(number: int, kinds: Sequence[Summarised]) -> Summarised:
    kind, video_id = kinds[number % KINDS], f"url:t{number}"
    views = 10_000 + number * 7919 % 1_000_003
    return msgspec.structs.replace(
        kind,
        event_id=f"t{number}",
        video_id=video_id,
        pooled={name: _pooled(number, name) for name in kind.pooled},
        outcomes=(OutcomeObserved(event_id=f"o{number}", video_id=video_id, views=views),),
    )


def _pooled(number: int, name: str) -> PooledVector:
    return _vectors(name)[number % len(_vectors(name))]


@cache
def _vectors(name: str) -> tuple[PooledVector, ...]:
    random = np.random.default_rng(len(name))
    return tuple(pool_one(random.normal(size=DIM) / 20) for _ in range(5 * KINDS + 3))


if __name__ == "__main__":
    raise SystemExit(main())
