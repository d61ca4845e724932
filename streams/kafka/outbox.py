"""Records out: sent together, and waited for until the broker has them."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any  # aiokafka is untyped

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from schemas.codec import encode
from schemas.deadletters import EventRejected
from schemas.errors import GroundswellError
from schemas.event import Event
from schemas.ticks import TimePassed
from streams.kafka.partitioning import partition_of
from streams.kafka.step import LARGEST_VALUE_BYTES
from streams.topology import topic_of

LARGEST_REQUEST_BYTES = 16 * 2**20
"""Fits a dead letter with the largest record inside."""

TOGETHER_BYTES = 2**20
"""Records of one partition travel together up to this size. aiokafka's 16 KiB would make a request of each state."""

RETRY_S = 1.0
GOODBYE_S = 1.0

log = logging.getLogger(__name__)


class OutputTooLarge(GroundswellError):
    """A stage made an event that no reader takes; the input goes to dead-letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """Bytes for one place; `value` None deletes the key from a compacted topic."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None


class Outbox:
    """Publishes events to the topic and the partition that are theirs.

    Parameters
    ----------
    client : mapping
        Connection settings of aiokafka.
    partitions : mapping
        Partition count of each topic.
    may_send : callable
        Asked at the last moment before bytes leave; after a False nothing leaves this process any more.
    """

    def __init__(
        self, client: Mapping[str, Any], partitions: Mapping[str, int], *, may_send: Callable[[], bool] = lambda: True
    ) -> None:
        self._client, self._partitions, self._may_send = client, partitions, may_send
        self._producer: AIOKafkaProducer | None = None
        self._waiting_since_s: float | None = None

    def unconfirmed_s(self) -> float:
        """How long the broker has owed a confirmation."""
        return 0.0 if self._waiting_since_s is None else time.monotonic() - self._waiting_since_s

    async def start(self) -> None:
        """Connect.

        Raises
        ------
        KafkaError
            Nothing answers.
        """
        producer = AIOKafkaProducer(
            **self._client,
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_REQUEST_BYTES,
            max_batch_size=TOGETHER_BYTES,
            compression_type="lz4",
        )
        self._guard(producer.client)
        try:
            await producer.start()
        except KafkaError:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Send what is left, if that is quick, and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(producer.stop(), GOODBYE_S)

    async def confirm(self, events: Sequence[Event]) -> None:
        """Send events and return when the broker has all of them; waits while it is away.

        Raises
        ------
        OutputTooLarge
            One of them can never be sent, or would never be read.
        """
        await self.append([self._record(event) for event in events])

    async def append(self, records: Sequence[Record]) -> list[int]:
        """Send records and return their offsets when the broker has all of them; waits while it is away.

        Raises
        ------
        OutputTooLarge
            One of them can never be sent.
        """
        offsets: dict[int, int] = {}
        self._waiting_since_s = time.monotonic()
        try:
            while len(offsets) < len(records):
                waiting = [i for i in range(len(records)) if i not in offsets]
                results = await asyncio.gather(*(self._deliver(records[i]) for i in waiting), return_exceptions=True)
                offsets |= {i: r for i, r in zip(waiting, results, strict=True) if isinstance(r, int)}
                failures = [
                    (records[i], r) for i, r in zip(waiting, results, strict=True) if isinstance(r, BaseException)
                ]
                if failures:
                    _raise_what_stays(failures)
                    log.warning("Kafka did not confirm %d records, sending again: %r", len(failures), failures[0][1])
                    await self._reconnect()
        finally:
            self._waiting_since_s = None
        return [offsets[i] for i in range(len(records))]

    async def mention(self, event: Event) -> None:
        """Send an informational event; a failure is only logged."""
        try:
            await self._deliver(self._record(event))
        except (KafkaError, OutputTooLarge) as error:
            log.info("could not send %s: %r", type(event).__name__, error)

    async def _reconnect(self) -> None:
        """Begin again with a new producer: the old one may not know any more what it has sent."""
        await self.stop()
        while self._producer is None:
            await asyncio.sleep(RETRY_S)
            with suppress(KafkaError):
                await self.start()

    async def _deliver(self, record: Record) -> int:
        if self._producer is None:
            raise KafkaError("not connected")
        sent = await self._producer.send(record.topic, key=record.key, value=record.value, partition=record.partition)
        return int((await sent).offset)

    def _record(self, event: Event) -> Record:
        name = topic_of(event).name
        value = encode(event)
        if len(value) > LARGEST_VALUE_BYTES and not isinstance(event, EventRejected):
            raise OutputTooLarge(
                f"{type(event).__name__} {event.record_key} has {len(value)} bytes; readers take {LARGEST_VALUE_BYTES}"
            )
        return Record(topic=name, partition=self._partition(event, name), key=event.record_key.encode(), value=value)

    def _partition(self, event: Event, name: str) -> int:
        if isinstance(event, TimePassed):  # the one event that is about a partition
            return event.partition
        return partition_of(event.partition_key, self._partitions[name])

    def _guard(self, client: Any) -> None:
        """Ask `may_send` right where bytes are written to the socket: nothing can sleep in between."""
        send = client.send

        async def send_or_wait_for_the_end(*args: Any, **kwargs: Any) -> Any:
            if not self._may_send():
                await asyncio.Future()
            return await send(*args, **kwargs)

        client.send = send_or_wait_for_the_end


def _raise_what_stays(failures: Sequence[tuple[Record, BaseException]]) -> None:
    for record, error in failures:
        if isinstance(error, MessageSizeTooLargeError | RecordTooLargeError):
            raise OutputTooLarge(f"a record for {record.topic} is too large to send: {error}") from error
        if not isinstance(error, KafkaError):
            raise error
