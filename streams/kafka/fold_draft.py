"""Several events of a fold in one step: each is stepped on what those before it left, and nothing is stored yet."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol  # Any: states are of the fold's own type

import msgspec

from processors.stage import TimedFold
from schemas.erased import VideoErased
from schemas.errors import GroundswellError
from schemas.event import Event
from schemas.ticks import TimePassed
from streams.kafka.admin import LARGEST_CHANGELOG_RECORD_BYTES

LARGEST_STATE_BYTES = LARGEST_CHANGELOG_RECORD_BYTES - 2**16
"""Leaves room for the key and Kafka's own bytes."""

log = logging.getLogger(__name__)


class StateTooLarge(GroundswellError):
    """A state has outgrown its changelog; the event that did it goes to dead-letters."""


ANY_TIME_S = -math.inf
"""When a state wakes of which nobody knows: every tick is for it."""


class Change(NamedTuple):
    """What a step did to one state.

    Attributes
    ----------
    value : bytes or None
        None: nothing, unless it `deletes`.
    wakes_at_s : float or None
        The first time that it wants to hear; None where it waits for none.
    """

    partition: int
    key: str
    value: bytes | None
    wakes_at_s: float | None
    deletes: bool = False

    @property
    def waits(self) -> bool:
        """Whether it waits for time to pass."""
        return self.wakes_at_s is not None


class Stored(Protocol):
    """What is stored of a fold, before the step."""

    def value(self, partition: int, key: str) -> bytes | None:
        """Read a state as it was encoded."""
        ...

    def keys_of(self, video_id: str) -> Iterator[str]:
        """Name every state of a video: its key, or what begins with it."""
        ...

    def waiting(self, partition: int) -> Mapping[str, float]:
        """Name the states of a partition that wait for time to pass, and the first time that each wants to hear."""
        ...


class _Entry(NamedTuple):
    """A state as the events so far left it; `value` None: there is none. `state` None: it was not decoded yet."""

    stored: bytes | None
    value: bytes | None
    wakes_at_s: float | None
    state: Any = None


class Draft:
    """The states that one step changes.

    However many events change a state, it is read once and has one change in the end. Events and their
    outputs come in the same order, and every state in between is encoded and measured, as if each event had a
    step of its own: how events are divided into steps shows in nothing that is written, but in how often.

    Parameters
    ----------
    fold : Fold
        Of any state.
    stage : str
        The fold's name; ticks of other stages are not for it.
    """

    def __init__(self, fold: Any, stored: Stored, *, stage: str) -> None:
        self._fold, self._stored, self._stage = fold, stored, stage
        self._wakes_at_s: Callable[[Any], float] = (
            fold.wakes_at_s if isinstance(fold, TimedFold) else lambda _: ANY_TIME_S
        )
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self._decoder = msgspec.json.Decoder(fold.state_type)
        self._entries: dict[tuple[int, str], _Entry] = {}

    def step(self, event: Event, partition: int) -> list[Event]:
        """Step every state that an event of a partition concerns; gives what follows from it.

        Raises
        ------
        GroundswellError
            From the fold, or a state is too large to be kept; the draft is of no use then.
        """
        if isinstance(event, TimePassed):
            return self._tick(event) if event.stage == self._stage else []
        if isinstance(event, VideoErased):
            self._erase(event.video_id, partition)
            return []
        key = self._fold.key(event)
        return [] if key is None else self._step_one((partition, key), event)

    def changes(self) -> list[Change]:
        """Say what must be stored."""
        return [
            Change(
                partition,
                key,
                value=None if entry.value == entry.stored else entry.value,
                wakes_at_s=entry.wakes_at_s,
                deletes=entry.value is None and entry.stored is not None,
            )
            for (partition, key), entry in self._entries.items()
        ]

    def _step_one(self, place: tuple[int, str], event: Event) -> list[Event]:
        entry, key = self._entry(place), place[1]
        before = self._state(key, entry)
        state, outputs = self._fold.step(before, event)
        value = self._encoder.encode(state) if entry.value is None or state is not before else entry.value
        if len(value) > LARGEST_STATE_BYTES:
            raise StateTooLarge(f"state {key} would have {len(value)} bytes; at most {LARGEST_STATE_BYTES} are kept")
        wakes_at_s = self._wakes_at_s(state) if self._fold.waits(state) else None
        self._entries[place] = _Entry(entry.stored, value, wakes_at_s, state)
        return list(outputs)

    def _state(self, key: str, entry: _Entry) -> Any:
        if entry.value is None:
            return self._fold.start(key)
        return self._decoder.decode(entry.value) if entry.state is None else entry.state

    def _tick(self, tick: TimePassed) -> list[Event]:
        """One state that cannot take the time must not stop the clock of the others."""
        outputs: list[Event] = []
        for key in self._due(tick.partition, tick.at_s):
            place = (tick.partition, key)
            try:
                outputs.extend(self._step_one(place, tick))
            except Exception:
                log.exception("state %s could not take a tick; it waits for its next event", key)
                self._entries[place] = self._entry(place)._replace(wakes_at_s=None)
        return outputs

    def _due(self, partition: int, at_s: float) -> list[str]:
        """Those to whom this time means something, as far as the events so far left them; the others it would not change."""
        changed = {key: entry.wakes_at_s for (of, key), entry in self._entries.items() if of == partition}
        wakes = {key: wakes_at_s for key, wakes_at_s in changed.items() if wakes_at_s is not None}
        wakes |= {key: due_s for key, due_s in self._stored.waiting(partition).items() if key not in changed}
        return sorted(key for key, wakes_at_s in wakes.items() if wakes_at_s <= at_s)

    def _erase(self, video_id: str, partition: int) -> None:
        places = {(partition, key) for key in self._stored.keys_of(video_id)}
        places |= {place for place in self._entries if is_of(video_id, place[1])}
        for place in sorted(places):
            self._entries[place] = _Entry(self._entry(place).stored, None, wakes_at_s=None)

    def _entry(self, place: tuple[int, str]) -> _Entry:
        known = self._entries.get(place)
        if known is None:
            value = self._stored.value(*place)
            known = _Entry(value, value, self._stored.waiting(place[0]).get(place[1]))
        return known


def is_of(video_id: str, key: str) -> bool:
    """Whether a state is one of a video's.

    >>> is_of("url:a", "url:a/0123456789abcdef/2"), is_of("url:a", "url:ab")
    (True, False)
    """
    return key == video_id or key.startswith(f"{video_id}/")
