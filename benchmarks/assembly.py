"""What does assembly cost on Kafka, in CPU time an event?

    python -m benchmarks.assembly [--segments 300] [--videos 1] [--rates 40 0] [--json]

One worker of `assemble` on an embedded Kafka gets made-up videos of five modalities: all at once (rate 0), or so many events
a second, a segment's at a time, as the stages before it send them while they share a core. It ends with the last video's
final summary. CPU time is that of the worker, from the first event on; starting is not counted. The summary must be the one
that the same events make in memory. Events are what the worker takes in: cuts, features, and its own summaries of segments.

Before that, what time costs: the worker's CPU time a second at rest, and while all segments of a video wait for their last answer and nothing comes.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.made_features import vectors, video
from benchmarks.report import report
from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory
from processors.ports import Options
from schemas.event import WHOLE_VIDEO, Event
from schemas.segments import SegmentCut
from schemas.summaries import Summarised
from streams.children import dying_with_parent
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, follow
from streams.kafka.lag import group_lags
from streams.settings import Settings
from streams.topology import modalities
from streams.worker import wait_for_cards

READY_LIMIT_S = 120.0
SILENCE_LIMIT_S = 120.0
IDLE_S = 0.5

WATCHED_S = 20.0
SETTLING_S = 5.0
"""The first ticks after the last event begin the waiting; they belong to the event."""


def main() -> None:
    """Measure at each rate and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=300, help="of each video")
    parser.add_argument("--videos", type=int, default=1, help="at each rate, one after the other")
    parser.add_argument("--rates", type=float, nargs="+", default=[40.0, 0.0], help="events a second; 0: all at once")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    given = parser.parse_args()
    rows, waiting = [], []
    with TemporaryDirectory(prefix="groundswell-") as folder, _worker(Path(folder)) as (settings, pid):
        _measure([0], 2, settings, pid=pid, rate_hz=0.0)
        waiting = _measure_waiting(given.segments, settings, pid=pid)
        for place, rate_hz in enumerate(given.rates):
            numbers = range(1 + place * given.videos, 1 + (place + 1) * given.videos)
            rows.append(_measure(numbers, given.segments, settings, pid=pid, rate_hz=rate_hz))
    report("time that passes in assembly, one worker", waiting, as_json=given.json)
    report("assembly on Kafka, one worker", rows, as_json=given.json)


@contextmanager
def _worker(folder: Path) -> Iterator[tuple[Settings, int]]:
    """Start Kafka and a worker of `assemble`; give the settings and the worker's pid."""
    cache = os.environ.get("GROUNDSWELL_CACHE")
    home = Settings(home=folder, cache=Path(cache) if cache else None, partitions=4)
    with EmbeddedBroker(folder, home.cache_folder) as broker:
        settings = home.model_copy(update={"kafka": broker.bootstrap})
        create_missing(settings, broker.bootstrap)
        log = folder / "worker.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams.commands.main", "worker", "assemble"],
                env=os.environ | settings.environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=dying_with_parent(),
            )
        try:
            if wait_for_cards(folder, {process.pid: "assemble"}, timeout_s=READY_LIMIT_S):
                sys.exit(f"the worker did not start:\n{log.read_text()}")
            yield settings, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _measure(
    numbers: Sequence[int], segments: int, settings: Settings, *, pid: int, rate_hz: float
) -> dict[str, str | float]:
    of = dict(zip(modalities(), vectors().values(), strict=False))
    events = [event for number in numbers for event in video(number, of, segments=segments)]
    expected = _last(FoldInMemory(AssembleProcessor(Options(modalities=tuple(of)))).feed(events))
    worker = psutil.Process(pid)
    before, began_s = _cpu_s(worker), time.monotonic()
    found = _send_and_follow(events, settings, rate_hz=rate_hz)
    seconds, wall_s = _cpu_s(worker) - before, time.monotonic() - began_s
    if found.event_id != expected.event_id:
        sys.exit("the summary is not the one that the same events make in memory")
    taken = len(events) + segments * len(numbers)
    return {
        "rate": f"{rate_hz:g}/s" if rate_hz else "all at once",
        "segments": segments,
        "events": taken,
        "cpu_s": seconds,
        "cpu_ms_an_event": 1e3 * seconds / taken,
        "wall_s": wall_s,
    }


def _measure_waiting(segments: int, settings: Settings, *, pid: int) -> list[dict[str, str | float]]:
    """A video whose segments lack one answer, and nothing else; none of its deadlines passes meanwhile."""
    answered = dict(zip(modalities()[:-1], vectors().values(), strict=False))
    at_rest_s = _watched_s(pid)
    with BulkProducer(settings, str(settings.kafka)) as producer:
        for event in video(10**6, answered, segments=segments):
            producer.send(event)
    while _is_behind(settings):
        time.sleep(IDLE_S)
    time.sleep(SETTLING_S)
    waiting_s = _watched_s(pid)
    return [
        {
            "waiting": waiting,
            "cpu_ms_a_second": 1e3 * cpu_s / WATCHED_S,
            "ratio_to_rest": cpu_s / at_rest_s,
        }
        for waiting, cpu_s in ((0, at_rest_s), (segments, waiting_s))
    ]


def _watched_s(pid: int) -> float:
    worker = psutil.Process(pid)
    before_s = _cpu_s(worker)
    time.sleep(WATCHED_S)
    return _cpu_s(worker) - before_s


def _is_behind(settings: Settings) -> bool:
    """Whether the worker has still to take something in; a tick in flight does not count."""
    lags = {group.stage: group.lags for group in group_lags(settings, str(settings.kafka))}["assemble"]
    return any(lag for (name, _), lag in lags.items() if name != "ticks")


def _send_and_follow(events: Sequence[Event], settings: Settings, *, rate_hz: float) -> Summarised:
    """Send all events and wait for the final summary of the last video."""
    bootstrap, wanted = str(settings.kafka), events[-1].partition_key
    with closing(follow(settings, bootstrap, ["summaries"], start="end", idle_s=IDLE_S)) as records:
        with BulkProducer(settings, bootstrap) as producer:
            for burst in _bursts(events):
                for event in burst:
                    producer.send(event)
                if rate_hz:
                    producer.flush()
                    time.sleep(len(burst) / rate_hz)
        heard_s = time.monotonic()
        for record in records:
            if record is None:
                if time.monotonic() - heard_s > SILENCE_LIMIT_S:
                    sys.exit("no summary came; the worker has failed")
                continue
            heard_s, event = time.monotonic(), event_of(record)
            if isinstance(event, Summarised) and event.final and event.record_key == f"{wanted}/{WHOLE_VIDEO}":
                return event
    raise AssertionError("a follower ends only when it is closed")


def _bursts(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Divide events at the cuts: a segment and what is said of it come together."""
    place = 0

    def number(event: Event) -> int:
        nonlocal place
        place += isinstance(event, SegmentCut)
        return place

    return (list(burst) for _, burst in groupby(events, key=number))


def _last(events: Iterator[Event]) -> Summarised:
    return [event for event in events if isinstance(event, Summarised) and event.final and event.scope == WHOLE_VIDEO][
        -1
    ]


def _cpu_s(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


if __name__ == "__main__":
    main()
