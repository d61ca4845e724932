"""Poison on real Kafka: what cannot be processed is kept with all that came, and the stream goes on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from workers import Toys, toys_on, wait_until

from schemas.codec import encode
from schemas.deadletters import EventRejected
from schemas.progress import StageProgressed
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of
from streams.kafka.partitioning import partition_of

pytestmark = [pytest.mark.broker, pytest.mark.slow]

FIVE_MEGABYTES = 5_000_000
HEADERS = (("trace", b"\x00\xff"), ("empty", b""))


@dataclass(frozen=True)
class Poison:
    """A record that dies, and what its dead letter says."""

    name: str
    value: Callable[[Toys], bytes]
    error: str
    attempts: int = 1
    gives_up: bool = False


POISONS = (
    Poison("not-json", lambda toys: b"\x80 not JSON", "JSON"),
    Poison("unknown-type", lambda toys: b'{"type":"Nobody","event_id":"1"}', "Nobody"),
    Poison("wrong-schema", lambda toys: b'{"type":"LinkSubmitted","event_id":1}', "expected LinkSubmitted"),
    Poison("too-large", lambda toys: b'{"type":"LinkSubmitted","x":"' + b"x" * FIVE_MEGABYTES, "expected at most"),
    Poison("always-fails", lambda toys: encode(toys.link(100, title="always fails")), "always fails", gives_up=True),
    Poison("bug", lambda toys: encode(toys.link(101, title="breaks")), "ZeroDivisionError", gives_up=True),
    Poison("huge-answer", lambda toys: encode(toys.link(102, title="huge answer")), "readers take", gives_up=True),
)
GOOD = range(40)
FAILS_TWICE = 103


@pytest.fixture(scope="module")
def poisoned(broker: EmbeddedBroker, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toys]:
    """A transform and a fold after a meal of good records, poison in the middle, all in one partition."""
    with toys_on(broker.bootstrap, cache, tmp_path_factory.mktemp("poison")) as toys:
        toys.start("transform").wait_ready()
        toys.start("fold").wait_ready()
        toys.send([toys.link(n) for n in GOOD[:20]])
        _send_poison(toys)
        toys.send([toys.link(FAILS_TWICE, title="fails twice")])
        toys.send([toys.link(n) for n in GOOD[20:]])
        toys.send([toys.cut(200, video=1), toys.cut(201, video=1, text="always fails")])
        toys.send([toys.cut(202, video=1, text="huge state"), toys.cut(203, video=1)])
        toys.wait_for_answers([*GOOD, FAILS_TWICE])
        wait_until(lambda: len(_letters(toys)) == len(POISONS) + 2, limit_s=20, what="dead letters", tell=toys.logs)
        yield toys


def _send_poison(toys: Toys) -> None:
    with BulkProducer(toys.settings, toys.bootstrap) as producer:
        for poison in POISONS:
            key = f"{toys.name}-{poison.name}".encode()
            producer.send_raw("links", _partition(toys), key=key, value=poison.value(toys), headers=HEADERS)
        producer.send_raw("links", _partition(toys), key=b"erased", value=None)  # a tombstone is passed by


def _partition(toys: Toys) -> int:
    return partition_of(toys.video(0), toys.counts["links"])


def _letters(toys: Toys) -> dict[bytes, EventRejected]:
    letters = [event_of(record) for record in toys.records("dead-letters")]
    return {letter.key or b"": letter for letter in letters if isinstance(letter, EventRejected)}


@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.name)
def test_the_dead_letter_holds_the_record_as_it_came(poisoned: Toys, poison: Poison) -> None:
    key = f"{poisoned.name}-{poison.name}".encode()
    (record,) = [r for r in poisoned.records("links") if r.key == key]
    letter = _letters(poisoned)[key]
    assert letter.value == poison.value(poisoned) == record.value
    assert letter.headers == HEADERS
    assert (letter.source_topic, letter.source_partition, letter.source_offset) == (
        "links", record.partition, record.offset,
    )  # fmt: skip
    assert letter.stage == f"toy-transform-{poisoned.name}"
    assert poison.error in letter.error
    assert letter.attempts == poison.attempts
    assert "Traceback" in letter.traceback


def test_the_stream_goes_on_around_poison(poisoned: Toys) -> None:
    answers = poisoned.answers()
    assert {number: answers[number] for number in GOOD} == dict.fromkeys(GOOD, 1)
    poisoned.wait_for_committed("transform")
    poisoned.wait_for_committed("fold")


def test_an_event_that_fails_twice_and_then_works_is_no_dead_letter(poisoned: Toys) -> None:
    assert poisoned.answers()[FAILS_TWICE] == 1
    assert poisoned.tries()[FAILS_TWICE] == 3


def test_the_stage_says_what_it_gave_up(poisoned: Toys) -> None:
    said = [event_of(record) for record in poisoned.records("progress")]
    failed = [event.message for event in said if isinstance(event, StageProgressed) and event.state == "failed"]
    for poison in (p for p in POISONS if p.gives_up):
        assert any(poison.error in message for message in failed), poison.name


def test_a_fold_keeps_the_state_from_before_the_poison(poisoned: Toys) -> None:
    expected = {poisoned.video(0): len(GOOD) + 1, poisoned.video(1): 2}
    poisoned.wait_for_counts(expected)
    errors = [e.error for e in _letters(poisoned).values() if e.stage == f"toy-fold-{poisoned.name}"]
    assert len(errors) == 2
    assert any("always fails" in error for error in errors)
    assert any("at most" in error for error in errors), "a state too large for its changelog is said aloud"
