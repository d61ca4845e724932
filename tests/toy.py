"""Two small stages and a worker for them, to try the runner with: ``python toy.py STAGE INSTANCE FOLDER``.

`CountingTransform` answers each link with one segment; what it should do is written in the title.
`CountingFold` counts the distinct segments of a video and says the count after each.
Environment: ``TOY_NAME`` (part of the stages' names, so that each test has a consumer group of its own),
``TOY_STEP_S``, ``TOY_SLOW_S``, ``TOY_LONGEST_STEP_S``, ``TOY_BATCH``, ``TOY_FOLD_BATCH``.
"""

import asyncio
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from schemas.errors import BrokerUnavailable, GroundswellError, SourceUnavailable
from schemas.event import Event, derive_id
from schemas.links import LinkSubmitted
from schemas.progress import StageProgressed
from schemas.releases import ReleasePublished
from schemas.segments import SegmentCut, VideoSegmented
from schemas.ticks import TimePassed
from streams.topology import Stage

REVISION = "0" * 16
STEP_S = float(os.environ.get("TOY_STEP_S", "0"))
PATIENCE_S = float(os.environ.get("TOY_PATIENCE_S", "0"))
SLOW_S = float(os.environ.get("TOY_SLOW_S", "30"))
HUGE = "x" * 9_000_000


def transform_stage(name: str) -> Stage:
    return Stage(
        name=f"toy-transform-{name}",
        processor="toy:CountingTransform",
        reads=("links",),
        writes=("segments", "progress"),
        hears=("releases",),
        batch=int(os.environ.get("TOY_BATCH", "8")),
        longest_step_s=float(os.environ.get("TOY_LONGEST_STEP_S", "60")),
    )


def fold_stage(name: str) -> Stage:
    return Stage(
        name=f"toy-fold-{name}",
        processor="toy:CountingFold",
        reads=("segments", "ticks"),
        writes=("segments", "progress"),
        is_fold=True,
        batch=int(os.environ.get("TOY_FOLD_BATCH", "16")),
    )


class CountingTransform:
    """Answers link ``n`` of a video with segment ``n``, unless the title says to fail."""

    version = "1"

    def __init__(self, folder: Path) -> None:
        self._folder, self._heard = folder, 0

    def hear(self, event: Event) -> None:
        if not isinstance(event, ReleasePublished) or event.target == "unheard_of":
            raise GroundswellError("this release cannot be heard")
        self._heard += 1

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        time.sleep(STEP_S)
        return [self._answer(event) for event in events]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        assert isinstance(event, LinkSubmitted)
        return [
            StageProgressed(event_id=derive_id("toy", "1", event.event_id), video_id=event.video_id, stage="toy",
                            state="failed", message=reason)
        ]  # fmt: skip

    def _answer(self, event: Event) -> list[Event]:
        assert isinstance(event, LinkSubmitted)
        mark = self._folder / f"tried-{event.submission_id}"
        tries = len(mark.read_text()) if mark.exists() else 0
        mark.write_text("x" * (tries + 1))
        if event.title == "always fails" and not (self._folder / "mended").exists():
            raise GroundswellError("this event always fails")
        if event.title == "breaks":
            raise ZeroDivisionError("a bug in the stage")
        if event.title == "fails twice" and tries < 2:
            raise SourceUnavailable("not yet")
        if event.title == "slow":
            time.sleep(SLOW_S)
        text = HUGE if event.title == "huge answer" else f"heard {self._heard}"
        number = int(event.submission_id.rsplit("-", 1)[1])
        return [
            SegmentCut(event_id=derive_id("toy", "1", event.event_id), video_id=event.video_id, revision=REVISION,
                       index=number, count=1, start_s=0.0, end_s=1.0, text=text)
        ]  # fmt: skip


class CountState(msgspec.Struct, frozen=True):
    """Which segments were seen, and how often time passed since, or from when on it did."""

    seen: tuple[int, ...] = ()
    ticks: int = 0
    ballast: str = ""
    since_s: float | None = None


