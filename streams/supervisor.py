"""Worker processes of one machine: started together, restarted when they die, stopped together."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import GroundswellError
from streams.children import dying_with_parent
from streams.settings import Settings
from streams.threads import thread_limits
from streams.worker import wait_for_cards

STOP_LIMIT_S = 12.0
"""A worker gives its step 8 s; after this it is killed, which loses nothing either."""

RESTART_WAIT_S = 1.0
LONGEST_RESTART_WAIT_S = 30.0

log = logging.getLogger(__name__)


class WorkersNotReady(GroundswellError):
    """Some workers did not come up; their logs say why."""


@dataclass
class Worker:
    """One worker process and its story."""

    stage: str
    process: subprocess.Popen[bytes]
    failures: int = 0
    restart_at_s: float | None = None


class Supervisor:
    """Keeps the asked number of workers of each stage running.

    Parameters
    ----------
    copies : mapping
        Stage name to number of workers.
    log_folder : Path or None
        Where each worker's log goes; None: to this process's standard error.
    others : mapping
        What else shall run: a name, and the words after ``python -m``.
    """

    def __init__(
        self,
        settings: Settings,
        copies: Mapping[str, int],
        *,
        log_folder: Path | None = None,
        others: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._settings, self._copies, self._log_folder = settings, copies, log_folder
        self._others = dict(others or {})
        self.workers: list[Worker] = []

    def start(self) -> None:
        """Start all workers; call it from a thread that lives as long as they shall."""
        for stage_name, count in self._copies.items():
            self.workers += [Worker(stage_name, self._spawn(stage_name)) for _ in range(count)]
        self.workers += [Worker(name, self._spawn(name)) for name in self._others]

    def wait_ready(self, *, timeout_s: float) -> None:
        """Wait until every worker of a stage polls its partitions; not for others.

        Raises
        ------
        WorkersNotReady
            Names the stages that are not there after `timeout_s`.
        """
        stage_of = {worker.process.pid: worker.stage for worker in self.workers if worker.stage in self._copies}
        missing = wait_for_cards(self._settings.home, stage_of, timeout_s=timeout_s)
        if missing:
            names = ", ".join(sorted(stage_of[pid] for pid in missing))
            where = f"; see {self._log_folder}" if self._log_folder else ""
            raise WorkersNotReady(f"workers not ready after {timeout_s:.0f} s: {names}{where}")

    def tend(self) -> None:
        """Restart what died; each further death of a worker waits longer. Call it about once a second."""
        now_s = time.monotonic()
        for worker in self.workers:
            if worker.restart_at_s is not None and now_s >= worker.restart_at_s:
                worker.process, worker.restart_at_s = self._spawn(worker.stage), None
            elif worker.restart_at_s is None and worker.process.poll() is not None:
                wait_s = min(RESTART_WAIT_S * 2**worker.failures, LONGEST_RESTART_WAIT_S)
                worker.failures, worker.restart_at_s = worker.failures + 1, now_s + wait_s
                log.warning(
                    "a worker of %s died (%s); again in %.0f s", worker.stage, worker.process.returncode, wait_s
                )

    def stop(self) -> None:
        """Let every worker finish its step, then make sure that none is left."""
        for worker in self.workers:
            worker.process.terminate()
        give_up_at_s = time.monotonic() + STOP_LIMIT_S
        for worker in self.workers:
            try:
                worker.process.wait(max(0.0, give_up_at_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()

    def _spawn(self, stage_name: str) -> subprocess.Popen[bytes]:
        own = self._settings.environment()
        ours = {f"GROUNDSWELL_{name.upper()}" for name in type(self._settings).model_fields}
        inherited = {name: value for name, value in os.environ.items() if name not in ours}
        environment = inherited | own | thread_limits(self._settings, inherited)
        words = self._others.get(stage_name, ("streams.commands.main", "worker", stage_name))
        with self._log_of(stage_name) as out:
            return subprocess.Popen(  # noqa: S603  our own command line
                [sys.executable, "-m", *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the supervisor; it stops them in order
                preexec_fn=dying_with_parent(),
            )

    def _log_of(self, stage_name: str) -> "_Sink":
        if self._log_folder is None:
            return _Sink(None)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return _Sink(self._log_folder / f"{stage_name}.log")


class _Sink:
    """A log file to append to, or our own standard error."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("ab") if path else None

    def __enter__(self) -> int:
        return self._file.fileno() if self._file else sys.stderr.fileno()

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
