"""A Faust consumer that never commits past an event whose outputs are not yet confirmed.

Stock Faust keeps lists of acknowledged offsets, fills the gaps between them by guessing, and forgets
them in every rebalance before they are committed: measured, later offsets were committed over an
event still in work, and finished work was repeated after every rebalance. Here every record that
was handed out stays open until the runner finishes it, and the oldest open one is what is committed.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any  # Faust is untyped

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from streams.kafka.step import Delivery
from streams.topology import topic

LAST_COMMIT_S = 3.0
"""A rebalance waits so long for the commit of what is finished; without it that is done again."""


FETCH_WAIT_MS = 100
"""Faust's 1500 would be the latency of an event: a partition that has just been read is left out of
the next request, and waits until that is answered."""

QUIET_WAIT_MS = 500
"""Where nothing has come for a while no partition is left out, and an event is answered with at once, however
long the request might wait. Ten requests a second of every worker were most of what an idle Kafka did."""

QUIET_AFTER_S = 2.0


async def _nothing_in_work() -> None:
    return


class PromptThread(AIOKafkaConsumerThread):
    """The thread that talks to Kafka: asks in short intervals while records come, in longer ones in silence."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms, start = FETCH_WAIT_MS, consumer.start

        async def start_and_adapt() -> None:
            await start()
            _adapt_to_silence(consumer._fetcher)

        consumer.start = start_and_adapt
        return consumer


def _adapt_to_silence(fetcher: Any) -> None:
    """Have the next request wait by what the last ones brought; a new assignment counts as a record."""
    heard_s, answer = time.monotonic(), fetcher._proc_fetch_request

    async def answer_and_adapt(assignment: Any, *args: Any) -> Any:
        nonlocal heard_s
        has_records = await answer(assignment, *args)
        now_s = time.monotonic()
        if has_records or not assignment.active:
            heard_s = now_s
        fetcher._fetch_max_wait_ms = QUIET_WAIT_MS if now_s - heard_s > QUIET_AFTER_S else FETCH_WAIT_MS
        return has_records

    fetcher._proc_fetch_request = answer_and_adapt


class FinishedOnlyConsumer(Consumer):
    """Commits only what the runner finished, and before a rebalance takes the partitions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open: defaultdict[Any, dict[int, None]] = defaultdict(dict)
        self._next: dict[Any, int] = {}
        self._is_going, self._is_revoked = False, False
        self.settle: Callable[[], Awaitable[None]] = _nothing_in_work
        """Waits a moment for the step in work, before the partitions go."""

    def is_current(self, message: Any) -> bool:
        """Whether the partition is still ours since this message was read."""
        return not self._is_revoked and message.generation_id == self.app.consumer_generation_id

    def that_may_begin(self, messages: Iterable[Any]) -> list[Any]:
        """Leave out messages whose step would not count: read before a rebalance, or while one waits for the last step.

        A batch can have some of both; those that are current come only once.
        """
        return [] if self._is_going else [message for message in messages if self.is_current(message)]

    def finish(self, message: Any) -> None:
        """Let the offset behind this message be committed: the broker has all that follows from it."""
        if self.is_current(message):
            self._open[message.tp].pop(message.offset, None)

    def has_skipped(self, messages: Iterable[Any]) -> bool:
        """Whether an older record was read but never came out of Faust."""
        offsets = defaultdict(list)
        for message in messages:
            offsets[message.tp].append(message.offset)
        return any(next(iter(self._open[tp]), max(found)) < min(found) for tp, found in offsets.items())

    def lag(self) -> Mapping[str, int]:
        """Events not yet committed on the partitions held, by topic."""
        waiting: dict[str, int] = defaultdict(int)
        for tp in self.assignment():
            end = self.highwater(tp)
            if end is not None and self.app.topics.acks_enabled_for(tp.topic):
                waiting[tp.topic] += max(0, end - (self._committed_offset[tp] or 0))
        return waiting

    def last_answer(self) -> int | None:
        """Mark the newest answer to a fetch; it changes several times a second while Kafka is heard."""
        consumer = self._thread._consumer
        subscription = consumer and consumer._subscription.subscription
        assignment = subscription and subscription.assignment
        states = [assignment.state_value(tp) for tp in assignment.tps] if assignment else []
        return max((state.timestamp for state in states if state and state.timestamp), default=None)

    def leave_at_once(self) -> None:
        """Make the coming stop a real goodbye.

        A static member that stops keeps its partitions until its session ends; without its
        static name it sends LeaveGroup, and the others take over now.
        """
        consumer = self._thread._consumer
        if consumer is not None and consumer._coordinator is not None:
            consumer._coordinator._group_instance_id = None

    # -- what Faust calls ---------------------------------------------------------------------------

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: Any, record: Any) -> Any:
        if self.app.topics.acks_enabled_for(record.topic) and record.offset >= self._next.get(tp, 0):
            self._open[tp][record.offset] = None
            self._next[tp] = record.offset + 1
        return super()._to_message(tp, record)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[Any]:
        return (tp for tp in tuple(self._next) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: Any) -> int | None:
        return next(iter(self._open[tp]), self._next.get(tp))

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Compaction leaves gaps; there is nothing to remember about them."""

    async def perform_seek(self) -> None:
        """Go back to what is committed, with nothing under way that was read before.

        Faust lets records flow while it seeks at the end of a recovery: some are handed out twice, others
        are handed out, cleared from their queue and then taken for seen. Whoever calls this resumes the flow.
        """
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        self._forget()
        await super().perform_seek()

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        self._is_going = True
        await self.settle()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._commit_all(), LAST_COMMIT_S)
        self._is_revoked = True
        self._forget()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[Any], generation_id: int = 0) -> None:
        self._is_going, self._is_revoked = False, False
        await super().on_partitions_assigned(assigned, generation_id)

    async def _commit_all(self) -> None:
        await self.maybe_wait_for_commit_to_finish()  # one under way may have begun before the last finish
        await self.commit()

    def _forget(self) -> None:
        self._open.clear()
        self._next.clear()


class FinishedOnlyTransport(Transport):
    """The aiokafka transport with the consumer above."""

    Consumer = FinishedOnlyConsumer


def delivery_of(message: Any) -> Delivery:  # Faust is untyped
    """Take a record as Faust has read it."""
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Delivery(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple((name, bytes(value or b"")) for name, value in pairs),
        types=topic(message.topic).events,
    )
