"""Folders for work in progress that vanish with the work, also when their worker was killed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def work_folder(scratch: Path, stage: str) -> Iterator[Path]:
    """Give an empty folder, removed afterwards; first removes those whose workers have died.

    A worker holds a lock on each of its folders, and the system drops it when the worker ends, however it ends.

    Parameters
    ----------
    scratch : Path
        Shared by all workers of this machine.
    """
    for left in scratch.glob(f"{stage}-*"):
        _remove_if_left(left)
    folder, lock = _locked_folder(scratch, stage)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(scratch: Path, stage: str) -> tuple[Path, int]:
    """Make a folder and lock it; a sweep of another worker may come in between."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=scratch, prefix=f"{stage}-"))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
