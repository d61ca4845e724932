"""Shows how far a replay is: a bar for people, a line now and then for logs."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streams.progress_lines import ProgressLines, wanted
from streams.replay_partition import PartitionDone, Report

LINE_EVERY_S = 5.0


class ReplayProgress:
    """A context manager that hears reports; writes to standard error, so that results stay alone on the other.

    Parameters
    ----------
    partitions : int
        How many there are to do.
    clock_s : callable
        Seconds that never go back.
    """

    def __init__(
        self, partitions: int, *, console: Console | None = None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True)
        self._partitions, self._clock_s, self._last_s = partitions, clock_s, clock_s()
        self._shares: dict[int, float] = {}
        self._videos: dict[int, int] = {}
        self._lines = ProgressLines(clock_s=clock_s) if wanted() else None
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        self._bar = Progress(*columns, console=self._console, transient=True) if self._console.is_terminal else None
        self._task = self._bar.add_task("reading", total=float(max(partitions, 1))) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def hear(self, report: Report) -> None:
        """Take in how far a partition is."""
        share, videos = _share_and_videos(report)
        self._shares[report.partition], self._videos[report.partition] = share, videos
        if self._lines:
            self._lines.say(self._words(), sum(self._shares.values()), self._partitions)
        elif self._bar and self._task is not None:
            self._bar.update(self._task, completed=sum(self._shares.values()), description=self._words())
        elif self._clock_s() - self._last_s >= LINE_EVERY_S:
            self._last_s = self._clock_s()
            percent = 100 * sum(self._shares.values()) / max(self._partitions, 1)
            self._console.print(f"{self._words()}, {percent:.0f} %", highlight=False)

    def _words(self) -> str:
        done = sum(share >= 1 for share in self._shares.values())
        return f"{sum(self._videos.values())} videos, {done} of {self._partitions} partitions"


def _share_and_videos(report: Report) -> tuple[float, int]:
    if isinstance(report, PartitionDone):
        return 1.0, report.videos
    return report.done / max(report.total, 1), report.done
