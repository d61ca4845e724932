"""Toy workers as processes, and topics as lists: what the tests of the runner share."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from toy import REVISION, fold_stage, transform_stage

from schemas.event import Event, derive_id
from schemas.links import LinkSubmitted
from schemas.segments import SegmentCut, VideoSegmented
from streams.children import dying_with_parent
from streams.faults import VARIABLE
from streams.kafka.admin import create_missing, group_of, partition_counts
from streams.kafka.bulk import BulkProducer, Record, event_of, read_to_end
from streams.kafka.connection import confluent_config, is_passing
from streams.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, TopicPartition

TOY = Path(__file__).parent / "toy.py"
READY_LIMIT_S = 30.0


def wait_until(condition: Callable[[], bool], *, limit_s: float, what: str, tell: Callable[[], str] = str) -> float:
    """Wait for something; fails the test when it does not come, says how long it took otherwise."""
    started_s = time.monotonic()
    while not condition():
        if time.monotonic() - started_s > limit_s:
            pytest.fail(f"waited {limit_s:.0f} s for {what}; {tell()}")
        time.sleep(0.05)
    return time.monotonic() - started_s


class Worker:
    """One toy worker process with a log of its own."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        self.started_s = time.monotonic()
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, env=environment, stdout=out, stderr=subprocess.STDOUT, preexec_fn=dying_with_parent()
            )

    def said(self, start: str) -> list[str]:
        return [line for line in self.log.read_text(errors="replace").splitlines() if line.startswith(start)]

    def wait_ready(self, *, times: int = 1) -> Self:
        wait_until(lambda: len(self.said("ready")) >= times or not self.is_alive(), limit_s=READY_LIMIT_S,
                   what="a ready worker", tell=self.log.read_text)  # fmt: skip
        assert self.is_alive(), self.log.read_text()
        return self

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def send(self, sign: signal.Signals) -> None:
        self.process.send_signal(sign)

    def kill(self) -> None:
        """SIGKILL, as when the machine dies."""
        self.process.kill()
        self.process.wait()

    def leave(self) -> float:
        """SIGTERM; returns the seconds it took."""
        started_s = time.monotonic()
        self.process.terminate()
        self.process.wait(20)
        assert self.process.returncode == 0, self.log.read_text()
        return time.monotonic() - started_s

    def wait_dead(self, *, limit_s: float = 20.0) -> None:
        wait_until(lambda: not self.is_alive(), limit_s=limit_s, what="the death of a worker", tell=self.log.read_text)

    def ask(self, path: str) -> tuple[int, str]:
        """GET from the worker's own port."""
        port = self.said("ready")[-1].split()[1]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def toys_on(bootstrap: str, cache: Path, folder: Path) -> "Toys":
    """Toys on a Kafka with the topics of the topology, as impatient as settings allow."""
    settings = Settings(
        home=folder, cache=cache, kafka=bootstrap, partitions=4, session_timeout_s=6, retry_backoff_s=0.05
    )
    create_missing(settings, bootstrap)
    return Toys(settings, folder / "toys")


