"""Locks between processes that the kernel takes back when their holder dies."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_AGAIN_S = 0.05


def try_lock(path: Path, *, wait_s: float = 0.0) -> int | None:
    """Lock the file `path` for this process; it may stay behind, unlocked, and that means nothing.

    Returns
    -------
    int or None
        A file descriptor that holds the lock until it is closed, here and in every child that was
        given it; None when somebody else still held it after `wait_s`.

    Source: flock(2).
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    give_up_at_s = time.monotonic() + wait_s
    while not _flock(descriptor):
        if time.monotonic() >= give_up_at_s:
            os.close(descriptor)
            return None
        time.sleep(_LOOK_AGAIN_S)
    return descriptor


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock `path` for a block, however long the turn takes; `on_wait` runs once if it does."""
    descriptor = try_lock(path)
    if descriptor is None:
        on_wait()
    while descriptor is None:
        descriptor = try_lock(path, wait_s=60)
    try:
        yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
