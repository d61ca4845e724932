"""Libraries for tests: records made of events, and one library over each store."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from examples import (
    CUT,
    EXTRACTED,
    FETCHED,
    LABEL,
    LINK,
    OUTCOME,
    PROGRESSED,
    SCORED,
    SUMMARISED,
    TRACKED,
    VIDEO_ID,
)

from dashboard.library_answers import StoredLibrary
from dashboard.rows import VideoQuery
from schemas.codec import encode
from schemas.event import Event
from schemas.features import FeatureExtracted, Label
from schemas.media import MediaFetched
from schemas.predictions import VideoScored
from streams.kafka.bulk import Record
from streams.kafka.partitioning import partition_of
from streams.topology import topic_of

NOON_MS = 1_763_812_800_000
PARTITIONS = 4
STORY = (LINK, PROGRESSED, FETCHED, CUT, EXTRACTED, TRACKED, SUMMARISED, SCORED, OUTCOME, LABEL)


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


def fetched(number: int, **about: object) -> MediaFetched:
    """A fetched video of a small made-up library."""
    metadata = msgspec.structs.replace(
        FETCHED.metadata, **{"title": f"Video {number}", "uploaded_at_s": float(1000 - number)} | about
    )
    return msgspec.structs.replace(
        FETCHED, video_id=f"url:v{number:03d}", metadata=metadata, duration_s=float(number * 7 % 10), warnings=()
    )


def scored(number: int, value: float, **about: object) -> VideoScored:
    return msgspec.structs.replace(SCORED, video_id=f"url:v{number:03d}", value=value, **about)


def ids(library: StoredLibrary, **query: object) -> list[str]:
    return [row.video_id for row in library.videos(VideoQuery(**query)).items]


def who(scope: str, *names: str, video_id: str = VIDEO_ID) -> FeatureExtracted:
    """The gallery's answer: who is in a segment, or in the whole video."""
    labels = tuple(Label(name=name, score=0.5 - 0.1 * i, tracks=(i + 1,)) for i, name in enumerate(names))
    return msgspec.structs.replace(
        EXTRACTED, video_id=video_id, scope=scope, modality="identity", labels=labels, vector=None, transcript=None
    )
