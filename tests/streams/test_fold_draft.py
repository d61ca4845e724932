"""Events of a fold stepped together, over a dict in place of Kafka's tables; with deaths between what is stored."""

import zlib
from collections.abc import Iterator, Sequence

import msgspec
import pytest
import runs
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.assemble import AssembleProcessor
from processors.ports import Options
from schemas.assembly import AssemblyState
from schemas.codec import encode
from schemas.erased import VideoErased
from schemas.event import Event
from schemas.summaries import Summarised
from schemas.ticks import TimePassed
from streams.kafka import fold_draft
from streams.kafka.fold_draft import ANY_TIME_S, Change, Draft, StateTooLarge, is_of

VIDEOS = ("url:abc", "url:abcd")
PLACES = dict(zip(VIDEOS, (0, 1), strict=True))


class Store:
    """What a fold has stored: states and waiting keys, by partition."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, str], bytes] = {}
        self.wakes_at_s: dict[int, dict[str, float]] = {0: {}, 1: {}}

    def value(self, partition: int, key: str) -> bytes | None:
        return self.values.get((partition, key))

    def keys_of(self, video_id: str) -> Iterator[str]:
        return (key for _, key in self.values if is_of(video_id, key))

    @property
    def waits(self) -> dict[int, set[str]]:
        return {partition: set(keys) for partition, keys in self.wakes_at_s.items()}

    def waiting(self, partition: int) -> dict[str, float]:
        return self.wakes_at_s[partition]

    def forget_when(self) -> None:
        """Know no more than a worker that has just got its partitions."""
        self.wakes_at_s = {partition: dict.fromkeys(keys, ANY_TIME_S) for partition, keys in self.waits.items()}

    def apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            place = (change.partition, change.key)
            if change.deletes:
                self.values.pop(place)
            elif change.value is not None:
                self.values[place] = change.value
            self.wakes_at_s[change.partition].pop(change.key, None)
            if change.wakes_at_s is not None:
                self.wakes_at_s[change.partition][change.key] = change.wakes_at_s


class Assembly(AssembleProcessor):
    """The assemble stage, which counts how often it was told the time."""

    def __init__(self) -> None:
        super().__init__(Options(modalities=("text",), deadline_s=600.0))
        self.told = 0

    def step(self, state: AssemblyState, event: Event) -> tuple[AssemblyState, list[Event]]:
        self.told += isinstance(event, TimePassed)
        return super().step(state, event)


class Unspoken(Assembly):
    """The same, which does not say when it wants to hear the time."""

    wakes_at_s = None


class Machine:
    """The assemble stage over a store; its summaries of segments come back to it, as on Kafka."""

    def __init__(self, fold: type[Assembly] = Assembly) -> None:
        self.store, self.said = Store(), list[bytes]()
        self.fold = fold()

    def step(self, events: Sequence[Event]) -> tuple[list[Event], list[Change]]:
        draft = Draft(self.fold, self.store, stage="assemble")
        outputs = [output for event in events for output in draft.step(event, place_of(event))]
        self.said += map(encode, outputs)
        return outputs, draft.changes()


def place_of(event: Event) -> int:
    return event.partition if isinstance(event, TimePassed) else PLACES[event.partition_key]


def story() -> list[Event]:
    """Two videos at once, one of which never gets all its answers, and ticks between their events."""
    first, second = (runs.run_of(video, 3, absent={1: "no speech", 2: "failed: broke"}) for video in VIDEOS)
    events = [event for pair in zip(first, second, strict=True) for event in pair][:-5]
    return [e for number, event in enumerate(events) for e in (event, tick(number, number % 2))]


def tick(at_s: float, partition: int) -> TimePassed:
    return TimePassed(event_id=f"t{at_s}/{partition}", stage="assemble", partition=partition, at_s=float(at_s))


def run(sizes: Sequence[int], deaths: Sequence[frozenset[int] | None]) -> Machine:
    """Work through the story in batches, then let all deadlines pass.

    A death leaves only some of the changes stored, and the batch comes again.

    Parameters
    ----------
    deaths : sequence
        For each batch, the numbers of the changes that were stored when the worker died; None where it lives.
    """
    machine, waiting, number = Machine(), story(), 0
    later = [[tick(at_s, partition) for partition in PLACES.values()] for at_s in (1e4, 2e4, 3e4, 4e4)]
    while waiting or later:
        waiting = waiting or later.pop(0)
        size = sizes[number % len(sizes)]
        batch, rest = waiting[:size], waiting[size:]
        outputs, changes = machine.step(batch)
        death = deaths[number] if number < len(deaths) else None
        number += 1
        machine.store.apply([c for place, c in enumerate(changes) if death is None or place in death])
        again = [] if death is None else batch
        waiting = [*again, *rest, *(e for e in outputs if isinstance(e, Summarised) and e.scope != "video")]
    return machine


def last(said: Sequence[bytes]) -> dict[str, bytes]:
    """What compaction keeps of the summaries."""
    events = ((msgspec.json.decode(value), value) for value in said)
    return {f"{e['video_id']}/{e['scope']}": value for e, value in events if e["type"] == "Summarised"}


ONE_BY_ONE = run([1], [])


@pytest.mark.parametrize("size", [2, 3, 7, 64])
def test_events_together_say_what_they_say_alone(size: int) -> None:
    together = run([size], [])
    assert last(together.said) == last(ONE_BY_ONE.said)
    assert together.store.values == ONE_BY_ONE.store.values
    assert together.store.waits == ONE_BY_ONE.store.waits


def test_the_same_order_of_events_gives_the_same_outputs_in_the_same_order() -> None:
    one, all_at_once = Machine(), Machine()
    for event in story():
        one.store.apply(one.step([event])[1])
    all_at_once.store.apply(all_at_once.step(story())[1])
    assert all_at_once.said == one.said
    assert all_at_once.store.values == one.store.values


def test_a_state_that_many_events_change_is_written_once() -> None:
    _, changes = Machine().step(story())
    keys = [change.key for change in changes]
    assert len(keys) == len(set(keys)) < len(story()) / 2


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    deaths=st.lists(st.none() | st.frozensets(st.integers(0, 8)), max_size=30),
)
def test_a_death_after_any_part_of_the_states_is_stored_loses_and_doubles_nothing(sizes, deaths) -> None:
    survived = run(sizes, deaths)
    assert survived.store.values.keys() == ONE_BY_ONE.store.values.keys()
    assert last(survived.said) == last(ONE_BY_ONE.said)


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    times=st.lists(st.floats(0, 4000).map(lambda s: round(s, 1)), min_size=1, max_size=40),
    deaths=st.lists(st.none() | st.frozensets(st.integers(0, 7)), max_size=20),
    order=st.randoms(use_true_random=False),
)
def test_a_system_that_tells_the_time_only_where_it_matters_says_what_one_that_tells_everybody_says(
    sizes, times, deaths, order
) -> None:
    """Whatever the clock says, also backwards, and whoever dies, after which nobody knows when who wants to wake."""
    events = [*(e for e in story() if not isinstance(e, TimePassed)), *(tick(t, order.randrange(2)) for t in times)]
    order.shuffle(events)
    events += [tick(at_s, partition) for at_s in (1e4, 2e4, 3e4, 4e4) for partition in PLACES.values()]
    sparing, thorough = Machine(), Machine(Unspoken)
    number = 0
    while events:
        size, death = sizes[number % len(sizes)], deaths[number] if number < len(deaths) else None
        batch, number = events[:size], number + 1
        stepped = [(machine, *machine.step(batch)) for machine in (sparing, thorough)]
        for machine, _, changes in stepped:
            machine.store.apply([c for c in changes if death is None or zlib.crc32(c.key.encode()) % 8 in death])
        if death is not None:
            sparing.store.forget_when()
        outputs = stepped[0][1]
        assert outputs == stepped[1][1]
        assert sparing.store.values == thorough.store.values
        assert sparing.store.waits == thorough.store.waits
        again = [] if death is None else batch
        events = [*again, *events[size:], *(e for e in outputs if isinstance(e, Summarised) and e.scope != "video")]
    assert sparing.fold.told <= thorough.fold.told


def test_who_waits_for_a_far_deadline_is_told_the_time_once() -> None:
    machine = Machine()
    for event in (*runs.run_of(VIDEOS[0], 9)[:-1:2], *(tick(float(second), 0) for second in range(500))):
        machine.store.apply(machine.step([event])[1])
    waiting = len(machine.store.waiting(0))
    assert waiting > 1
    assert machine.fold.told == waiting
    machine.store.forget_when()
    machine.store.apply(machine.step([tick(501.0, 0)])[1])
    machine.step([tick(502.0, 0)])
    assert machine.fold.told == 2 * waiting


def test_what_an_erased_video_changed_in_the_same_batch_is_not_kept() -> None:
    machine = Machine()
    machine.store.apply(machine.step(runs.run_of(VIDEOS[0], 2))[1])
    erased = VideoErased(event_id="e", video_id=VIDEOS[0], erased_at_s=1.0)
    _, changes = machine.step([*runs.run_of(VIDEOS[0], 4), *runs.run_of(VIDEOS[1], 1), erased])
    machine.store.apply(changes)
    assert {key.split("/")[0] for _, key in machine.store.values} == {VIDEOS[1]}
    assert not any(is_of(VIDEOS[0], key) for keys in machine.store.waits.values() for key in keys)


def test_a_video_that_comes_again_after_it_was_erased_begins_anew() -> None:
    once, again = Machine(), Machine()
    once.store.apply(once.step(runs.run_of(VIDEOS[0], 2))[1])
    again.store.apply(again.step(runs.run_of(VIDEOS[0], 3))[1])
    erased = VideoErased(event_id="e", video_id=VIDEOS[0], erased_at_s=1.0)
    again.store.apply(again.step([erased, *runs.run_of(VIDEOS[0], 2)])[1])
    assert again.store.values == once.store.values


def test_an_event_whose_state_would_be_too_large_is_refused_whatever_comes_after_it(monkeypatch) -> None:
    monkeypatch.setattr(fold_draft, "LARGEST_STATE_BYTES", 600)
    with pytest.raises(StateTooLarge, match="at most 600"):
        Machine().step(runs.run_of(VIDEOS[0], 3))


def test_a_state_that_cannot_take_the_time_does_not_stop_the_clock_of_the_others(monkeypatch) -> None:
    machine = Machine()
    machine.store.apply(machine.step(story()[:-8])[1])
    before = dict(machine.store.values)
    broken, others = sorted(machine.store.waits[0])[0], sorted(machine.store.waits[0])[1:]
    machine.store.values[0, broken] = b"{"
    _, changes = machine.step([tick(1e6, 0)])
    assert others
    assert {c.key: (c.value is None, c.waits) for c in changes}[broken] == (True, False)
    assert all(c.value != before[0, c.key] for c in changes if c.key in others)
