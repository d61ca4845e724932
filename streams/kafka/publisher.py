"""What a step answered, on its way to the broker; an answer nobody could read becomes a dead letter."""

import logging
from collections.abc import Sequence

from streams import metrics
from streams.kafka.outbox import Outbox, OutputTooLarge
from streams.kafka.step import Answer, Attempts, Delivery, without_value
from streams.kafka.step_thread import StepThread

log = logging.getLogger(__name__)


class Publisher:
    """Has the broker confirm the answers of a stage.

    Parameters
    ----------
    attempts : Attempts
        Says what follows when an event must be given up; asked in `thread`, as all of the stage's code is.
    """

    def __init__(
        self, outbox: Outbox, stage_metrics: metrics.StageMetrics, attempts: Attempts, thread: StepThread
    ) -> None:
        self._outbox, self._metrics, self._attempts, self._thread = outbox, stage_metrics, attempts, thread

    async def publish(self, deliveries: Sequence[Delivery], answers: Sequence[Answer]) -> list[Answer]:
        """Return when the broker has all that follows from a step; waits while it is away.

        Returns
        -------
        list of Answer
            What was published: an answer that was too large has become a rejection.
        """
        try:
            await self._confirm(answers)
            return list(answers)
        except OutputTooLarge:
            pairs = zip(deliveries, answers, strict=True)
            return [await self._confirm_or_refuse(delivery, answer) for delivery, answer in pairs]

    async def publish_together(self, answers: Sequence[Answer]) -> bool:
        """Have the broker confirm answers that build on each other, or send none of them where one is too large."""
        try:
            await self._confirm(answers)
        except OutputTooLarge as error:  # known before anything is sent: topics take more than readers do
            log.info("a batch could not be published as one: %s", error)
            return False
        return True

    async def _confirm_or_refuse(self, delivery: Delivery, answer: Answer) -> Answer:
        try:
            await self._confirm([answer])
            return answer
        except OutputTooLarge as error:
            refused = answer if answer.rejected else await self._thread.call(self._attempts.refuse, delivery, error)
        try:
            await self._confirm([refused])
            return refused
        except OutputTooLarge as error:
            letter = refused.rejected or self._attempts.reject(delivery, error)
        smallest = Answer(rejected=without_value(letter))
        await self._confirm([smallest])
        return smallest

    async def _confirm(self, answers: Sequence[Answer]) -> None:
        outputs = [event for answer in answers for event in answer.outputs]
        rejected = [answer.rejected for answer in answers if answer.rejected]
        await self._outbox.confirm([*outputs, *rejected])
        for event in outputs:
            self._metrics.count_out(event)
        for letter in rejected:
            self._metrics.dead.inc()
            log.error("gave up %s: %s", letter.record_key, letter.error)
