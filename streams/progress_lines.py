"""Progress of a command for whoever started it as a child: JSON, a line at a time, on standard error."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

VARIABLE = "GROUNDSWELL_PROGRESS"
"""``json`` makes commands that show bars print lines instead; ``groundswell --progress json`` sets it."""

EVERY_S = 0.25
"""More often nobody looks, and a log would grow."""


def wanted() -> bool:
    """Whether lines take the place of bars."""
    return os.environ.get(VARIABLE) == "json"


class ProgressLines:
    """Prints how far each part of the work is: ``{"progress": "learning", "done": 3, "total": 10}``.

    Parameters
    ----------
    clock_s : callable
        Seconds that never go back.
    """

    def __init__(self, *, out: TextIO | None = None, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock_s = out, clock_s
        self._said: dict[str, float] = {}

    def say(self, what: str, done: float, total: float | None = None) -> None:
        """Print a line, unless one of the same part was printed just now and there is more to do."""
        now_s, is_last = self._clock_s(), total is not None and done >= total
        if not is_last and now_s - self._said.get(what, -EVERY_S) < EVERY_S:
            return
        self._said[what] = now_s
        line = json.dumps({"progress": what, "done": done, "total": total})
        print(line, file=self._out or sys.stderr, flush=True)
