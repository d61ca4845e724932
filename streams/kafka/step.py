"""One attempt after another at one batch: retries, dead letters, and nothing of Kafka in it."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.codec import decode
from schemas.deadletters import EventRejected
from schemas.erased import VideoErased
from schemas.errors import GroundswellError, Unreadable
from schemas.event import Event, derive_id

LARGEST_VALUE_BYTES = 4 * 2**20
"""A bigger record is not an event of ours: pixels and sound travel by reference."""

LONGEST_WAIT_S = 30.0
"""Between two tries; doubling goes no further."""

LONGEST_TRACEBACK = 8000

REDRIVE_HEADER = "groundswell-redriven-for"
"""Names the one stage a redriven record is meant for; the others pass it by."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A record as it lay on a topic, and what its topic may carry."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    types: tuple[type[Event], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What follows from one delivery: events to publish, and perhaps a dead letter."""

    outputs: list[Event] = field(default_factory=list)
    rejected: EventRejected | None = None


class ShuttingDown(Exception):
    """The worker leaves; the event stays unacknowledged and goes to another."""


class Attempts:
    """Carries a step through: decodes, tries, waits, tries again, gives up.

    Parameters
    ----------
    stage : str
        Whose work it is, for dead letters.
    give_up : callable
        The stage's own word for the rest of the pipeline when an event is dead.
    is_fold : bool
        It keeps states, and hears of videos that are erased.
    attempts, backoff_s : int, float
        Tries of an event whose error may pass, and the first wait; it doubles each time.
    stopping : threading.Event
        Ends a wait early.
    """

    def __init__(
        self,
        stage: str,
        give_up: Callable[[Event, str], list[Event]],
        *,
        attempts: int,
        backoff_s: float,
        stopping: threading.Event,
        is_fold: bool = False,
        on_retry: Callable[[], None] = lambda: None,
    ) -> None:
        self._stage, self._give_up = stage, give_up
        self._attempts, self._backoff_s, self._stopping = attempts, backoff_s, stopping
        self._is_fold, self._on_retry = is_fold, on_retry

    def batch(
        self, deliveries: Sequence[Delivery], work: Callable[[Sequence[Event]], list[list[Event]]]
    ) -> list[Answer]:
        """Answer every delivery; one event's failure does not touch the others.

        Raises
        ------
        ShuttingDown
            While waiting for another try.
        """
        read = [self._read(delivery) for delivery in deliveries]
        good = [event for event in read if isinstance(event, Event) and not isinstance(event, EventRejected)]
        try:
            outputs = iter(_one_each(good, work(good)) if good else [])
        except Exception as error:
            if len(good) > 1:
                return [self.batch([delivery], work)[0] for delivery in deliveries]
            return [self._again(d, e, work, error) for d, e in zip(deliveries, read, strict=True)]
        return [
            Answer(rejected=event) if isinstance(event, EventRejected)
            else Answer() if event is None
            else Answer(outputs=next(outputs))
            for event in read
        ]  # fmt: skip

    def refuse(self, delivery: Delivery, error: Exception) -> Answer:
        """Give a delivery up whose answer cannot be published."""
        event = self._read(delivery)
        if event is None or isinstance(event, EventRejected):
            return Answer(rejected=self.reject(delivery, error))
        return self._dead(delivery, event, error, 1)

    def reject(self, delivery: Delivery, error: Exception, *, attempts: int = 1) -> EventRejected:
        """Make the dead letter of a delivery: everything needed to understand it and to try it again."""
        place = f"{delivery.topic}/{delivery.partition}/{delivery.offset}"
        known = isinstance(error, GroundswellError)
        return EventRejected(
            event_id=derive_id(self._stage, "dead-letter", place),
            stage=self._stage,
            source_topic=delivery.topic,
            source_partition=delivery.partition,
            source_offset=delivery.offset,
            error=(str(error) if known else f"{type(error).__name__}: {error}")[:LONGEST_TRACEBACK],
            traceback="".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:],
            attempts=attempts,
            rejected_at_s=time.time(),
            key=delivery.key,
            value=delivery.value,
            headers=delivery.headers,
        )

    def all_or_none(
        self, deliveries: Sequence[Delivery], work: Callable[[Sequence[Event]], list[list[Event]]]
    ) -> list[Answer]:
        """Answer a batch whose events build on each other; nothing when one of them cannot be answered at once."""
        read = [self._read(delivery) for delivery in deliveries]
        if len(read) < 2 or not all(isinstance(e, Event) and not isinstance(e, EventRejected) for e in read):
            return []
        try:
            outputs = work([event for event in read if event is not None])
        except Exception as error:
            log.info("a batch could not be worked on as one: %s", error)
            return []
        return [Answer(outputs=made) for made in outputs]

    def _read(self, delivery: Delivery) -> Event | None:
        """Decode; an `EventRejected` when that fails, None for a record that this stage passes by.

        Those are records meant for another stage, tombstones, and, where there is no state to forget, erased videos.
        """
        if delivery.value is None:
            return None
        meant_for = dict(delivery.headers).get(REDRIVE_HEADER)
        if meant_for is not None and meant_for != self._stage.encode():
            return None
        try:
            if len(delivery.value) > LARGEST_VALUE_BYTES:
                raise Unreadable(f"expected at most {LARGEST_VALUE_BYTES} bytes, came {len(delivery.value)}")
            event = decode(delivery.value, delivery.types)
            return None if isinstance(event, VideoErased) and not self._is_fold else event
        except Unreadable as error:
            return self.reject(delivery, error, attempts=1)

    def _again(
        self,
        delivery: Delivery,
        event: Event | None,
        work: Callable[[Sequence[Event]], list[list[Event]]],
        error: Exception,
    ) -> Answer:
        if event is None:
            return Answer()
        if isinstance(event, EventRejected):
            return Answer(rejected=event)
        for attempt in range(1, self._attempts):
            if not may_pass(error):
                return self._dead(delivery, event, error, attempt)
            self._wait(attempt, error)
            try:
                return Answer(outputs=_one_each([event], work([event]))[0])
            except Exception as next_error:
                error = next_error
        return self._dead(delivery, event, error, self._attempts)

    def _wait(self, attempt: int, error: Exception) -> None:
        wait_s = min(LONGEST_WAIT_S, self._backoff_s * 2 ** min(attempt - 1, 30))
        log.warning("attempt %d failed, again in %.1f s: %s", attempt, wait_s, error)
        self._on_retry()
        if self._stopping.wait(wait_s):
            raise ShuttingDown

    def _dead(self, delivery: Delivery, event: Event, error: Exception, attempts: int) -> Answer:
        rejected = self.reject(delivery, error, attempts=attempts)
        try:
            outputs = self._give_up(event, rejected.error)
        except Exception:
            log.exception("the stage could not say that it gave up %s", rejected.record_key)
            outputs = []
        return Answer(outputs=outputs, rejected=rejected)


def without_value(letter: EventRejected) -> EventRejected:
    """Shorten a dead letter that is itself too large to send; its record still lies where it came from."""
    size = len(letter.value or b"")
    return msgspec.structs.replace(
        letter,
        value=None,
        headers=(),
        error=f"{letter.error} (its {size} bytes are too many to copy)"[-LONGEST_TRACEBACK:],
    )


def may_pass(error: Exception) -> bool:
    """Whether the same event may succeed a little later."""
    return error.retryable if isinstance(error, GroundswellError) else isinstance(error, OSError)


def _one_each(events: Sequence[Event], outputs: list[list[Event]]) -> list[list[Event]]:
    """Refuse answers that cannot be told apart: every event has a list of its own.

    Raises
    ------
    ValueError
        There are more or fewer answers than events.
    """
    if len(outputs) != len(events):
        raise ValueError(f"expected one list of events for each of {len(events)}, came {len(outputs)}")
    return outputs
