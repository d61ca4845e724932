"""Watches other processes: the CPU time they take and the memory they hold, with all that they start."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

SAMPLE_S = 0.2


class ProcessMeter:
    """A context manager that samples memory in a thread, five times a second.

    Parameters
    ----------
    pids : mapping of name to pid
        Processes of this machine.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.forget_peaks()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process since it began, those of its ended and its running children included."""
        children = _children()
        return {name: sum(map(_cpu_s, _family(pid, children))) for name, pid in self._pids.items()}

    def forget_peaks(self) -> None:
        """Begin anew with the peaks of memory."""
        self.peak_bytes, self.peak_together_bytes = dict.fromkeys(self._pids, 0), 0

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_S):
            children = _children()
            held = {name: sum(map(_held_bytes, _family(pid, children))) for name, pid in self._pids.items()}
            self.peak_bytes = {name: max(held[name], peak) for name, peak in self.peak_bytes.items()}
            self.peak_together_bytes = max(self.peak_together_bytes, sum(held.values()))


def highest_bytes(pid: int) -> int:
    """The most memory a process ever held, as the kernel counts it; 0 where there is no /proc."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
    return 0


def _children() -> dict[int, list[int]]:
    """Pids of the children of every process of this machine."""
    found: dict[int, list[int]] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found.setdefault(process.ppid(), []).append(process.pid)
    return found


def _family(pid: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _family(child, children)


def _cpu_s(pid: int) -> float:
    with suppress(psutil.Error):
        return float(sum(psutil.Process(pid).cpu_times()[:4]))  # user, system, and both of ended children
    return 0.0


def _held_bytes(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0
