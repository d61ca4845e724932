"""Finds what a home has left running: processes that carry its name in their environment, and locks."""

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


def locks_held(home: Path) -> list[str]:
    """Names of lock files under a home that somebody still holds."""
    held = []
    for path in home.rglob("*lock"):
        if not path.is_file() or "LOCK" in path.name:
            continue
        descriptor = try_lock(path)
        if descriptor is None:
            held.append(path.name)
        else:
            os.close(descriptor)
    return held