class CountingFold:
    """Says how many distinct segments each video has, and that it is done after two ticks without a new one."""

    version = "1"
    state_type = CountState

    def key(self, event: Event) -> str | None:
        return event.video_id if isinstance(event, SegmentCut) else None

    def start(self, key: str) -> CountState:
        return CountState()

    def step(self, state: CountState, event: Event) -> tuple[CountState, list[Event]]:
        if isinstance(event, TimePassed):
            return self._tick(state, event)
        assert isinstance(event, SegmentCut)
        time.sleep(STEP_S)
        if event.text == "always fails":
            raise GroundswellError("this segment always fails")
        if event.index in state.seen:
            return state, [self._count(event.video_id, len(state.seen))]
        ballast = HUGE if event.text == "huge state" else ""
        state = CountState(seen=tuple(sorted((*state.seen, event.index))), ballast=ballast)
        return state, [self._count(event.video_id, len(state.seen))]

    def waits(self, state: CountState) -> bool:
        return state.ticks < 2

    def _tick(self, state: CountState, tick: TimePassed) -> tuple[CountState, list[Event]]:
        state = CountState(seen=state.seen, ticks=state.ticks + 1)
        return state, [] if self.waits(state) else [self._done(state.seen, tick)]

    def _done(self, seen: tuple[int, ...], tick: TimePassed) -> StageProgressed:
        return StageProgressed(
            event_id=derive_id("toy-fold", "1", tick.event_id),
            video_id=f"url:{tick.stage}",
            stage=str(len(seen)),
            state="done",
            message=str(tick.partition),
        )

    def _count(self, video_id: str, count: int) -> VideoSegmented:
        return VideoSegmented(
            event_id=derive_id("toy-fold", "1", video_id, count), video_id=video_id, revision=REVISION, count=count
        )


class PatientFold(CountingFold):
    """Says that it waits at the first tick after a new segment, and that it is done so long after that."""

    def wakes_at_s(self, state: CountState) -> float:
        return -math.inf if state.since_s is None else state.since_s + PATIENCE_S

    def _tick(self, state: CountState, tick: TimePassed) -> tuple[CountState, list[Event]]:
        if tick.at_s < self.wakes_at_s(state):
            return state, []
        if state.since_s is None:
            began = msgspec.structs.replace(self._done(state.seen, tick), state="running")
            return msgspec.structs.replace(state, since_s=tick.at_s), [began]
        return msgspec.structs.replace(state, ticks=2), [self._done(state.seen, tick)]


async def work(stage: Stage, instance: str, folder: Path) -> str:
    """Run one worker until SIGTERM; prints ``ready PORT``."""
    from streams.kafka.admin import partition_counts
    from streams.kafka.connection import bootstrap_of
    from streams.kafka.runner import Runner
    from streams.settings import Settings

    settings = Settings()
    bootstrap = bootstrap_of(settings)
    while True:
        try:
            partitions = partition_counts(settings, bootstrap)
            break
        except BrokerUnavailable:
            await asyncio.sleep(0.5)
    fold = PatientFold() if PATIENCE_S else CountingFold()
    processor = fold if stage.is_fold else CountingTransform(folder)
    runner = Runner(stage, processor, settings, bootstrap=bootstrap, instance=instance,
                    folder=folder / instance, partitions=partitions)  # fmt: skip
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, runner.stop)
    return await runner.run(on_ready=lambda port: print("ready", port, flush=True))


def main(kind: str, instance: str, folder: str) -> None:
    """Work as the real `groundswell worker` does: afresh after a failure, gone at once after the goodbye."""
    from streams import logs
    from streams.kafka.step_thread import run_to_its_end
    from streams.settings import Settings

    name = os.environ.get("TOY_NAME", "here")
    stage = {"transform": transform_stage, "fold": fold_stage}[kind](name)
    logs.set_up(Settings(), stage.name)
    failure = run_to_its_end(work(stage, instance, Path(folder)))
    if failure:
        print("failed:", failure, flush=True)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    os._exit(0)


if __name__ == "__main__":
    logging.captureWarnings(True)
    main(*sys.argv[1:])
