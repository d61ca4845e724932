"""Functions that a sandbox's child can import: well-behaved, broken and hostile ones."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from schemas.errors import Refused
from schemas.media import SubtitleTrack

_visits: list[int] = []


class Parcel(msgspec.Struct, frozen=True):
    path: Path
    tracks: tuple[SubtitleTrack, ...]
    note: str | None = None


def wrap(path: Path, tracks: tuple[SubtitleTrack, ...]) -> Parcel:
    return Parcel(path / "inside", tracks)


def count(until: int, report: Callable[..., None]) -> int:
    for number in range(until):
        report(number, None, "counted")
    return until


def refuse(reason: str) -> int:
    raise Refused(reason)


def divide(number: int) -> int:
    return number // 0


def eat(size_bytes: int) -> int:
    return len(bytearray(size_bytes))


def crash(words: str) -> int:
    print(words, flush=True)
    return int(bool(ctypes.string_at(0)))


def leave(status: int) -> int:
    os._exit(status)


def sleep(marker: Path) -> int:
    marker.write_text(str(os.getpid()))
    time.sleep(60)
    return 0


def lie(number: int) -> int:
    return f"not {number}"  # type: ignore[return-value]  # what a hostile child would do


def babble(length: int) -> int:
    """Write onto the wire, past the protocol."""
    for fd in range(3, 4096):  # it keeps the number that the parent gave it
        try:
            os.write(fd, b"\xff" * length)
        except OSError:
            continue
    time.sleep(60)
    return 0


def chatter(size_bytes: int) -> int:
    sys.stdout.write("x" * size_bytes)
    sys.stdout.flush()
    return size_bytes


def leave_a_grandchild(marker: Path) -> int:
    child = subprocess.Popen(["sleep", "60"])
    marker.write_text(str(child.pid))
    return child.pid


def stay_with_a_grandchild(marker: Path) -> int:
    child = subprocess.Popen(["sleep", "60"])
    marker.write_text(str(child.pid))
    time.sleep(60)
    return 0


def relatives() -> tuple[int, int]:
    """Pids of this process and of its parent."""
    return os.getpid(), os.getppid()


def visits() -> int:
    """How often this was called in one process."""
    _visits.append(1)
    return len(_visits)


def open_files() -> list[str]:
    """What this process has open, but for standard input, output and errors."""
    links = [fd for fd in Path("/proc/self/fd").iterdir() if int(fd.name) > 2]
    return [os.readlink(fd) for fd in links if fd.is_symlink()]  # noqa: PTH115  # pipes are no paths


def write(path: Path, size_bytes: int) -> int:
    return path.write_bytes(b"\0" * size_bytes)


def environment(prefix: str) -> list[str]:
    return sorted(name for name in os.environ if name.startswith(prefix))


def without_annotations(number):  # type: ignore[no-untyped-def]  # on purpose
    return number
