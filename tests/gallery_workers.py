"""Workers of the identity stage on a Kafka of their own, and everything they say."""

import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from workers import wait_until

from schemas.event import Event
from schemas.features import FeatureExtracted
from streams.kafka.admin import changelog_of, create_missing, differences
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.settings import Settings
from streams.worker import WorkerCard, cards

HELD = re.compile(r"^groundswell_partitions\{.*\} (\d)", re.MULTILINE)


class Gallery:
    """Workers of the identity stage on a Kafka of their own."""

    def __init__(self, broker: EmbeddedBroker, cache: Path, home: Path) -> None:
        self.settings = Settings(home=home, cache=cache, kafka=broker.bootstrap, partitions=2)
        self.bootstrap = broker.bootstrap
        self.log = (home / "workers.log").open("ab")
        self.workers: list[subprocess.Popen[bytes]] = []
        create_missing(self.settings, self.bootstrap)

    def start(self, stage: str = "identity") -> None:
        environment = os.environ | self.settings.environment()
        command = [sys.executable, "-m", "streams.commands.main", "worker", stage]
        self.workers.append(subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log))
        wait_until(lambda: len(self.cards()) == len(self.workers), limit_s=60, what="a worker", tell=self.told)

    def run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command of ours."""
        command = [sys.executable, "-m", "streams.commands.main", *arguments]
        environment = os.environ | self.settings.environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 or not check, done.stderr
        return done

    def cards(self) -> list[WorkerCard]:
        return [card for card in cards(self.settings.home) if self._lives(card.pid)]

    def writers(self) -> list[WorkerCard]:
        """Workers that hold the gallery."""
        return [card for card in self.cards() if self._holds(card)]

    def send(self, events: Sequence[Event]) -> None:
        with BulkProducer(self.settings, self.bootstrap) as producer:
            for event in events:
                producer.send(event)

    def events(self, *topics: str) -> list[Event]:
        records = read_to_end(self.settings, self.bootstrap, topics)
        return [event_of(record) for record in records if record.value is not None]

    def configs(self) -> list[str]:
        """How topics differ from what the topology says of them."""
        return [str(difference) for difference in differences(self.settings, self.bootstrap)]

    def states(self, stage: str = "identity") -> dict[str, bytes]:
        records = read_to_end(self.settings, self.bootstrap, [changelog_of(stage, "states")])
        return {(key or b"").decode(): record.value or b"" for (_, key), record in latest_per_key(records).items()}

    def answered(self, segments: int) -> set[str]:
        """Videos of which so many segments have an answer."""
        found = [e for e in self.events("features") if isinstance(e, FeatureExtracted)]
        scopes = {(e.video_id, e.scope) for e in found if e.modality == "identity" and e.scope != "video"}
        per_video = Counter(video_id for video_id, _ in scopes)
        return {video_id for video_id, count in per_video.items() if count == segments}

    def told(self) -> str:
        return (self.settings.home / "workers.log").read_text(errors="replace")[-3000:]

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.log.close()

    def _lives(self, pid: int) -> bool:
        return any(worker.pid == pid and worker.poll() is None for worker in self.workers)

    @staticmethod
    def _holds(card: WorkerCard) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{card.port}/metrics", timeout=5) as answer:
            found = HELD.search(answer.read().decode())
        return bool(found) and found[1] != "0"
