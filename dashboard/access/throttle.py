"""Guessing passwords becomes slow: after a few failures each further one doubles the wait."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock

LONGEST_WAIT_S = 900.0
FORGOTTEN_AFTER_S = 3600.0
MOST_KEYS = 10_000


@dataclass(frozen=True)
class Tried:
    """How often, and when the next try is heard."""

    failures: int
    at_s: float
    again_at_s: float


class Throttle:
    """Counts failures by key in bounded memory; a restart forgets them.

    Parameters
    ----------
    now_s : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s, self._lock = now_s, Lock()
        self._tried: OrderedDict[str, Tried] = OrderedDict()

    def begin(self, keys: Iterable[tuple[str, int]]) -> float:
        """Count a try as failed before it is made, so that many at once are not heard for the price of one.

        Parameters
        ----------
        keys : iterable of (key, free)
            Who tries, and how many failures cost nothing.

        Returns
        -------
        float
            0: go on. Else the seconds to wait, and nothing was counted.
        """
        wanted, now_s = list(keys), self._now_s()
        with self._lock:
            known = {key: self._known(key, now_s) for key, _ in wanted}
            wait_s = max(tried.again_at_s for tried in known.values()) - now_s
            if wait_s > 0:
                return wait_s
            for key, free in wanted:
                self._note(key, _after(known[key].failures + 1, free, now_s))
        return 0.0

    def forgive(self, keys: Iterable[str], *, forget: str = "") -> None:
        """A try was right after all: take back what `begin` counted, and of the key `forget` all before it too."""
        with self._lock:
            self._tried.pop(forget, None)
            for key in keys:
                if tried := self._tried.get(key):
                    self._note(key, Tried(max(0, tried.failures - 1), tried.at_s, 0.0))

    def _known(self, key: str, now_s: float) -> Tried:
        tried = self._tried.get(key)
        return Tried(0, now_s, 0.0) if tried is None or now_s - tried.at_s > FORGOTTEN_AFTER_S else tried

    def _note(self, key: str, tried: Tried) -> None:
        self._tried[key] = tried
        self._tried.move_to_end(key)
        if len(self._tried) > MOST_KEYS:
            self._tried.popitem(last=False)


def _after(failures: int, free: int, now_s: float) -> Tried:
    wait_s = 0.0 if failures <= free else min(2.0 ** min(failures - free - 1, 30), LONGEST_WAIT_S)
    return Tried(failures, now_s, now_s + wait_s)
