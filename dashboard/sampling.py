"""How far every stage is, sampled in the background: no page waits for Kafka, and many pages ask it no more often."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import Depends, Request

from schemas.errors import GroundswellError
from streams.disk_use import used_bytes
from streams.kafka.lag import GroupLag, group_lags
from streams.settings import Settings

SAMPLE_EVERY_S = 3.0
DISK_EVERY_S = 60.0
HISTORY = 120
"""Points of a chart: six minutes, while somebody looks."""

RATE_OVER = 5
"""Samples over which a rate is taken: one alone jumps with every batch."""


class StageNow(msgspec.Struct, frozen=True, kw_only=True):
    """A stage's consumer group; `lag` counts events not yet committed.

    Attributes
    ----------
    lags, rates : tuple of float
        As they were, sample by sample, the newest last.
    """

    stage: str
    workers: int
    lag: int
    events_per_s: float
    lags: tuple[int, ...] = ()
    rates: tuple[float, ...] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What was last seen.

    Attributes
    ----------
    at_s : float or None
        When, in seconds since the epoch; None before the first.
    problem : str
        Why there is nothing newer: Kafka does not answer.
    disk_bytes : dict
        By folder of the home, and what is free.
    """

    at_s: float | None = None
    stages: tuple[StageNow, ...] = ()
    problem: str = ""
    disk_bytes: dict[str, int] = msgspec.field(default_factory=dict)


@dataclass(frozen=True)
class _Point:
    at_s: float
    groups: dict[str, GroupLag]


Read = Callable[[], Sequence[GroupLag]]


class Sampler:
    """Samples while somebody asks, and rests when nobody does. Safe to use from several threads.

    Parameters
    ----------
    read : callable, optional
        Measures every stage; from Kafka by default.
    """

    def __init__(self, settings: Settings, bootstrap: str, *, read: Read | None = None) -> None:
        self._settings = settings
        self._read = read or (lambda: group_lags(settings, bootstrap))
        self._points: deque[_Point] = deque(maxlen=HISTORY)
        self._problem, self._disk = "", dict[str, int]()
        self._looked_at_s = self._disk_at_s = float("-inf")
        self._lock = threading.Lock()

    def now(self, *, wait: bool = False) -> Sample:
        """What was last seen; a newer look begins in the background when that is old.

        Parameters
        ----------
        wait : bool
            Wait for the look, when there was none before.
        """
        thread = self._look_if_old()
        if thread is not None and wait and not self._points:
            thread.join()
        points = list(self._points)
        return Sample(
            at_s=points[-1].at_s if points else None,
            stages=_stages(points),
            problem=self._problem,
            disk_bytes=dict(self._disk),
        )

    def _look_if_old(self) -> threading.Thread | None:
        with self._lock:
            if time.monotonic() - self._looked_at_s < SAMPLE_EVERY_S:
                return None
            self._looked_at_s = float("inf")  # until this look is over nobody else begins one
        thread = threading.Thread(target=self._look, name="sampling", daemon=True)
        thread.start()
        return thread

    def _look(self) -> None:
        try:
            self._look_at_disk()
            groups = {group.stage: group for group in self._read()}
            self._points.append(_Point(time.time(), groups))
            self._problem = ""
        except (GroundswellError, OSError) as error:
            self._problem = str(error)
        finally:
            self._looked_at_s = time.monotonic()

    def _look_at_disk(self) -> None:
        if time.monotonic() - self._disk_at_s > DISK_EVERY_S:
            self._disk = used_bytes(self._settings.home)
            self._disk_at_s = time.monotonic()


def sampler_of(request: Request) -> Sampler:
    """The sampler of the app that answers this request."""
    found = request.app.state.sampler
    if not isinstance(found, Sampler):
        raise TypeError("the app was made without a sampler; see dashboard.app.create_app")
    return found


TheSampler = Annotated[Sampler, Depends(sampler_of)]
"""Annotation of a route's parameter."""


def _stages(points: Sequence[_Point]) -> tuple[StageNow, ...]:
    if not points:
        return ()
    return tuple(_stage(name, group, points) for name, group in points[-1].groups.items())


def _stage(name: str, group: GroupLag, points: Sequence[_Point]) -> StageNow:
    known = [(point.at_s, point.groups[name]) for point in points if name in point.groups]
    rates = tuple(_rate(known[max(0, end - RATE_OVER) : end + 1]) for end in range(1, len(known)))
    return StageNow(
        stage=name,
        workers=group.members,
        lag=group.total,
        events_per_s=rates[-1] if rates else 0.0,
        lags=tuple(one.total for _, one in known),
        rates=rates,
    )


def _rate(span: Sequence[tuple[float, GroupLag]]) -> float:
    (first_s, first), (last_s, last) = span[0], span[-1]
    seconds = last_s - first_s
    return round(max(0, last.committed - first.committed) / seconds, 1) if seconds > 0 else 0.0
