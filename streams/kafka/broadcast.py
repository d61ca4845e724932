"""Topics that every worker reads whole, outside any group: `releases`."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any  # aiokafka is untyped

from schemas.codec import decode
from schemas.errors import Unreadable
from schemas.event import Event
from streams.topology import topic

FETCH_WAIT_MS = 500
"""A request is answered as soon as there is a record; asking oftener would only cost."""

log = logging.getLogger(__name__)


class Broadcast:
    """Reads topics from the beginning, first up to now and then as they grow.

    Parameters
    ----------
    client : mapping
        Connection settings of aiokafka.
    partitions : mapping
        Partition count of each topic.
    hear : callable
        Takes every event; must not block.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topics: Sequence[str],
        partitions: Mapping[str, int],
        *,
        hear: Callable[[Event], None],
    ) -> None:
        self._client, self._topics, self._partitions, self._hear = client, topics, partitions, hear
        self._consumer: Any = None

    async def catch_up(self) -> None:
        """Hear everything that is there now.

        Raises
        ------
        KafkaError
            Nothing answers.
        """
        from aiokafka import AIOKafkaConsumer, TopicPartition

        places = [TopicPartition(name, p) for name in self._topics for p in range(self._partitions[name])]
        if not places:
            return
        consumer = self._consumer = AIOKafkaConsumer(
            **self._client, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=FETCH_WAIT_MS
        )
        await consumer.start()
        ends = await consumer.end_offsets(places)  # first of all: once it fetches, every other question waits in line
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self._pass_on(record)

    async def follow(self) -> None:
        """Hear what comes, until cancelled; waits through a broker's absence.

        Raises
        ------
        KafkaError
            Something that waiting does not mend.
        """
        if self._consumer is not None:
            async for record in self._consumer:
                self._pass_on(record)

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    def _pass_on(self, record: Any) -> None:
        try:
            self._hear(decode(record.value, topic(record.topic).events))
        except Unreadable as error:
            log.error("passed over a broadcast record at %s/%d: %s", record.topic, record.offset, error)
