"""The whole system on one machine: Kafka, topics, weights, releases and workers, up and down together."""

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.errors import UsageError
from streams.kafka import admin
from streams.kafka.broker import EmbeddedBroker
from streams.locks import try_lock
from streams.settings import Settings
from streams.supervisor import Supervisor
from streams.topology import STAGES, weights_of

READY_LIMIT_S = 90.0

log = logging.getLogger(__name__)


class System:
    """Everything that `groundswell up` runs; a context manager that leaves nothing behind.

    It belongs to the main thread of a command: leaving it turns interruption off, for what comes
    after is cleaning up.

    Parameters
    ----------
    copies : mapping
        Workers by stage; one each where nothing is said.
    log_folder : Path or None
        Where the workers log; None: standard error.
    say : callable
        Hears in a line what is being done.
    others : mapping
        What else shall be kept running, see `Supervisor`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        copies: Mapping[str, int] | None = None,
        log_folder: Path | None = None,
        say: Callable[[str], None] = lambda line: None,
        others: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.settings, self._say = settings, say
        everything = {stage.name: 1 for stage in STAGES} | dict(copies or {})
        self._supervisor = Supervisor(settings, everything, log_folder=log_folder, others=others)
        self._stack = ExitStack()
        self.bootstrap = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def tend(self, *, seconds: float) -> None:
        """Keep the workers alive for a while."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._supervisor.tend()
            time.sleep(0.5)

    def tend_once(self) -> bool:
        """Restart what died; always False, so that it can be a follower's `on_idle`."""
        self._supervisor.tend()
        return False

    def _start(self) -> None:
        self._take_home()
        self._fetch_weights()
        self.bootstrap = self.settings.kafka or self._start_kafka()
        self._say("creating topics")
        admin.create_missing(self.settings, self.bootstrap)
        for difference in admin.differences(self.settings, self.bootstrap):
            self._say(f"as it is, not as planned: {difference}")
        self._publish_starters()
        self._say("starting workers")
        self._stack.callback(self._supervisor.stop)
        self._supervisor.start()
        self._supervisor.wait_ready(timeout_s=READY_LIMIT_S)

    def _stop(self) -> None:
        """Stop everything; an impatient second Ctrl-C must not leave half of it running."""
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, signal.SIG_IGN)
        self._stack.close()

    def _take_home(self) -> None:
        self.settings.home.mkdir(parents=True, exist_ok=True)
        lock = try_lock(self.settings.home / "up.lock")
        if lock is None:
            raise UsageError(
                f"Groundswell runs already for {self.settings.home}; submit to that one, "
                "or set GROUNDSWELL_HOME to another folder"
            )
        self._stack.callback(os.close, lock)

    def _start_kafka(self) -> str:
        self._say("starting Apache Kafka")
        broker = EmbeddedBroker(
            self.settings.home, self.settings.cache_folder, heap_mb=self.settings.kafka_memory_mb, say=self._say
        )
        self._stack.callback(broker.stop)
        broker.start()
        return broker.bootstrap

    def _fetch_weights(self) -> None:
        from streams.storage.weights import WeightsCache

        cache = WeightsCache(self.settings.cache_folder)
        options = self.settings.options()
        for name in dict.fromkeys(name for stage in STAGES for name in weights_of(stage, options)):
            self._say(f"checking the weights of {name}")
            cache.fetch(name, progress=lambda step, done, total: self._tell(step, done))

    def _tell(self, step: str, done: int) -> None:
        if done == 0:
            self._say(f"weights: {step}")

    def _publish_starters(self) -> None:
        from streams.storage.releases import publish_starters
        from streams.target_shelf import publish_shipped

        publish_shipped(self.settings, self.bootstrap)
        for release in publish_starters(self.settings, self.bootstrap):
            self._say(f"release {release.target}/{release.release_id} is on the shelf")
