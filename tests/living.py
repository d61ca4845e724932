"""Looks at processes: those that a home has left running, the locks they hold, the memory they took."""

import os
import signal
import time
from pathlib import Path

from streams.locks import try_lock


def processes_of(home: Path) -> dict[int, str]:
    """Pids and command lines of all processes that were started for a home, ourselves excepted."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            belongs = (
                str(home).encode() in folder.joinpath("environ").read_bytes() + folder.joinpath("cmdline").read_bytes()
            )
            state = folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0]
            command = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if belongs and state != "Z" and int(folder.name) != os.getpid():
            found[int(folder.name)] = command
    return found


def wait_until_gone(home: Path, *, timeout_s: float) -> dict[int, str]:
    """Wait for a home's processes to end; what is left after `timeout_s` is returned, and killed."""
    give_up_at_s = time.monotonic() + timeout_s
    while (left := processes_of(home)) and time.monotonic() < give_up_at_s:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


def highest_bytes(pid: int) -> int:
    """The most memory a process ever held, as Linux counts it; 0 where it does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def locks_held(home: Path, *, timeout_s: float = 5.0) -> list[str]:
    """Names of lock files under a home that somebody still holds; a process that ends lets go of its locks last."""
    give_up_at_s = time.monotonic() + timeout_s
    held = [path for path in home.rglob("*lock") if path.is_file() and "LOCK" not in path.name]
    while (held := [path for path in held if _is_held(path)]) and time.monotonic() < give_up_at_s:
        time.sleep(0.1)
    return [path.name for path in held]


def _is_held(path: Path) -> bool:
    descriptor = try_lock(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None
