"""Puts any `Transform` or `Fold` on Kafka. What it promises:

* outputs are confirmed by the broker before their input is acknowledged, and state is written after the outputs;
* offsets are committed only up to the oldest event still in work;
* an event that cannot be processed goes to dead-letters with all that is needed to try again, and the stage goes on;
* SIGTERM finishes what is in work and leaves; SIGKILL loses nothing; a process that slept writes nothing old.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any  # Faust is untyped

from schemas.event import Event
from streams import faults, metrics
from streams.kafka.admin import create_changelogs
from streams.kafka.batches import batches
from streams.kafka.broadcast import Broadcast
from streams.kafka.connection import aiokafka_security
from streams.kafka.faust_app import REBALANCE_S, make_app
from streams.kafka.faust_consumer import delivery_of
from streams.kafka.fold_state import FoldState
from streams.kafka.fold_steps import FoldSteps
from streams.kafka.outbox import Outbox
from streams.kafka.publisher import Publisher
from streams.kafka.step import Attempts, ShuttingDown
from streams.kafka.step_thread import StepThread
from streams.settings import Settings
from streams.topology import Stage

BATCH_WAIT_S = 0.03
"""How long a batch waits for company; a lone event is delayed by no more."""

FOLD_WAIT_S = 0.1
"""The same for a fold: its step waits twice for the broker, which costs more than what most events change."""

FINISH_S = 6.5
"""A worker told to stop gives the step in work so long, then leaves it to another."""

GOODBYE_S = 1.5
"""And so long for the last commit and to leave the group; together under ten seconds."""

SETTLE_S = 2.0
"""A rebalance waits so long for the step in work, so that it is not done twice."""

BEAT_S = 0.25
MOST_MENTIONS = 1000

SILENCE_S = 5.0
DEAF_S = REBALANCE_S + 15.0
"""An idle worker that hears nothing of Kafka for so long starts afresh: clients have been seen not to recover."""

UNCONFIRMED_S = 300.0
"""A producer that has not got rid of its records for so long is given up, and the step with it."""

log = logging.getLogger(__name__)


class Runner:
    """One worker of one stage.

    Parameters
    ----------
    stage : Stage
    processor : Transform or Fold
        Built; every call to it happens in one thread of its own.
    bootstrap : str
        ``host:port`` of a Kafka that has the stage's topics.
    instance : str
        Name of this worker in its group.
    folder : Path
        For the tables of a fold; nobody else may use it.
    partitions : mapping
        Partition count by topic.
    """

    def __init__(
        self,
        stage: Stage,
        processor: Any,  # Transform or Fold: told apart by stage.is_fold
        settings: Settings,
        *,
        bootstrap: str,
        instance: str,
        folder: Path,
        partitions: Mapping[str, int],
    ) -> None:
        self.stage, self.processor, self.settings, self.instance = stage, processor, settings, instance
        self._bootstrap, self._folder, self._count = bootstrap, folder, partitions[stage.reads[0]]
        client = {"bootstrap_servers": bootstrap, **aiokafka_security(settings)}
        self.outbox = Outbox(client, partitions, may_send=lambda: not self._has_slept())
        self.broadcast = Broadcast(client, stage.hears, partitions, hear=self._hear)
        self.metrics = metrics.StageMetrics(stage.name)
        self._thread = StepThread(stage.name)
        self._stopping, self._leaving, self._idle = threading.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._app: Any = None
        self._fold: FoldState | None = None
        self._last_answer: int | None = None
        self._is_silent = False
        self._is_ready, self._is_told, self._failure, self._in_work_since_s = False, False, "", 0.0
        self._attempts = Attempts(
            stage.name,
            getattr(processor, "give_up", lambda event, reason: []),
            attempts=settings.retry_attempts,
            backoff_s=settings.retry_backoff_s,
            stopping=self._stopping,
            is_fold=stage.is_fold,
            on_retry=self.metrics.retries.inc,
        )
        self._publisher = Publisher(self.outbox, self.metrics, self._attempts, self._thread)

    def report(self, event: Event) -> None:
        """Send progress from any thread, at once; it may get lost."""
        if self._loop is not None and not self._loop.is_closed() and len(self._tasks) < MOST_MENTIONS:
            self._loop.call_soon_threadsafe(lambda: self._keep(self.outbox.mention(event)))

    def stop(self) -> None:
        """Finish what is in work, commit and leave; at any time, also twice, from the event loop."""
        self._is_told = True
        self._leave_soon()

    async def run(self, on_ready: Callable[[int], None] = lambda port: None) -> str:
        """Work until `stop`, or until Kafka fails. Only once: a failure wants a new process.

        Returns
        -------
        str
            Empty after `stop`; otherwise why the worker must start afresh.

        Raises
        ------
        OSError
            The port for metrics is taken.
        """
        self._loop, self._on_ready = asyncio.get_running_loop(), on_ready
        self._last_beat_s = self._heard_s = _clock_s()
        self.port = metrics.serve(self.metrics, self.health, port=self.settings.metrics_port)
        self._keep(self._beat())
        self._keep(self._start())
        await self._leaving.wait()
        if not self._failure:  # after one, everything here is under suspicion: as with SIGKILL, nothing is lost
            await self._leave()
        for task in tuple(self._tasks):
            task.cancel()
        return "" if self._is_told else self._failure

    def health(self) -> dict[str, object]:
        """What /health answers; only ``ready`` is good."""
        if self._leaving.is_set():
            state = "stopping"
        elif not self._is_ready:
            state = "starting"
        else:
            state = "stuck" if self._in_work_s() > self.stage.longest_step_s else "ready"
        return {"status": state, "stage": self.stage.name, "instance": self.instance}

    # -- coming and going ---------------------------------------------------------------------------

    async def _start(self) -> None:
        if self.stage.is_fold:
            make_topics = partial(create_changelogs, partitions=self._count)
            await self._thread.call(make_topics, self.settings, self._bootstrap, self.stage.name)
        await self.outbox.start()
        await self.broadcast.catch_up()
        self._keep(self.broadcast.follow())
        app = self._build()
        await app.start()

    def _build(self) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True)
        where = {"bootstrap": self._bootstrap, "instance": self.instance, "folder": self._folder}
        app = self._app = make_app(self.settings, self.stage, partitions=self._count, **where)  # type: ignore[arg-type]  # a dict of them
        raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
        work = self._fold_events(app) if self.stage.is_fold else self._transform_batches
        app.agent(app.topic(*self.stage.reads, **raw), name=self.stage.name, concurrency=1)(work)
        app.on_rebalance_complete.connect(self._become_ready, weak=False)
        app.finalize()
        app.consumer.settle = self._settle
        return app

    async def _become_ready(self, _: object = None, **__: object) -> None:
        held = self._app.consumer.assignment()  # a standby holds changelogs, and nothing to read
        self.metrics.partitions.set(sum(self._app.topics.acks_enabled_for(place.topic) for place in held))
        if self._fold:
            self._fold.rebuild_waiting()
            self._thread.submit(self._fold.restore)  # the first step would do it, but why wait
        if not self._is_ready:
            self._is_ready = True
            log.info("ready", extra={"fields": {"port": self.port, "instance": self.instance}})
            self._on_ready(self.port)

    async def _settle(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), SETTLE_S)

    async def _leave(self) -> None:
        try:
            await asyncio.wait_for(self._idle.wait(), FINISH_S)
        except TimeoutError:
            log.warning("left a step in work after %.0f s; it will be done again", FINISH_S)
        try:
            await asyncio.wait_for(self._disconnect(), GOODBYE_S)
        except TimeoutError:
            log.warning("Kafka did not hear the goodbye")
        except Exception:
            log.exception("the goodbye failed")

    async def _disconnect(self) -> None:
        if self._app is not None:
            self._app.consumer.leave_at_once()
            await self._app.stop()
        await self.outbox.stop()
        await self.broadcast.stop()

    def _leave_soon(self) -> None:
        self._stopping.set()
        self._leaving.set()

    def _fail(self, why: str) -> None:
        if not self._failure and not self._leaving.is_set():
            self._failure = why
            log.warning("starting afresh: %s", why)
        self._leave_soon()

    # -- transforms ---------------------------------------------------------------------------------

    async def _transform_batches(self, stream: Any) -> None:
        async for events in batches(stream, most=self.stage.batch, within_s=BATCH_WAIT_S):
            await self._guarded(self._transform_batch, [event.message for event in events])

    async def _transform_batch(self, messages: Sequence[Any]) -> None:
        deliveries = [delivery_of(message) for message in messages]
        answers = await self._thread.call(self._attempts.batch, deliveries, self.processor.transform)
        faults.point("after-work")
        await self._publisher.publish(deliveries, answers)
        faults.point("after-send")

    # -- folds --------------------------------------------------------------------------------------

    def _fold_events(self, app: Any) -> Callable[[Any], Awaitable[None]]:
        fold = self._fold = FoldState(app, self.processor, stage=self.stage.name, partitions=self._count)
        steps = FoldSteps(fold, self._attempts, publisher=self._publisher, outbox=self.outbox, thread=self._thread,
                          is_current=lambda message: app.consumer.is_current(message))  # fmt: skip

        async def fold_events(stream: Any) -> None:
            async for event in stream.noack().events():
                await self._guarded(steps.take, [event.message])

        async def fold_together(stream: Any) -> None:
            async for events in batches(stream, most=self.stage.batch, within_s=FOLD_WAIT_S):
                await self._guarded(steps.take, [event.message for event in events])

        return fold_together if self.stage.batch > 1 else fold_events

    # -- what both share ----------------------------------------------------------------------------

    async def _guarded(self, work: Callable[[Sequence[Any]], Awaitable[None]], read: Sequence[Any]) -> None:
        """Run one step; what it does not finish stays open and comes again."""
        consumer = self._app.consumer
        messages = consumer.that_may_begin(read)
        if self._leaving.is_set() or not messages:
            return
        if consumer.has_skipped(messages):
            self._fail("Faust left out a record")
            return
        self._idle.clear()
        self._in_work_since_s = time.monotonic()
        try:
            faults.point("before-work")
            await work(messages)
            for message in messages:
                self.metrics.events_in.inc(message.topic)
                consumer.finish(message)
            faults.point("after-ack")
        except ShuttingDown:
            log.info("left %d events to be done again", len(messages))
        except Exception:
            log.exception("the runner itself failed")
            self._fail("an unexpected error")
        finally:
            self.metrics.step_seconds.observe(self._in_work_s())
            self.metrics.batch_size.observe(len(messages))
            self._in_work_since_s = 0.0
            self._idle.set()

    def _hear(self, event: Event) -> None:
        def hear() -> None:
            try:
                self.processor.hear(event)
            except Exception:
                log.exception("could not take in %s %s", type(event).__name__, event.record_key)

        self._thread.submit(hear)

    # -- time ---------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        """Keep the time: sleep of the whole process, ticks for folds, lag, and whether Kafka still works."""
        while not self._leaving.is_set():
            await asyncio.sleep(BEAT_S)
            if self._has_slept():
                self._fail("this process slept; others may have its partitions")
            self._last_beat_s = _clock_s()
            if self._app is not None and self._app.crashed:
                self._fail(f"Faust failed: {self._app.crash_reason!r}")
            elif self._is_ready:
                self._listen()
                self._say_the_time()

    def _listen(self) -> None:
        if self.outbox.unconfirmed_s() > UNCONFIRMED_S:
            self._fail("Kafka confirms nothing")
        consumer, now_s = self._app.consumer, _clock_s()
        answer = consumer.last_answer()
        if answer != self._last_answer or not self._idle.is_set() or not consumer.assignment():
            self._last_answer, self._heard_s, self._is_silent = answer, now_s, False
        elif now_s - self._heard_s > DEAF_S:
            self._fail("Kafka does not answer")
        elif now_s - self._heard_s > SILENCE_S and not self._is_silent:
            self._is_silent = True
            log.warning("Kafka does not answer; waiting for it")

    def _say_the_time(self) -> None:
        for name, events in self._app.consumer.lag().items():
            self.metrics.set_lag(name, events)
        if self._fold and len(self._tasks) < MOST_MENTIONS:
            for tick in self._fold.due_ticks(time.time()):
                self._keep(self.outbox.mention(tick))

    def _has_slept(self) -> bool:
        """Whether the process stood still so long that its session may be over, and with it its rights."""
        slept_s = _clock_s() - self._last_beat_s if self._is_ready else 0.0
        return bool(self._failure) or slept_s > self.settings.session_timeout_s / 2

    def _in_work_s(self) -> float:
        return time.monotonic() - self._in_work_since_s if self._in_work_since_s else 0.0

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside the others; if it fails, the worker does."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._look_after)

    def _look_after(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("the worker failed: %r", error, exc_info=error)
            self._fail(repr(error))


def _clock_s() -> float:
    """A clock that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
