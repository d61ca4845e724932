"""What is on disk about jobs: ``HOME/jobs/ID``, a folder each. Everything a page says of a job is read from there."""

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from dashboard.job_child import ENDED, Ended
from dashboard.job_orders import REPORT, TABLE, ImportOrder, Order
from streams.locks import try_lock
from streams.whole_files import write_whole

FOLDER = "jobs"
ASKED, STARTED, CANCELLED, INTERRUPTED, LOCK = "asked.json", "started.json", "cancelled", "interrupted", "lock"
OUT, LOG = "out.txt", "log.txt"

LOG_READ_BYTES = 64 * 1024
LOG_LINES = 40
LONGEST_LINE = 500
RESULT_READ_BYTES = 2**20
SOME_REJECTED = 3
"""Exit status of an import that took some rows and not others."""

JobId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{11}-[0-9a-f]{6}$(?!\n)")]
State = Literal["waiting", "running", "done", "failed", "cancelled", "broken"]
"""``broken``: its process is gone and did not say how it ended: killed, or the machine stopped."""

Part = TypeVar("Part", Ended, "Started")

_looking = threading.Lock()


class Asked(msgspec.Struct, frozen=True):
    """What somebody asked for."""

    order: Order
    by: str
    at_s: float


class Started(msgspec.Struct, frozen=True):
    """The process of a job, which leads a group of its own."""

    pid: int
    at_s: float


class JobProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the part of the work is that runs now; `total` is None where nobody knows."""

    what: str
    done: float = 0.0
    total: float | None = None

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None where nobody knows how much there is."""
        return None if not self.total else min(1.0, max(0.0, self.done / self.total))


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job, as its folder says.

    Attributes
    ----------
    problem : str
        Why it did not end well, in the command's own words.
    log : tuple of str
        Its last lines.
    result : object
        What the command printed last, decoded.
    """

    job_id: JobId
    order: Order
    by: str
    asked_at_s: float
    state: State
    started_at_s: float | None = None
    ended_at_s: float | None = None
    progress: JobProgress | None = None
    problem: str = ""
    log: tuple[str, ...] = ()
    result: Any = None  # Any: JSON
    has_report: bool = False

    @property
    def is_active(self) -> bool:
        """Whether something will still happen by itself."""
        return self.state in ("waiting", "running")


class _Line(msgspec.Struct):
    progress: str
    done: float = 0.0
    total: float | None = None


def new_folder(home: Path, asked: Asked, table: Path | None = None) -> Path:
    """Write down what is asked for, last of all: a folder without it is none of a job's.

    Parameters
    ----------
    table : Path, optional
        Moved there under the name that an import reads.
    """
    job_id = f"{int(asked.at_s * 1000):011x}-{secrets.token_hex(3)}"
    folder = home / FOLDER / job_id
    folder.mkdir(parents=True, mode=0o700)
    if table is not None and isinstance(asked.order, ImportOrder):
        shutil.move(table, folder / f"{TABLE}{asked.order.suffix}")
    write_whole(folder / ASKED, msgspec.json.encode(asked))
    return folder


def folders(home: Path) -> Iterator[Path]:
    """All job folders, the newest first."""
    within = home / FOLDER
    found = within.iterdir() if within.is_dir() else ()
    yield from sorted((path for path in found if (path / ASKED).is_file()), key=lambda p: p.name, reverse=True)


def read(folder: Path) -> Job:
    """Say what the folder says.

    Raises
    ------
    OSError, msgspec.DecodeError
        It is gone, or no job's folder.
    """
    asked = msgspec.json.decode((folder / ASKED).read_bytes(), type=Asked)
    state = _state(folder, asked.order)  # first: what a job wrote before it ended is then there
    ended, started = _part(folder / ENDED, Ended), _part(folder / STARTED, Started)
    progress, log = _told(folder / LOG)
    return Job(
        job_id=folder.name,
        order=asked.order,
        by=asked.by,
        asked_at_s=asked.at_s,
        state=state,
        started_at_s=started.at_s if started else None,
        ended_at_s=ended.at_s if ended else None,
        progress=progress if state == "running" else None,
        problem=_problem(state, log),
        log=log,
        result=_result(folder / OUT) if ended else None,
        has_report=(folder / REPORT).is_file(),
    )


def pid_of(folder: Path) -> int | None:
    """The process that runs a job now; None where none does."""
    started = _part(folder / STARTED, Started)
    return started.pid if started and is_held(folder) else None


def is_held(folder: Path) -> bool:
    """Whether a process works on a job: it holds the lock as long as it lives."""
    with _looking:
        descriptor = try_lock(folder / LOCK)
        if descriptor is not None:
            os.close(descriptor)
    return descriptor is None


def mark_cancelled(folder: Path) -> None:
    """Note that somebody does not want the job any more."""
    (folder / CANCELLED).touch()


def mark_interrupted(folder: Path) -> None:
    """Note that the job is stopped because the system is: unless it is done by then, it waits for the next start."""
    (folder / INTERRUPTED).touch()


def take_up(folder: Path) -> bool:
    """Make a job that waits ready to start; whether it was interrupted. Hold its lock.

    Raises
    ------
    FileExistsError
        Somebody started it meanwhile.
    """
    is_interrupted = (folder / INTERRUPTED).exists()
    if is_interrupted:
        for name in (ENDED, STARTED, INTERRUPTED):  # this order: one that is broken off here still waits
            (folder / name).unlink(missing_ok=True)
    elif (folder / STARTED).exists():
        raise FileExistsError(f"{folder.name} was started already")
    return is_interrupted


def cancelled_for_s(folder: Path) -> float | None:
    """How long ago somebody cancelled the job; None where nobody did."""
    try:
        return time.time() - (folder / CANCELLED).stat().st_mtime
    except FileNotFoundError:
        return None


def remove(folder: Path) -> None:
    """Delete a job's folder with its report."""
    shutil.rmtree(folder, ignore_errors=True)


def _state(folder: Path, order: Order) -> State:
    if is_held(folder):
        return "running"
    ended = _part(folder / ENDED, Ended)
    if ended and (ended.code == 0 or (ended.code == SOME_REJECTED and isinstance(order, ImportOrder))):
        return "done"
    if (folder / CANCELLED).exists():
        return "cancelled"
    if (folder / INTERRUPTED).exists():
        return "waiting"
    if ended:
        return "failed"
    return "broken" if (folder / STARTED).exists() else "waiting"


def _part(path: Path, kind: type[Part]) -> Part | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _told(path: Path) -> tuple[JobProgress | None, tuple[str, ...]]:
    """The last word on progress, and the last lines that are meant for people."""
    progress, kept = None, list[str]()
    for line in _tail(path, LOG_READ_BYTES).splitlines():
        try:
            said = msgspec.json.decode(line, type=_Line)
            progress = JobProgress(what=said.progress, done=said.done, total=said.total)
        except msgspec.DecodeError:
            if line.strip():
                kept.append(line.rstrip()[:LONGEST_LINE])
    return progress, tuple(kept[-LOG_LINES:])


def _problem(state: State, log: tuple[str, ...]) -> str:
    if state == "broken":
        return "its process ended without a word: it was killed, or the machine stopped; ask again"
    if state != "failed":
        return ""
    return log[-1].removeprefix("groundswell: ") if log else "it failed and said nothing"


def _result(path: Path) -> object:
    lines = _tail(path, RESULT_READ_BYTES).strip().splitlines()
    try:
        return msgspec.json.decode(lines[-1]) if lines else None
    except msgspec.DecodeError:
        return None


def _tail(path: Path, most_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
            return file.read(most_bytes).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
