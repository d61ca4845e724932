"""The steps of a fold on Kafka: events through the fold, what follows to the broker, and only then the states."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any  # Faust is untyped

from streams import faults
from streams.kafka.faust_consumer import delivery_of
from streams.kafka.fold_draft import Change
from streams.kafka.fold_state import FoldState
from streams.kafka.outbox import Outbox
from streams.kafka.publisher import Publisher
from streams.kafka.step import Attempts, ShuttingDown
from streams.kafka.step_thread import StepThread


class FoldSteps:
    """Takes events into a fold, several at once where nothing is wrong with any of them.

    Parameters
    ----------
    is_current : callable
        Whether the partition of a message is still ours since it was read.
    """

    def __init__(
        self,
        fold: FoldState,
        attempts: Attempts,
        *,
        publisher: Publisher,
        outbox: Outbox,
        thread: StepThread,
        is_current: Callable[[Any], bool],
    ) -> None:
        self._fold, self._attempts, self._publisher, self._outbox = fold, attempts, publisher, outbox
        self._thread, self._is_current = thread, is_current

    async def take(self, messages: Sequence[Any]) -> None:
        """Step one event, or a batch as one; when anything in a batch fails, its events go one by one.

        Raises
        ------
        ShuttingDown
            The worker leaves, or another has the partition by now; the events come again.
        """
        if len(messages) > 1 and await self._take_together(messages):
            return
        for message in messages:
            await self._take_one(message)

    async def _take_one(self, message: Any) -> None:
        deliveries, changes = [delivery_of(message)], list[Change]()
        work = partial(self._fold.step_all, partitions=[message.partition], changes=changes)
        answers = await self._thread.call(self._attempts.batch, deliveries, work)
        faults.point("after-work")
        published = await self._publisher.publish(deliveries, answers)
        faults.point("after-send")
        if not published[0].rejected:
            await self._write(changes, message)

    async def _take_together(self, messages: Sequence[Any]) -> bool:
        """Do with a batch what is done with one event; False when an event was in the way, and nothing was sent."""
        deliveries, changes = [delivery_of(message) for message in messages], list[Change]()
        work = partial(self._fold.step_all, partitions=[message.partition for message in messages], changes=changes)
        answers = await self._thread.call(self._attempts.all_or_none, deliveries, work)
        faults.point("after-work")
        if not answers or not await self._publisher.publish_together(answers):
            return False
        faults.point("after-send")
        await self._write(changes, messages[0])
        return True

    async def _write(self, changes: Sequence[Change], message: Any) -> None:
        """Write state where it is still ours to write."""
        records = self._fold.records(changes)
        self._check_current(message)
        offsets = await self._outbox.append(records)
        faults.point("after-state")
        self._check_current(message)
        self._fold.apply(changes, records, offsets)

    def _check_current(self, message: Any) -> None:
        if not self._is_current(message):
            raise ShuttingDown
