"""How long does a worker take from its first instruction to polling its partitions, with warm caches?

    python -m benchmarks.startup [--runs N] [--json]

Limits: 4 s for a stage with a network, 2.5 s for the others. The machine should be idle.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Cell, report
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.settings import Settings, load
from streams.storage.weights import WeightsCache
from streams.supervisor import Supervisor
from streams.topology import STAGES, Stage

NETWORK_LIMIT_S = 4.0
PLAIN_LIMIT_S = 2.5
GIVE_UP_S = 60.0


def start_s(settings: Settings, stage: Stage) -> float:
    """Start one worker of a stage, wait until it is ready, stop it; seconds to ready."""
    supervisor = Supervisor(settings, {stage.name: 1}, log_folder=settings.home / "logs")
    began_s = time.perf_counter()
    supervisor.start()
    try:
        supervisor.wait_ready(timeout_s=GIVE_UP_S)
        return time.perf_counter() - began_s
    finally:
        supervisor.stop()


def measure(settings: Settings, runs: int) -> list[dict[str, Cell]]:
    """Start every stage `runs` times, after one start that warms the caches."""
    rows: list[dict[str, Cell]] = []
    for stage in STAGES:
        limit_s = NETWORK_LIMIT_S if stage.weights else PLAIN_LIMIT_S
        times_s = [start_s(settings, stage) for _ in range(runs + 1)][1:]
        median_s = statistics.median(times_s)
        rows.append(
            {
                "stage": stage.name,
                "median_s": round(median_s, 2),
                "min_s": round(min(times_s), 2),
                "max_s": round(max(times_s), 2),
                "limit_s": limit_s,
                "ratio": round(median_s / limit_s, 2),
            }
        )
    return rows


def main() -> None:
    """Measure, print, and exit 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cache = load().cache_folder
    for name in {name for stage in STAGES for name in stage.weights}:
        WeightsCache(cache).fetch(name)
    with tempfile.TemporaryDirectory() as home, EmbeddedBroker(Path(home), cache) as broker:
        settings = Settings(home=Path(home), cache=cache, kafka=broker.bootstrap)
        create_missing(settings, broker.bootstrap)
        rows = measure(settings, arguments.runs)
    report("From process start to polling, warm caches", rows, as_json=arguments.json)
    sys.exit(any(float(str(row["ratio"])) > 1 for row in rows))


if __name__ == "__main__":
    main()