class Toys:
    """The toy stages of one test: consumer groups and videos of their own on a Kafka that others use too.

    Parameters
    ----------
    folder : Path
        Where the workers keep tables, marks and logs.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.bootstrap = str(settings.kafka)
        self.workers: list[Worker] = []
        self.counts = partition_counts(settings, self.bootstrap)
        folder.mkdir(parents=True, exist_ok=True)
        for stage in (transform_stage(self.name), fold_stage(self.name)):
            self._begin_at_the_end(group_of(stage.name), stage.reads)

    def start(
        self, kind: str, instance: str = "a", *, fault: str = "", folder: Path | None = None, **toy: object
    ) -> Worker:
        """Start a worker; `toy` goes into the environment as ``TOY_...``."""
        environment = os.environ | self.settings.environment() | {"TOY_NAME": self.name}
        environment |= {f"TOY_{name.upper()}": str(value) for name, value in toy.items()}
        if fault:
            marks = self.folder / f"faults-{kind}-{instance}"
            marks.mkdir(exist_ok=True)
            environment[VARIABLE] = f"{fault}:{marks}"
        command = [sys.executable, str(TOY), kind, instance, str(folder or self.folder)]
        log = self.folder / f"{kind}-{instance}-{len(self.workers)}.log"
        environment["PYTHONPATH"] = str(TOY.parent.parent)
        self.workers.append(Worker(command, environment, log))
        return self.workers[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.is_alive():
                worker.send(signal.SIGCONT)
                worker.kill()

    def video(self, number: int) -> str:
        return f"url:{self.name}-{number}"

    def link(self, number: int, *, video: int = 0, title: str = "") -> LinkSubmitted:
        """Link `number`: the toy answers it with segment `number` of its video."""
        submission = f"{self.name}-{number}"
        return LinkSubmitted(
            event_id=derive_id("tests", "1", submission), video_id=self.video(video), submission_id=submission, submitted_at_s=0.0,
            url="https://example.com/v.mp4", title=title,
        )  # fmt: skip

    def cut(self, number: int, *, video: int = 0, text: str = "") -> SegmentCut:
        return SegmentCut(
            event_id=derive_id("tests", "1", self.video(video), number), video_id=self.video(video), revision=REVISION,
            index=number, count=1, start_s=0.0, end_s=1.0, text=text,
        )  # fmt: skip

    def send(self, events: Sequence[Event]) -> None:
        with BulkProducer(self.settings, self.bootstrap) as producer:
            for event in events:
                producer.send(event)

    def records(self, *topics: str) -> Iterator[Record]:
        """Records of this test, in order of each partition."""
        mine = self.name.encode()
        return (
            r
            for r in read_to_end(self.settings, self.bootstrap, topics)
            if mine in (r.key or b"") + (r.value or b"")[:4096]
        )

    def answers(self) -> Counter[int]:
        """How often each segment number lies on the topic."""
        events = (event_of(record) for record in self.records("segments"))
        return Counter(event.index for event in events if isinstance(event, SegmentCut))

    def counted(self) -> dict[str, int]:
        """What the fold said last of each video."""
        events = [event_of(record) for record in self.records("segments")]
        return {event.video_id: event.count for event in events if isinstance(event, VideoSegmented)}

    def wait_for_answers(self, numbers: Sequence[int], *, limit_s: float = 40.0) -> Counter[int]:
        wait_until(
            lambda: set(numbers) <= set(self.answers()),
            limit_s=limit_s,
            what="answers",
            tell=lambda: f"have {len(self.answers())}; {self.logs()}",
        )
        return self.answers()

    def wait_for_counts(self, expected: dict[str, int], *, limit_s: float = 40.0) -> None:
        wait_until(lambda: self.counted() == expected, limit_s=limit_s,
                   what=f"{expected}", tell=lambda: f"have {self.counted()}; {self.logs()}")  # fmt: skip

    def wait_for_committed(self, kind: str = "transform", *, limit_s: float = 10.0) -> None:
        """Wait until the group has committed all there is."""
        wait_until(
            lambda: self.lag(kind) == 0,
            limit_s=limit_s,
            what="lag 0",
            tell=lambda: f"have {self.lag(kind)}; {self.logs()}",
        )

    def lag(self, kind: str) -> int:
        from confluent_kafka import Consumer, TopicPartition

        stage = {"transform": transform_stage, "fold": fold_stage}[kind](self.name)
        consumer = Consumer(confluent_config(self.settings, self.bootstrap) | {"group.id": group_of(stage.name)})
        places = [TopicPartition(stage.reads[0], p) for p in range(self.counts[stage.reads[0]])]
        lag = sum(
            consumer.get_watermark_offsets(at)[1] - max(at.offset, 0) for at in consumer.committed(places, timeout=10)
        )
        consumer.close()
        return lag

    def tries(self) -> Counter[int]:
        """How often the transform worked on each link."""
        marks = self.folder.glob("tried-*")
        return Counter({int(mark.name.rsplit("-", 1)[1]): len(mark.read_text()) for mark in marks})

    def logs(self) -> str:
        return "\n".join(f"== {w.log.name}\n{w.log.read_text(errors='replace')[-2500:]}" for w in self.workers)

    def _begin_at_the_end(self, group: str, topics: Sequence[str]) -> None:
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(confluent_config(self.settings, self.bootstrap) | {"group.id": group})
        places = [TopicPartition(name, p) for name in topics for p in range(self.counts[name])]
        ends = [
            TopicPartition(at.topic, at.partition, consumer.get_watermark_offsets(at, timeout=10)[1]) for at in places
        ]
        wait_until(lambda: _is_committed(consumer, ends), limit_s=30, what="a coordinator that takes offsets")
        consumer.close()


def _is_committed(consumer: "Consumer", ends: "list[TopicPartition]") -> bool:
    """Try to commit; a Kafka that has just begun has no coordinator for a moment."""
    from confluent_kafka import KafkaException

    try:
        consumer.commit(offsets=ends, asynchronous=False)
    except KafkaException as error:
        if not is_passing(error.args[0]):
            raise
        return False
    return True
