"""Publishing from a web server: one producer for as long as it works, a new one after it failed."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from schemas.commands import Command, CommandAnswered
from schemas.errors import BrokerUnavailable, GroundswellError, UsageError
from schemas.event import Event
from streams import people
from streams.kafka.bulk import BulkProducer
from streams.settings import Settings

DELIVERY_LIMIT_S = 15.0
"""Nobody looks at a page for longer that says nothing; the record is not written then, and they may try again."""


class KafkaTopics:
    """`dashboard.desk.Topics` on Kafka. Safe to call from several threads; one writes at a time."""

    def __init__(self, settings: Settings, bootstrap: str) -> None:
        self._settings, self._bootstrap = settings, bootstrap
        self._lock = Lock()
        self._producer: BulkProducer | None = None

    def send(self, events: Sequence[Event]) -> None:
        """Publish events; they lie on their topics when this returns.

        Raises
        ------
        BrokerUnavailable
            They, or some, do not.
        """
        self._write(events, BulkProducer.send)

    def take_back(self, events: Sequence[Event]) -> None:
        """Write a tombstone over each event's key.

        Raises
        ------
        BrokerUnavailable
            They, or some, do not lie on their topics.
        """
        self._write(events, BulkProducer.send_tombstone)

    def ask(self, command: Command) -> CommandAnswered:
        """Send a command to the gallery and wait for its answer.

        Raises
        ------
        BrokerUnavailable
            Kafka or the gallery does not answer.
        UsageError
            The gallery refuses; the message says why.
        """
        return people.ask(self._settings, self._bootstrap, command)

    def close(self) -> None:
        """Write what is queued, and let go of the connection."""
        with self._lock, suppress(GroundswellError):
            if self._producer is not None:
                self._producer.flush()
            self._producer = None

    def _write(self, events: Sequence[Event], queue: Callable[[BulkProducer, Event], None]) -> None:
        with self._lock:
            if self._producer is None:
                self._producer = BulkProducer(self._settings, self._bootstrap, delivery_limit_s=DELIVERY_LIMIT_S)
            try:
                for event in events:
                    queue(self._producer, event)
                self._producer.flush()
            except (BrokerUnavailable, UsageError):
                self._producer = None  # its knowledge of the cluster may be old
                raise
