"""A replay in several processes of this machine: each does some partitions, and says how far it is line by line."""

import io
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from schemas.errors import GroundswellError
from streams.children import dying_with_parent
from streams.kafka.admin import offset_ranges
from streams.replay import Plan
from streams.replay_partition import PartitionDone, Progress, Report
from streams.settings import Settings
from streams.threads import thread_limits

WORTH_A_PROCESS = 2000
"""Summaries that take longer to score than a further process to start: one and a half seconds."""

_DECODER = msgspec.json.Decoder(Progress | PartitionDone)


class ReplayIncomplete(GroundswellError):
    """A process of a replay ended before its partitions were done."""


def processes_for(settings: Settings, bootstrap: str, found: Plan) -> int:
    """Decide on processes where nobody said how many: two for much to score again, where there are two cores.

    From features one, since each process holds a partition's features in memory.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    if found.task.source != "summaries" or len(found.partitions) == 1 or _cores() == 1:
        return 1
    places = [("summaries", partition) for partition in found.partitions]
    records = sum(end - first for first, end in offset_ranges(settings, bootstrap, places).values())
    return 1 if records < WORTH_A_PROCESS else 2


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def line_of(report: Report) -> bytes:
    """Write what a child has to say."""
    return msgspec.json.encode(report) + b"\n"


def share(
    settings: Settings, found: Plan, *, processes: int, on_report: Callable[[Report], None]
) -> list[PartitionDone]:
    """Do the plan's partitions in child processes; they die with this one.

    Raises
    ------
    ReplayIncomplete
        A child failed; what it says stands on standard error.
    """
    shares = [found.partitions[number::processes] for number in range(min(processes, len(found.partitions)))]
    children = [_start(settings, msgspec.structs.replace(found, partitions=partitions)) for partitions in shares]
    try:
        done = list(_heard(children, on_report))
    finally:
        for child in children:
            child.kill()
    if missing := set(found.partitions) - {part.partition for part in done}:
        raise ReplayIncomplete(f"partitions {sorted(missing)} were not done; the same command again does the rest")
    return done


def _start(settings: Settings, found: Plan) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "streams.commands.main", "replay", "--child"]
    environment = {**os.environ, **settings.environment(), **thread_limits(settings, os.environ)}
    before = dying_with_parent()
    child = subprocess.Popen(  # noqa: S603  our own command line
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, preexec_fn=before
    )
    with child.stdin or io.BytesIO() as plan:
        plan.write(msgspec.json.encode(found))
    return child


def _heard(children: Sequence[subprocess.Popen[bytes]], on_report: Callable[[Report], None]) -> Iterator[PartitionDone]:
    lines: queue.Queue[bytes | None] = queue.Queue()
    for child in children:
        threading.Thread(target=_listen, args=(child, lines), daemon=True).start()
    ended = 0
    while ended < len(children):
        line = lines.get()
        if line is None:
            ended += 1
            continue
        report = _DECODER.decode(line)
        on_report(report)
        if isinstance(report, PartitionDone):
            yield report


def _listen(child: subprocess.Popen[bytes], lines: "queue.Queue[bytes | None]") -> None:
    for line in child.stdout or ():
        lines.put(line)
    child.wait()
    lines.put(None)
