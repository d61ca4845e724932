"""Waiting for processes to begin and to end."""

import time
from pathlib import Path

import psutil


def gone(pid: int, within_s: float = 10.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def wait_for(marker: Path) -> int:
    """Read the pid that a process writes into a file when it has begun."""
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        if marker.exists() and marker.read_text():
            return int(marker.read_text())
        time.sleep(0.02)
    raise AssertionError("the child never started")
