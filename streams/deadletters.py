"""Dead letters that wait for a person, and the way back for them."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence

from schemas.deadletters import EventRedriven, EventRejected
from schemas.errors import Unreadable, UsageError
from schemas.event import Event, derive_id
from streams.kafka.bulk import BulkProducer, Record, event_of, latest_per_key, read_to_end
from streams.kafka.step import REDRIVE_HEADER
from streams.settings import Settings

TOPIC = "dead-letters"


log = logging.getLogger(__name__)


def letters(settings: Settings, bootstrap: str) -> list[Event]:
    """Read everything on the topic: rejections, and notes of what was redriven.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    records = latest_per_key(read_to_end(settings, bootstrap, [TOPIC]))
    return list(_readable(records.values()))


def _readable(records: Iterable[Record]) -> Iterator[Event]:
    for record in records:
        try:
            yield event_of(record)
        except Unreadable as error:
            log.warning("passed over %s/%d/%d: %s", record.topic, record.partition, record.offset, error)


def waiting(settings: Settings, bootstrap: str) -> list[EventRejected]:
    """List the dead letters that were not redriven since, oldest first.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    return still_waiting(letters(settings, bootstrap))


def still_waiting(events: Iterable[Event]) -> list[EventRejected]:
    """Leave out what was redriven after it was rejected; a letter that died again waits again."""
    events = list(events)
    rejected = {e.event_id: e for e in events if isinstance(e, EventRejected)}
    redriven_at_s = {e.rejected_id: e.redriven_at_s for e in events if isinstance(e, EventRedriven)}
    left = [e for i, e in rejected.items() if redriven_at_s.get(i, 0.0) < e.rejected_at_s]
    return sorted(left, key=lambda e: (e.rejected_at_s, e.event_id))


def find(events: Sequence[EventRejected], prefix: str) -> EventRejected:
    """Look a dead letter up by the beginning of its id.

    Raises
    ------
    UsageError
        None begins so, or several do.
    """
    found = [e for e in events if e.event_id.startswith(prefix)]
    if len(found) != 1:
        raise UsageError(
            f"{len(found)} dead letters have an id that begins with {prefix!r}; `groundswell dead-letters list` shows all"
        )
    return found[0]


def returnable(events: Iterable[EventRejected]) -> list[EventRejected]:
    """Leave out what has no bytes: it was empty, or too large to be copied."""
    return [letter for letter in events if letter.value is not None]


def redrive(settings: Settings, bootstrap: str, chosen: Iterable[EventRejected]) -> int:
    """Put the original records back where they lay, for the one stage that gave them up.

    The note that it was done is sent after the record is confirmed: a crash in between redrives
    twice, which changes nothing, and never loses a letter.

    Raises
    ------
    BrokerUnavailable
        Kafka did not take them.
    UsageError
        One of them has no bytes to put back; none is put back then.
    """
    chosen = list(chosen)
    if empty := [letter.event_id for letter in chosen if letter.value is None]:
        raise UsageError(
            f"no value to put back in {', '.join(empty)}; on a compacted topic an empty record would delete its key"
        )
    with BulkProducer(settings, bootstrap) as producer:
        notes = [_put_back(producer, letter) for letter in chosen]
        producer.flush()
        for note in notes:
            producer.send(note)
    return len(notes)


def _put_back(producer: BulkProducer, letter: EventRejected) -> EventRedriven:
    kept = tuple(header for header in letter.headers if header[0] != REDRIVE_HEADER)
    producer.send_raw(
        letter.source_topic,
        letter.source_partition,
        key=letter.key,
        value=letter.value,
        headers=(*kept, (REDRIVE_HEADER, letter.stage.encode())),
    )
    now_s = time.time()
    return EventRedriven(
        event_id=derive_id("redrive", "1", letter.event_id, str(now_s)),
        rejected_id=letter.event_id,
        rejected_key=letter.record_key,
        redriven_at_s=now_s,
    )
