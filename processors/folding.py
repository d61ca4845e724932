"""A fold without Kafka: replay, training and tests run the live fold over a list of events."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeAlias

from processors.stage import Fold, State, WideFold
from schemas.errors import GroundswellError
from schemas.event import Event
from schemas.ticks import TimePassed

TICK_S = 1.0e9
"""Longer than any deadline: the second of two such ticks ends all waiting."""

MAX_TICKS = 10
"""More rounds than a fold can need: segments expire, then their videos."""

OnSkip: TypeAlias = Callable[[Event, GroundswellError], None]
"""Hears of an event that could not be processed; the rest goes on, as past a dead letter."""


def nothing(_event: Event, _error: GroundswellError) -> None:
    """Skip silently."""


def stop(_event: Event, error: GroundswellError) -> None:
    """Go no further: what cannot be processed is the caller's error."""
    raise error


class FoldInMemory(Generic[State]):
    """Runs a fold over events in any order; what it emits and also reads comes back to it at once.

    Parameters
    ----------
    on_skip : callable
        What to do with an event that a step refuses; by default its error is raised.
    """

    def __init__(self, fold: Fold[State] | WideFold[State], on_skip: OnSkip = stop) -> None:
        self._wide = fold if isinstance(fold, WideFold) else None
        self._fold = None if isinstance(fold, WideFold) else fold
        self._on_skip = on_skip
        self.states: dict[str, State] = {}

    def feed(self, events: Iterable[Event]) -> Iterator[Event]:
        """Step through `events`, giving everything the fold emits.

        Raises
        ------
        GroundswellError
            What a step raises, unless `on_skip` takes it.
        """
        waiting: deque[Event] = deque()
        for event in events:
            emitted = self._step(event)
            waiting.extend(emitted)
            yield from emitted
            while waiting:
                emitted = self._step(waiting.popleft())
                waiting.extend(emitted)
                yield from emitted

    def expire(self) -> Iterator[Event]:
        """Let time pass until no state waits any longer; in a wide fold none ever does."""
        if self._fold:
            yield from self._expire(self._fold)

    def _expire(self, fold: Fold[State]) -> Iterator[Event]:
        for tick in range(MAX_TICKS):
            waiting = [key for key, state in self.states.items() if fold.waits(state)]
            if not waiting:
                return
            time = TimePassed(event_id="", stage="", partition=0, at_s=tick * TICK_S)
            for key in waiting:
                yield from self._emit(fold, key, time)

    def _step(self, event: Event) -> list[Event]:
        try:
            if self._wide:
                return self._step_wide(self._wide, event)
            return self._step_narrow(self._fold, event) if self._fold else []
        except GroundswellError as error:
            self._on_skip(event, error)
            return []

    def _step_narrow(self, fold: Fold[State], event: Event) -> list[Event]:
        key = fold.key(event)
        if key is None:
            return []
        state = self.states.get(key)
        self.states[key], emitted = fold.step(fold.start(key) if state is None else state, event)
        return emitted

    def _step_wide(self, fold: WideFold[State], event: Event) -> list[Event]:
        changes, emitted = fold.step_wide(self.states.get, event)
        for key, state in changes.items():
            if state is None:
                self.states.pop(key, None)
            else:
                self.states[key] = state
        fold.applied(changes)
        return emitted

    def _emit(self, fold: Fold[State], key: str, time: TimePassed) -> Iterator[Event]:
        self.states[key], emitted = fold.step(self.states[key], time)
        yield from emitted
        yield from self.feed(emitted)
