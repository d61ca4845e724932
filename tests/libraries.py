"""Libraries for tests: records made of events, and one library over each store."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from schemas.codec import encode
from schemas.event import Event
from streams.kafka.bulk import Record
from streams.kafka.partitioning import partition_of
from streams.topology import topic_of

NOON_MS = 1_763_812_800_000
PARTITIONS = 4


class Tape:
    """Topics as a list: gives events their partition, offset and time, as Kafka would."""

    def __init__(self, *, begin_ms: int = NOON_MS) -> None:
        self.records: list[Record] = []
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._now_ms = begin_ms

    def write(self, *events: Event) -> list[Record]:
        """Write events a second apart."""
        return [self._append(event, encode(event)) for event in events]

    def take_back(self, *events: Event) -> list[Record]:
        """Write tombstones over the keys of events."""
        return [self._append(event, None) for event in events]

    def skip_ms(self, milliseconds: int) -> None:
        """Let time pass."""
        self._now_ms += milliseconds

    def _append(self, event: Event, value: bytes | None) -> Record:
        topic = topic_of(event)
        place = (topic.name, partition_of(event.partition_key, topic.partitions or PARTITIONS))
        self._now_ms += 1000
        record = Record(
            topic=place[0],
            partition=place[1],
            offset=self._ends[place],
            key=event.record_key.encode(),
            value=value,
            headers=(),
            timestamp_ms=self._now_ms,
        )
        self._ends[place] += 1
        self.records.append(record)
        return record


def records_of(events: Iterable[Event]) -> list[Record]:
    """The records of some events, in their order."""
    tape = Tape()
    tape.write(*events)
    return tape.records


def topic_by_topic(records: Sequence[Record]) -> list[Record]:
    """The same records as another reader may get them: each partition in order, one after the other."""
    return sorted(records, key=lambda record: (record.topic, record.partition, record.offset))
