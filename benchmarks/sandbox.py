"""What a child of its own costs a call: looking at a file and cutting it, here, in forked and in fresh children.

    python -m benchmarks.sandbox [--json] [--repeat 10] [FILE ...]

Without files: the demo video. CPU milliseconds of all processes together for a call, the mean of the repetitions; the
ways take turns, so that a busy machine slows all alike. The first call of each way is not counted: it starts the process
that forks. Aim: a forked child adds less than a third of what a fresh one adds. Exit 1 when it is missed.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.process_meter import ProcessMeter
from benchmarks.report import Cell, report
from models.media.cut import CutOptions, cut
from models.media.probe import probe
from streams.demo_video import make_demo_video
from streams.sandbox import ChildSandbox

MEMORY_BYTES, LIMIT_S = 1500 * 2**20, 600.0
AIM = 1 / 3

Runner = Callable[..., object]


def measure(path: Path, ways: Mapping[str, Runner], *, repeat: int) -> list[dict[str, Cell]]:
    """Compare the ways to call both functions for one file."""
    with tempfile.TemporaryDirectory() as folder:
        calls = {"probe": (probe, path), "cut": (cut, path, Path(folder), CutOptions())}
        return [
            {"video": path.name[:24], "call": name, **_costs(call, ways, repeat=repeat)} for name, call in calls.items()
        ]


def _costs(call: tuple[object, ...], ways: Mapping[str, Runner], *, repeat: int) -> dict[str, Cell]:
    meter, spent_s = ProcessMeter({"all": os.getpid()}), dict.fromkeys(ways, 0.0)
    for number in range(repeat + 1):
        for way, run in ways.items():
            before_s = meter.cpu_s()["all"]
            run(*call)
            spent_s[way] += meter.cpu_s()["all"] - before_s if number else 0.0
    here_ms, *added_ms = (1e3 * spent_s[way] / repeat for way in ways)
    forked_ms, fresh_ms = (ms - here_ms for ms in added_ms)
    return {
        "here_ms": here_ms,
        "forked_adds_ms": forked_ms,
        "fresh_adds_ms": fresh_ms,
        "forked/fresh": forked_ms / fresh_ms,
        "verdict": "met" if forked_ms < AIM * fresh_ms else "missed",
    }


def _here(function: Callable[..., object], *args: object) -> object:
    return function(*args)


def main() -> int:
    """Measure the demo video, or the files that are named; 1 when the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    forked = ChildSandbox(memory_bytes=MEMORY_BYTES, timeout_s=LIMIT_S)
    fresh = ChildSandbox(memory_bytes=MEMORY_BYTES, timeout_s=LIMIT_S, children="fresh")
    ways: dict[str, Runner] = {"here": _here, "forked": forked.run, "fresh": fresh.run}
    with tempfile.TemporaryDirectory() as folder:
        files = asked.files or [make_demo_video(Path(folder)).path]
        rows = [row for path in files for row in measure(path, ways, repeat=asked.repeat)]
    report("CPU time of a sandboxed call, and what the child adds", rows, as_json=asked.json)
    return int(any(row["verdict"] != "met" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
