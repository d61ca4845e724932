"""One worker process: a stage, a place of its own on disk, and a runner."""

import asyncio
import importlib
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any  # a processor is a Transform or a Fold

import msgspec

from schemas.errors import BrokerUnavailable, UsageError
from schemas.event import Event
from streams import logs
from streams.kafka.step_thread import run_to_its_end
from streams.locks import try_lock
from streams.settings import Settings
from streams.threads import thread_limits
from streams.topology import STAGES, Stage, stage
from streams.whole_files import write_whole
from streams.world import LocalWorld

BROKER_WAIT_S = 2.0
MOST_WORKERS = 1000

log = logging.getLogger(__name__)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's own folder, held by a lock that ends with the process.

    The number makes its name in the consumer group: a worker that comes back after a crash
    finds its tables and takes its partitions back at once.
    """

    folder: Path
    number: int
    lock: int

    def name(self, stage_name: str) -> str:
        return f"{stage_name}-{socket.gethostname()}-{self.number}"


class WorkerCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a running worker writes down for others on this machine."""

    stage: str
    number: int
    pid: int
    port: int


def cards_folder(home: Path) -> Path:
    """Where running workers leave their cards."""
    return home / "run"


def cards(home: Path) -> list[WorkerCard]:
    """Read the cards of the workers that run now on this machine."""
    found = [msgspec.json.decode(p.read_bytes(), type=WorkerCard) for p in cards_folder(home).glob("*.json")]
    return [card for card in found if Path(f"/proc/{card.pid}").exists() or not Path("/proc").exists()]


def run(settings: Settings, stage_name: str) -> int:
    """Run a worker until SIGTERM; it starts afresh by itself when Kafka fails under it.

    Raises
    ------
    UsageError
        There is no such stage.
    """
    if stage_name not in [s.name for s in STAGES]:
        raise UsageError(f"no stage is called {stage_name!r}; there are {', '.join(s.name for s in STAGES)}")
    logs.set_up(settings, stage_name)
    os.environ |= thread_limits(settings, os.environ)  # before any library that reads them; a supervisor has done it
    place = claim_place(settings.home, stage_name)
    failure = run_to_its_end(_work(settings, stage(stage_name), place))
    sys.stdout.flush()
    sys.stderr.flush()
    if failure:
        os.execv(sys.executable, [sys.executable, "-m", "streams.commands.main", *sys.argv[1:]])  # noqa: S606
    # A step that would not stop in time still holds its thread; nothing of it counts, so don't wait for it.
    os._exit(0)


def claim_place(home: Path, stage_name: str) -> Place:
    """Take the first free folder of a stage on this machine."""
    for number in range(MOST_WORKERS):
        folder = home / "state" / stage_name / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(folder / "lock")
        if lock is not None:
            return Place(folder=folder, number=number, lock=lock)
    raise UsageError(f"{MOST_WORKERS} workers of {stage_name} run on this machine already")


async def _work(settings: Settings, work: Stage, place: Place) -> str:
    from streams.kafka.runner import Runner

    bootstrap, partitions = await _reach_kafka(settings, work)
    late: list[Runner] = []
    world = LocalWorld(settings, report=lambda event: _pass_on(late, event))
    processor = _processor_class(work).build(world)
    runner = Runner(
        work,
        processor,
        settings,
        bootstrap=bootstrap,
        instance=place.name(work.name),
        folder=place.folder,
        partitions=partitions,
    )
    late.append(runner)
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, runner.stop)
    card = cards_folder(settings.home) / f"{work.name}-{place.number}.json"
    try:
        return await runner.run(on_ready=lambda port: _write_card(card, work, place, port))
    finally:
        world.close()
        card.unlink(missing_ok=True)


def _pass_on(late: list[Any], event: Event) -> None:
    for runner in late:
        runner.report(event)


def _processor_class(work: Stage) -> Any:
    module, name = work.processor.split(":")
    return getattr(importlib.import_module(module), name)


def _write_card(path: Path, work: Stage, place: Place, port: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    card = WorkerCard(stage=work.name, number=place.number, pid=os.getpid(), port=port)
    write_whole(path, msgspec.json.encode(card))


async def _reach_kafka(settings: Settings, work: Stage) -> tuple[str, dict[str, int]]:
    """Wait until Kafka answers and has the topics of this stage."""
    from streams.kafka.admin import partition_counts
    from streams.kafka.connection import bootstrap_of

    needed = {*work.reads, *work.writes, *work.hears, "dead-letters"}
    while True:
        try:
            bootstrap = bootstrap_of(settings)
            partitions = partition_counts(settings, bootstrap)
            missing = needed - set(partitions)
            if not missing:
                return bootstrap, partitions
            problem = f"topics are missing: {', '.join(sorted(missing))}; run `groundswell topics --create`"
        except BrokerUnavailable as error:
            problem = str(error)
        log.warning("waiting for Kafka: %s", problem)
        await asyncio.sleep(BROKER_WAIT_S)


def wait_for_cards(home: Path, wanted: dict[int, str], *, timeout_s: float) -> set[int]:
    """Wait until the processes in `wanted` (pid to stage) are ready.

    Returns
    -------
    set of int
        Pids that are not ready after `timeout_s`.
    """
    give_up_at_s = time.monotonic() + timeout_s
    missing = set(wanted)
    while missing and time.monotonic() < give_up_at_s:
        missing -= {card.pid for card in cards(home)}
        time.sleep(0.05)
    return missing
