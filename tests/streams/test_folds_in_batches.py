"""What keeps a fold's batch whole, without Kafka: what may be in it, and what is sent of it."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
import runs

from schemas.event import Event
from streams.kafka.faust_consumer import FinishedOnlyConsumer
from streams.kafka.outbox import Outbox
from streams.kafka.publisher import Publisher
from streams.kafka.step import LARGEST_VALUE_BYTES, Answer, Attempts
from streams.kafka.step_thread import StepThread
from streams.metrics import StageMetrics


def consumer(*, is_going: bool = False) -> FinishedOnlyConsumer:
    """A consumer in its second generation, as far as it is asked here."""
    made = object.__new__(FinishedOnlyConsumer)
    made.app = SimpleNamespace(consumer_generation_id=2)
    made._is_going, made._is_revoked = is_going, False
    return made


def message(offset: int, generation_id: int) -> SimpleNamespace:
    return SimpleNamespace(offset=offset, generation_id=generation_id)


def test_of_a_batch_from_before_and_after_a_rebalance_the_later_part_is_worked_on() -> None:
    batch = [message(4, 1), message(4, 2), message(5, 2)]
    assert consumer().that_may_begin(batch) == batch[1:]


def test_while_a_rebalance_waits_nothing_is_begun() -> None:
    assert consumer(is_going=True).that_may_begin([message(4, 2)]) == []


class Sent(Outbox):
    """An outbox whose broker takes everything at once."""

    def __init__(self) -> None:
        super().__init__({}, {"segments": 4})
        self.keys: list[bytes] = []

    async def append(self, records) -> list[int]:
        self.keys += [record.key for record in records]
        return list(range(len(records)))


@pytest.mark.parametrize("text", ["short", "x" * LARGEST_VALUE_BYTES], ids=["all-fit", "one-too-large"])
def test_of_a_batch_all_answers_are_sent_or_none(text: str) -> None:
    events: list[Event] = [runs.cut("url:a", 0, count=2), runs.cut("url:a", 1, count=2, text=text)]
    outbox = Sent()
    attempts = Attempts("toy", lambda *_: [], attempts=1, backoff_s=0.1, stopping=threading.Event())
    publisher = Publisher(outbox, StageMetrics("toy"), attempts, StepThread("toy"))
    fits = asyncio.run(publisher.publish_together([Answer(outputs=[event]) for event in events]))
    assert outbox.keys == ([b"url:a/0", b"url:a/1"] if fits else [])
    assert fits == (text == "short")
