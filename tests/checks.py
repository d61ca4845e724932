"""Checks that every stage must pass, whatever it does. A stage is made anew for each run."""

import random
from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest

from processors.folding import FoldInMemory
from processors.stage import Fold, Transform
from schemas.codec import decode, encode
from schemas.errors import GroundswellError
from schemas.event import Event
from schemas.progress import StageProgressed
from streams.topology import topic_of

Stage = Transform | Fold
Make = Callable[[], Stage]
Run = Callable[[Stage, Sequence[Event]], list[Event]]
"""Sends events through a stage and gives everything that comes out, in order."""

SHUFFLES = 6


def run_at_once(stage: Stage, events: Sequence[Event]) -> list[Event]:
    """One batch of everything."""
    if is_fold(stage):
        return list(FoldInMemory(stage).feed(events))
    return [output for answers in _answers(stage, events) for output in answers]


def run_one_by_one(stage: Stage, events: Sequence[Event]) -> list[Event]:
    """A batch for each event; a fold's states are written and read in between, as in a table."""
    return run_in_parts(stage, [[event] for event in events])


def run_in_parts(stage: Stage, parts: Iterable[Sequence[Event]]) -> list[Event]:
    """A batch for each part."""
    if not is_fold(stage):
        return [output for part in parts for answers in _answers(stage, part) for output in answers]
    machine, outputs = FoldInMemory(stage), []
    for part in parts:
        outputs += machine.feed(part)
        machine.states = {key: _written_and_read(state) for key, state in machine.states.items()}
    return outputs


def check_same_input_gives_same_bytes(make: Make, events: Sequence[Event]) -> None:
    assert _bytes(run_at_once(make(), events)) == _bytes(run_at_once(make(), events))


def check_something_comes_out(make: Make, events: Sequence[Event]) -> None:
    """The other checks would pass on a stage that says nothing."""
    assert run_at_once(make(), events)


def check_any_split_gives_the_same_output(make: Make, events: Sequence[Event]) -> None:
    expected = _bytes(run_at_once(make(), events))
    assert _bytes(run_one_by_one(make(), events)) == expected
    for place in range(1, len(events)):
        assert _bytes(run_in_parts(make(), [events[:place], events[place:]])) == expected


def check_shuffled_redelivery_changes_no_final_byte(make: Make, events: Sequence[Event]) -> None:
    expected = final(run_at_once(make(), events))
    for seed in range(SHUFFLES):
        order = random.Random(seed)
        again = [*events, *order.choices(events, k=max(len(events) // 2, 1))]
        order.shuffle(again)
        assert final(run_at_once(make(), again)) == expected, f"with the order of seed {seed}"


def check_unknown_fields_are_ignored(make: Make, events: Sequence[Event]) -> None:
    later_version = [_with_unknown_field(event) for event in events]
    assert _bytes(run_at_once(make(), later_version)) == _bytes(run_at_once(make(), events))


def check_an_empty_batch_is_fine(make: Make) -> None:
    assert run_at_once(make(), []) == []


def check_poison_is_refused(make: Make, poison: Event) -> None:
    with pytest.raises(GroundswellError) as refused:
        run_at_once(make(), [poison])
    assert str(refused.value), "an error says what was expected and what came"


def check_giving_up_is_repeatable(make: Make, events: Sequence[Event]) -> None:
    """What a stage says about a dead letter is the same each time; folds have nothing to say."""
    stage, again = make(), make()
    if is_fold(stage):
        return
    for event in events:
        first, second = stage.give_up(event, "broken"), again.give_up(event, "broken")
        assert _bytes(first) == _bytes(second)


def is_fold(stage: Stage) -> bool:
    return hasattr(stage, "step") or hasattr(stage, "step_wide")


def final(events: Iterable[Event]) -> dict[str, bytes]:
    """What compaction keeps: the last event of each topic and record key.

    Progress is left out: it is informational, and its order is that of the work.
    """
    lasting = (event for event in events if not isinstance(event, StageProgressed))
    return {f"{topic_of(event).name}/{event.record_key}": encode(event) for event in lasting}


def _answers(stage: Transform, events: Sequence[Event]) -> list[list[Event]]:
    answers = stage.transform(events)
    assert len(answers) == len(events), "a transform answers each event, if only with nothing"
    return answers


def _bytes(events: Iterable[Event]) -> list[bytes]:
    return [encode(event) for event in events]


def _written_and_read(state: msgspec.Struct) -> msgspec.Struct:
    return msgspec.json.decode(msgspec.json.encode(state), type=type(state))


def _with_unknown_field(event: Event) -> Event:
    written = msgspec.json.decode(encode(event)) | {"added_in_a_later_version": {"deep": [1, None]}}
    return decode(msgspec.json.encode(written), topic_of(event).events)
