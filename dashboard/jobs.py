"""Work that takes minutes, as child processes of the command line: one heavy job at a time, the others wait.

A child outlives the dashboard that started it, though not the system that it works for; see ``docs/decisions/048-jobs-outlive-the-dashboard.md``.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import Depends, Request

from dashboard import job_folders
from dashboard.job_folders import Asked, Job, Started
from dashboard.job_orders import Order, words_of
from dashboard.problems import Problem, not_found
from dashboard.rows import Change
from schemas.errors import UsageError
from streams.locks import try_lock
from streams.settings import Settings
from streams.whole_files import write_whole

MOST_KEPT = 50
MOST_WAITING = 20
LOOK_EVERY_S = 0.5
KILL_AFTER_S = 10.0
"""Whoever asks a job to stop gives it so long to tidy up."""

STOP_LIMIT_S = 6.0
"""A system that stops gives its jobs so long, and its dashboard twice that (`streams.supervisor.STOP_LIMIT_S`)."""

KILLED_LIMIT_S = 2.0
STOP_LOOK_EVERY_S = 0.05
WENT_ON = b"Groundswell was stopped while this ran; it goes on from here\n"
STARTING_LOCK = "starting.lock"

Tell = Callable[[Sequence[Change]], object]


def _nobody(changes: Sequence[Change]) -> None:
    """Nobody listens."""


class Jobs:
    """The jobs of one home. Safe to use from several threads, and beside other dashboards of the same home.

    Parameters
    ----------
    tell : callable
        Hears of every change of a job.
    """

    def __init__(self, settings: Settings, *, tell: Tell = _nobody) -> None:
        self._settings, self.tell = settings, tell
        self._children: list[subprocess.Popen[bytes]] = []
        self._seen: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._watching: threading.Thread | None = None
        self._is_over = False

    def ask(self, order: Order, *, by: str, table: Path | None = None) -> Job:
        """Queue a job; it starts at once when nothing of its lane runs.

        Parameters
        ----------
        table : Path, optional
            Moved into the job's folder, for an import.

        Raises
        ------
        UsageError
            Too many wait already.
        """
        if sum(job.state == "waiting" for job in self.list()) >= MOST_WAITING:
            raise UsageError(f"{MOST_WAITING} jobs wait already; cancel some, or come back when they are done")
        folder = job_folders.new_folder(self._settings.home, Asked(order, by, time.time()), table)
        self.begin()
        return job_folders.read(folder)

    def list(self, *, kind: str = "", limit: int = MOST_KEPT) -> list[Job]:
        """The newest jobs, the newest first."""
        found = (self._read(folder) for folder in job_folders.folders(self._settings.home))
        return [job for job in found if job and kind in ("", kind_of(job.order))][:limit]

    def one(self, job_id: str) -> Job:
        """Look a job up.

        Raises
        ------
        Problem
            There is none.
        """
        job = self._read(self.folder(job_id))
        if job is None:
            raise not_found("job", job_id)
        return job

    def folder(self, job_id: str) -> Path:
        """Where a job lies.

        Raises
        ------
        Problem
            That is no id of a job.
        """
        try:
            return self._settings.home / job_folders.FOLDER / msgspec.convert(job_id, job_folders.JobId)
        except msgspec.ValidationError as error:
            raise not_found("job", job_id[:60]) from error

    def cancel(self, job_id: str) -> Job:
        """Stop a job, or leave it out of the queue.

        Raises
        ------
        Problem
            There is none, or it has ended.
        """
        job, folder = self.one(job_id), self.folder(job_id)
        if not job.is_active:
            raise Problem(409, "ended", "The job has ended", detail=f"{job_id} is {job.state}; nothing is left to stop")
        job_folders.mark_cancelled(folder)
        _signal(folder, signal.SIGTERM)
        self.begin()
        return self.one(job_id)

    def begin(self) -> None:
        """Look after jobs as long as any is active: start the next, kill what does not stop, tell of changes."""
        self._tend()
        with self._lock:
            if self._watching is None or not self._watching.is_alive():
                self._watching = threading.Thread(target=self._watch, name="jobs", daemon=True)
                self._watching.start()

    def interrupt(self, *, limit_s: float = STOP_LIMIT_S) -> None:
        """Stop what runs, and start nothing more; what is not done goes on when another dashboard begins."""
        with self._lock:
            self._is_over = True
            folders = [self.folder(job.job_id) for job in self.list(limit=sys.maxsize) if job.state == "running"]
        for folder in folders:
            job_folders.mark_interrupted(folder)
            _signal(folder, signal.SIGTERM)
        for folder in _left(folders, limit_s):
            _signal(folder, signal.SIGKILL)
        _left(folders, KILLED_LIMIT_S)

    def _watch(self) -> None:
        while self._tend():
            time.sleep(LOOK_EVERY_S)

    def _tend(self) -> bool:
        """Do what is due; whether there is more to do."""
        with self._lock:
            if self._is_over:
                return False
            self._children = [child for child in self._children if child.poll() is None]
            jobs = self.list(limit=sys.maxsize)
            for job in jobs:
                self._press(job)
            self._start_due(jobs)
            self._clear(jobs)
            jobs = self.list()
            self._tell_of(jobs)
            return any(job.is_active for job in jobs)

    def _press(self, job: Job) -> None:
        """Kill a job that was asked to stop and has not."""
        folder = self.folder(job.job_id)
        asked_s = job_folders.cancelled_for_s(folder) if job.state == "running" else None
        if asked_s is not None and asked_s > KILL_AFTER_S:
            _signal(folder, signal.SIGKILL)

    def _start_due(self, jobs: Sequence[Job]) -> None:
        busy = {job.order.lane for job in jobs if job.state == "running"}
        for job in reversed(jobs):
            if job.state == "waiting" and job.order.lane not in busy:
                busy.add(job.order.lane)
                self._start(job)

    def _start(self, job: Job) -> None:
        """Start a job's process, unless another dashboard was faster."""
        folder = self.folder(job.job_id)
        turn = try_lock(folder.parent / STARTING_LOCK)
        held = try_lock(folder / job_folders.LOCK) if turn is not None else None
        if held is not None:
            with suppress(FileExistsError):
                self._run(job.order, folder, held)
        for descriptor in (held, turn):
            if descriptor is not None:
                os.close(descriptor)

    def _run(self, order: Order, folder: Path, held: int) -> None:
        goes_on = job_folders.take_up(folder)
        (folder / job_folders.LOG).write_bytes(WENT_ON if goes_on else b"")
        child = self._spawn(folder, words_of(order, folder), held)
        write_whole(folder / job_folders.STARTED, msgspec.json.encode(Started(child.pid, time.time())))
        self._children.append(child)

    def _spawn(self, folder: Path, words: Sequence[str], held: int) -> subprocess.Popen[bytes]:
        with (folder / job_folders.OUT).open("wb") as out, (folder / job_folders.LOG).open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # words of an order that was checked, never a shell's
                [sys.executable, "-m", "dashboard.job_child", str(folder), *words],
                env=os.environ | self._settings.environment(),
                stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                pass_fds=(held,), start_new_session=True,
            )  # fmt: skip

    def _read(self, folder: Path) -> Job | None:
        """Read a folder; what has ended stays as it is."""
        known = self._seen.get(folder.name)
        if known is not None and not known.is_active and folder.exists():
            return known
        try:
            return job_folders.read(folder)
        except (OSError, msgspec.DecodeError):  # cleared away meanwhile, or by somebody's hand
            return None

    def _clear(self, jobs: Sequence[Job]) -> None:
        for job in [job for job in jobs if not job.is_active][MOST_KEPT:]:
            job_folders.remove(self.folder(job.job_id))

    def _tell_of(self, jobs: Sequence[Job]) -> None:
        now = {job.job_id: job for job in jobs}
        changed = [Change("job", job_id) for job_id, job in now.items() if self._seen.get(job_id) != job]
        self._seen = now
        if changed:
            self.tell(changed)


def _left(folders: Sequence[Path], limit_s: float) -> list[Path]:
    """Wait for the jobs in these folders to end, and name those that have not in time."""
    give_up_at_s = time.monotonic() + limit_s
    while (left := [folder for folder in folders if job_folders.is_held(folder)]) and time.monotonic() < give_up_at_s:
        time.sleep(STOP_LOOK_EVERY_S)
    return left


def kind_of(order: Order) -> str:
    """``train``, ``replay``, ``import`` or ``erase``."""
    return str(order.__struct_config__.tag)


def jobs_of(request: Request) -> Jobs:
    """The jobs of the app that answers this request."""
    found = request.app.state.jobs
    if not isinstance(found, Jobs):
        raise TypeError("the app was made without jobs; see dashboard.app.create_app")
    return found


TheJobs = Annotated[Jobs, Depends(jobs_of)]
"""Annotation of a route's parameter."""


def _signal(folder: Path, number: signal.Signals) -> None:
    pid = job_folders.pid_of(folder)
    if pid is None:
        return
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
