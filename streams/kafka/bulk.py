"""Thousands of records a second, in and out: submitting, replaying, training, rebuilding pages.

Live stages go through the runner; this is for work that begins, reads or writes a lot, and ends.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from schemas.codec import decode, encode
from schemas.errors import BrokerUnavailable, UsageError
from schemas.event import Event
from streams.kafka.admin import Place, client_of, offset_ranges_by, partition_counts_by
from streams.kafka.connection import confluent_config, is_passing
from streams.kafka.partitioning import partition_of
from streams.settings import Settings
from streams.topology import topic, topic_of

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Message

_MAX_RECORD_BYTES = 17 * 2**20
_QUEUE_KBYTES = 64 * 1024
_QUEUE_FULL_WAIT_S = 0.1
_DELIVERY_LIMIT_S = 120.0
_LATE_WORD_S = 10.0  # librdkafka speaks first when a record's time is over
_ABANDON_LIMIT_S = 2.0
_SILENCE_LIMIT_S = 30.0
_PATIENCE_S = 1.0
_RECORDS_A_CALL = 1000
_FETCH_BYTES = 4 * 2**20

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One record as it lies on a topic; `value` None is a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


def event_of(record: Record) -> Event:
    """Read the event in a record, by what its topic carries.

    Raises
    ------
    Unreadable
        The value is not one of the topic's events, or there is none.
    KeyError
        The topic is not one of the topology.
    """
    return decode(record.value, topic(record.topic).events)


def latest_per_key(records: Iterable[Record]) -> dict[tuple[str, bytes | None], Record]:
    """Keep each topic's last record of each key, as compaction would; a tombstone removes it."""
    latest: dict[tuple[str, bytes | None], Record] = {}
    for record in records:
        if record.value is None:
            latest.pop((record.topic, record.key), None)
        else:
            latest[record.topic, record.key] = record
    return latest


