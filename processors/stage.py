"""The shapes a stage can have. All are plain Python and run without Kafka."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, Self, TypeAlias, TypeVar, runtime_checkable

import msgspec

from processors.ports import World
from schemas.event import Event

State = TypeVar("State", bound=msgspec.Struct)

Waiting = TypeVar("Waiting", bound=msgspec.Struct, contravariant=True)

Read: TypeAlias = Callable[[str], State | None]
"""Looks a state up by its key; None where there is none."""

Changes: TypeAlias = dict[str, State | None]
"""New states by key; None deletes."""


class Transform(Protocol):
    """A stateless stage that works on batches.

    The same input gives the same output, whatever else is in the batch.
    """

    version: str

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage with what it needs from the world; may load a network."""
        ...

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Answer each event with the events that follow from it, in the same order.

        Raises
        ------
        GroundswellError
            When an event cannot be processed; `retryable` says whether to try again.
        """
        ...

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Say what the rest of the pipeline should hear when `event` became a dead letter."""
        ...


class Listener(Protocol):
    """A stage with a broadcast input: it hears every event of it, whatever the partition."""

    def hear(self, event: Event) -> None:
        """Take in one broadcast event; hearing it again changes nothing."""
        ...


class Fold(Protocol, Generic[State]):
    """A stateful stage: one event at a time, one state per key.

    A step is idempotent: an event that is already in the state changes nothing and repeats its
    outputs or makes none. A fold never looks at a clock; time comes as `TimePassed`.
    """

    version: str
    state_type: type[State]

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage with what it needs from the world."""
        ...

    def key(self, event: Event) -> str | None:
        """Name the state this event belongs to; None when the fold has no use for it.

        Keys of one video all lie in the video's partition.
        """
        ...

    def start(self, key: str) -> State:
        """Make the state before the first event."""
        ...

    def step(self, state: State, event: Event) -> tuple[State, list[Event]]:
        """Take in one event: the next state, and what follows from it."""
        ...

    def waits(self, state: State) -> bool:
        """Whether this state wants to hear `TimePassed`."""
        ...


@runtime_checkable
class TimedFold(Protocol, Generic[Waiting]):
    """A fold that also says when time next means something to a state; states of other folds are told every tick."""

    def wakes_at_s(self, state: Waiting) -> float:
        """Say from when on a state that waits may change or say something by time alone; -inf: by any tick.

        A step by any earlier `TimePassed` gives the same state and nothing else, so that leaving it out shows nowhere.
        """
        ...


@runtime_checkable
class WideFold(Protocol, Generic[State]):
    """A fold whose one event may change many states of its one partition.

    What it keeps in memory beside them (an index) is made of them alone: `restore` makes it from all
    of them, `applied` brings it up to the last step. A step changes nothing by itself, so that it
    can be done again; like every fold's it is idempotent and looks at no clock. It hears no time.
    """

    version: str
    state_type: type[State]

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage with what it needs from the world."""
        ...

    def restore(self, states: Iterable[tuple[str, State]]) -> None:
        """Forget everything, and take in all states that are stored."""
        ...

    def step_wide(self, read: Read[State], event: Event) -> tuple[Changes[State], list[Event]]:
        """Take in one event: the states that change, and what follows from it."""
        ...

    def applied(self, changes: Mapping[str, State | None]) -> None:
        """Let these changes of the last step count from now on; if storing them fails, `restore` follows."""
        ...
