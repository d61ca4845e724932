"""The whole system with a meter on every worker: what videos cost from their submission to their predictions."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.process_meter import ProcessMeter, highest_bytes
from schemas.errors import GroundswellError
from schemas.links import LinkSubmitted
from schemas.segments import Sampling, VideoSegmented
from streams.board import Board
from streams.following import IDLE_S, TOPICS
from streams.kafka.bulk import BulkProducer, event_of, follow
from streams.settings import Settings
from streams.submitting import Entry, Wishes, submission
from streams.system import System
from streams.worker import cards
from streams.world import open_media

KAFKA = "kafka"

AFTERWARDS_S = 1.0
"""Commits and progress that follow the prediction; they belong to the videos."""


class NoPrediction(GroundswellError):
    """A video did not come to its prediction; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What some videos took. `cpu_s` is by stage, and what the workers would have taken anyway is not in it."""

    wall_s: float
    cpu_s: Mapping[str, float]
    idle_cpu_s: float
    kafka_cpu_s: float
    peak_bytes: Mapping[str, int]
    peak_together_bytes: int
    sampling: Sampling
    segments: int

    @property
    def total_cpu_s(self) -> float:
        return sum(self.cpu_s.values())


class LiveSystem:
    """A running system whose workers are watched.

    Attributes
    ----------
    idle_rates : mapping of stage to CPU seconds a second
        What each worker takes while there is nothing to do; known after `rest`.
    """

    def __init__(self, system: System, meter: ProcessMeter) -> None:
        self._system, self._meter = system, meter
        self.idle_rates: Mapping[str, float] = {}

    def rest(self, seconds: float) -> None:
        """Let nothing happen for a while, and note what that costs."""
        before = self._meter.cpu_s()
        self._system.tend(seconds=seconds)
        after = self._meter.cpu_s()
        self.idle_rates = {name: (after[name] - before[name]) / seconds for name in before}

    def peak_bytes(self) -> dict[str, int]:
        """Most memory each worker has held since the last video began."""
        return {name: held for name, held in self._meter.peak_bytes.items() if name != KAFKA}

    def watch(self, paths: Sequence[Path], title: str) -> Spent:
        """Submit files and wait for their final predictions.

        Raises
        ------
        NoPrediction
            One was refused, or a stage failed.
        """
        self._meter.forget_peaks()
        links = [self._link(path, title) for path in paths]
        before, began_s = self._meter.cpu_s(), time.monotonic()
        counted = self._follow(links)
        self._system.tend(seconds=AFTERWARDS_S)
        wall_s, after = time.monotonic() - began_s, self._meter.cpu_s()
        idle = {name: self.idle_rates.get(name, 0.0) * wall_s for name in after}
        work = {name: after[name] - before[name] - idle[name] for name in after}
        kafka_cpu_s, idle_cpu_s = work.pop(KAFKA, 0.0), sum(idle.values()) - idle.get(KAFKA, 0.0)
        return Spent(
            wall_s=wall_s,
            cpu_s=work,
            idle_cpu_s=idle_cpu_s,
            kafka_cpu_s=kafka_cpu_s,
            peak_bytes=self.peak_bytes(),
            peak_together_bytes=self._meter.peak_together_bytes - self._meter.peak_bytes.get(KAFKA, 0),
            sampling=counted[0].sampling,
            segments=sum(event.count for event in counted),
        )

    def _link(self, path: Path, title: str) -> LinkSubmitted:
        settings = self._system.settings
        entry = Entry(source=str(path), where=path.name, title=title)
        event = submission(entry, Wishes(submitted_by="benchmark"), open_media(settings), settings)
        if not isinstance(event, LinkSubmitted):
            raise NoPrediction(f"{path.name} was not taken: {event.reason}")
        return event

    def _follow(self, links: Sequence[LinkSubmitted]) -> list[VideoSegmented]:
        settings, bootstrap = self._system.settings, self._system.bootstrap
        board, counted = Board([link.video_id for link in links]), dict[str, VideoSegmented]()
        with closing(follow(settings, bootstrap, (*TOPICS, "segments"), start="end", idle_s=IDLE_S)) as records:
            with BulkProducer(settings, bootstrap) as producer:
                for link in links:
                    producer.send(link)
            for record in records:
                if record is None:
                    self._system.tend_once()
                elif record.value is not None:
                    event = event_of(record)
                    board.hear(event, record.timestamp_ms / 1000)
                    counted |= {event.video_id: event} if isinstance(event, VideoSegmented) else {}
                if board.all_finished():
                    break
        for view in board.videos.values():
            if view.problem or not view.predictions:
                raise NoPrediction(view.problem or f"no prediction came for {view.title}")
        return [counted[link.video_id] for link in links]


@contextmanager
def live(settings: Settings) -> Iterator[LiveSystem]:
    """Start everything, with a meter on each worker and on Kafka; stop it in the end."""
    with System(settings, log_folder=settings.home / "logs") as system, ProcessMeter(pids(settings)) as meter:
        yield LiveSystem(system, meter)


def pids(settings: Settings) -> dict[str, int]:
    """Pid of each stage's worker, and of the embedded Kafka, a child of ours."""
    ours = {card.stage: card.pid for card in cards(settings.home)}
    for child in psutil.Process().children():
        if child.name() == "java":
            ours[KAFKA] = child.pid
    return ours


def highest(settings: Settings) -> dict[str, int]:
    """Most bytes each worker ever held, by the kernel's count; without its child processes."""
    return {card.stage: highest_bytes(card.pid) for card in cards(settings.home)}