class BulkProducer:
    """Writes events fast, each at least once and in order of its key; a context manager.

    Leaving the block waits until the broker has confirmed every record.

    Parameters
    ----------
    delivery_limit_s : float
        A record that is not confirmed by then counts as not written.

    Raises
    ------
    BrokerUnavailable
        On entering: nothing answers. On leaving or `flush`: records were not written.
    """

    def __init__(self, settings: Settings, bootstrap: str, *, delivery_limit_s: float = _DELIVERY_LIMIT_S) -> None:
        from confluent_kafka import Producer

        self._bootstrap = bootstrap
        self._flush_limit_s = delivery_limit_s + _LATE_WORD_S
        self._failed: list[str] = []
        self._producer = Producer(
            confluent_config(settings, bootstrap)
            | {
                "acks": "all",
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 5,
                "delivery.timeout.ms": round(delivery_limit_s * 1000),
                "message.max.bytes": _MAX_RECORD_BYTES,
                "queue.buffering.max.kbytes": _QUEUE_KBYTES,
            }
        )
        # Asked of the producer itself: one that has not met a broker waits 0.5 s before its first record.
        self._counts = partition_counts_by(self._producer, bootstrap)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.flush()
        else:  # what was sent should go out, but nobody should wait long for it
            self._producer.flush(_ABANDON_LIMIT_S)

    def send(self, event: Event) -> None:
        """Queue an event for its topic and partition; waits a little while the queue is full.

        Raises
        ------
        UsageError
            The cluster does not have the event's topic.
        """
        self._send(event, encode(event))

    def send_tombstone(self, event: Event) -> None:
        """Queue a tombstone for the event's key, which takes it back; else as `send`.

        Raises
        ------
        UsageError
            The cluster does not have the event's topic.
        """
        self._send(event, None)

    def _send(self, event: Event, value: bytes | None) -> None:
        name = topic_of(event).name
        if name not in self._counts:
            raise _no_topic([name], self._bootstrap)
        partition = partition_of(event.partition_key, self._counts[name])
        self.send_raw(name, partition, key=event.record_key.encode(), value=value)

    def send_raw(
        self, topic_name: str, partition: int, *, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Queue bytes for a partition, as they are.

        Raises
        ------
        BrokerUnavailable
            The record is larger than any topic takes.
        """
        from confluent_kafka import KafkaException

        while True:
            try:
                self._producer.produce(
                    topic_name, value, key, partition, on_delivery=self._delivered, headers=list(headers)
                )
            except BufferError:
                self._producer.poll(_QUEUE_FULL_WAIT_S)
                continue
            except KafkaException as error:
                raise BrokerUnavailable(f"cannot write to {topic_name}: {error.args[0].str()}") from error
            self._producer.poll(0)
            return

    def flush(self) -> None:
        """Wait until every record queued so far lies on its topic.

        Raises
        ------
        BrokerUnavailable
            Some were not written; says how many, and why the first one was not.
        """
        waiting = self._producer.flush(self._flush_limit_s)
        failed, self._failed = self._failed, []
        if failed or waiting:
            raise BrokerUnavailable(
                f"{len(failed) + waiting} records were not written to Kafka at {self._bootstrap}: "
                f"{failed[0] if failed else 'no answer in time'}"
            )

    def _delivered(self, error: "KafkaError | None", message: "Message") -> None:
        if error is not None:
            self._failed.append(f"{message.topic()}: {error.str()}")


def read_to_end(
    settings: Settings,
    bootstrap: str,
    topics: Iterable[str],
    *,
    partitions: Iterable[int] | None = None,
    start: Mapping[Place, int] | None = None,
) -> Iterator[Record]:
    """Read topics from their first record to what was their last one at the call, and end.

    Records of one partition come in order; partitions come interleaved. Nothing is committed.

    Parameters
    ----------
    partitions : iterable of int, optional
        Read only these partition numbers of every topic.
    start : mapping, optional
        The first offset wanted of a (topic, partition); others begin at their first record.

    Raises
    ------
    BrokerUnavailable
        Nothing answers, or the records stop coming.
    UsageError
        A topic or a partition does not exist.
    """
    ranges = _ranges(settings, bootstrap, topics, partitions)
    begin = {place: max(first, (start or {}).get(place, first)) for place, (first, _end) in ranges.items()}
    waiting = {place: end for place, (_first, end) in ranges.items() if begin[place] < end}
    if not waiting:
        return iter(())
    return _read_until(_consumer(settings, bootstrap, {place: begin[place] for place in waiting}), waiting, bootstrap)


def follow(
    settings: Settings,
    bootstrap: str,
    topics: Iterable[str],
    *,
    start: Literal["beginning", "end"] | Mapping[Place, int] = "beginning",
    idle_s: float = 0.5,
) -> Generator[Record | None, None, None]:
    """Read topics for as long as the caller likes; None says that nothing came for `idle_s`.

    Close what is returned (``contextlib.closing``) to leave at once.

    Parameters
    ----------
    start : "beginning", "end" or mapping
        Where to begin; ``end`` is fixed by this call, so nothing that is written after it is
        missed. A mapping names the next offset of each (topic, partition); others begin at the
        beginning.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at the call. Later the reader waits through a broker's absence.
    UsageError
        A topic does not exist.
    """
    ranges = _ranges(settings, bootstrap, topics, None)
    if start == "end":
        offsets = {place: end for place, (_first, end) in ranges.items()}
    else:
        known: Mapping[Place, int] = {} if start == "beginning" else start
        offsets = {place: known.get(place, first) for place, (first, _end) in ranges.items()}
    return _read_on(_consumer(settings, bootstrap, offsets), idle_s)


def _read_until(consumer: "Consumer", waiting: dict[Place, int], bootstrap: str) -> Iterator[Record]:
    silence_s = 0.0
    try:
        while waiting:
            messages = _batch(consumer, _PATIENCE_S)
            silence_s = 0.0 if messages else silence_s + _PATIENCE_S
            if silence_s > _SILENCE_LIMIT_S:
                raise BrokerUnavailable(f"Kafka at {bootstrap} fell silent with {len(waiting)} partitions to read")
            for message in messages:
                yield from _awaited(message, waiting)
    finally:
        consumer.close()


def _awaited(message: "Message", waiting: dict[Place, int]) -> Iterator[Record]:
    """Give the message's record if it lies before its partition's end; strike out what is read.

    The last record may have been compacted away, so the end of a partition counts as well.
    """
    place = (str(message.topic()), message.partition() or 0)
    end, offset = waiting.get(place, 0), message.offset() or 0
    is_record = _is_record(message)
    if is_record and offset < end:
        yield _record(message)
    if offset + is_record >= end:
        waiting.pop(place, None)


def _read_on(consumer: "Consumer", idle_s: float) -> Generator[Record | None, None, None]:
    try:
        while True:
            messages = _batch(consumer, idle_s)
            if not messages:
                yield None
            yield from (_record(message) for message in messages if _is_record(message))
    finally:
        consumer.close()


def _consumer(settings: Settings, bootstrap: str, offsets: Mapping[Place, int]) -> "Consumer":
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        confluent_config(settings, bootstrap)
        | {
            "group.id": "groundswell-reader",  # the library wants one; nothing joins it or commits
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": _FETCH_BYTES,
            "queued.max.messages.kbytes": _QUEUE_KBYTES,
        }
    )
    consumer.assign([TopicPartition(*place, offset) for place, offset in offsets.items()])
    return consumer


def _ranges(
    settings: Settings, bootstrap: str, topics: Iterable[str], partitions: Iterable[int] | None
) -> dict[Place, tuple[int, int]]:
    """For each place to be read its first offset and the one after its last."""
    client = client_of(settings, bootstrap)
    places = _places(partition_counts_by(client, bootstrap), bootstrap, topics, partitions)
    return offset_ranges_by(client, bootstrap, places)


def _places(
    counts: Mapping[str, int], bootstrap: str, topics: Iterable[str], partitions: Iterable[int] | None
) -> list[Place]:
    wanted = list(topics)
    if missing := [name for name in wanted if name not in counts]:
        raise _no_topic(missing, bootstrap)
    chosen = None if partitions is None else list(partitions)
    places = [(name, p) for name in wanted for p in (range(counts[name]) if chosen is None else chosen)]
    for name, partition in places:
        if not 0 <= partition < counts[name]:
            raise UsageError(f"{name} has partitions 0 to {counts[name] - 1}; asked for {partition}")
    return places


def _no_topic(names: list[str], bootstrap: str) -> UsageError:
    return UsageError(f"Kafka at {bootstrap} has no topic {', '.join(names)}; `groundswell up` creates what is missing")


def _batch(consumer: "Consumer", patience_s: float) -> list["Message"]:
    """Wait for one message, and take with it what has arrived; `consume` alone would wait for all."""
    first = consumer.poll(patience_s)
    return [] if first is None else [first, *consumer.consume(_RECORDS_A_CALL, timeout=0)]


def _is_record(message: "Message") -> bool:
    """Whether the message is a record, not the end of a partition or a break that heals by itself."""
    from confluent_kafka import KafkaError

    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF or is_passing(error):
        return False
    raise BrokerUnavailable(f"cannot read {message.topic()}: {error.str()}")


def _record(message: "Message") -> Record:
    return Record(
        topic=str(message.topic()),
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=message.key(),
        value=message.value(),
        headers=_headers(message),
        timestamp_ms=message.timestamp()[1],
    )


def _headers(message: "Message") -> Headers:
    found = message.headers()
    return tuple((name, value) for name, value in found if isinstance(value, bytes)) if isinstance(found, list) else ()
