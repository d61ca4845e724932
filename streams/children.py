"""Child processes that never outlive us, whatever kills us."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from functools import cache, partial

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int | None = None) -> None:
    """Ask the kernel to kill this process when its parent dies. Call it in the child, first of all.

    On Linux the signal comes when the parent *thread* that started the child ends: start such
    children from a thread that lives as long as they should. macOS has no such call; there this
    does nothing, and a child that must go has to watch ``os.getppid()`` itself.

    Parameters
    ----------
    parent_pid : int, optional
        Who the parent was before the fork; a child that is already an orphan ends at once.

    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    _bind_to_parent(_prctl(), parent_pid)


def dying_with_parent() -> Callable[[], None]:
    """Make a ``preexec_fn`` for `subprocess.Popen` that does what `die_with_parent` does.

    All that could wait for a lock (imports, ctypes) is done here, before the fork.
    """
    return partial(_bind_to_parent, _prctl(), os.getpid())


def _bind_to_parent(prctl: Callable[..., int] | None, parent_pid: int | None) -> None:
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def _prctl() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc: Callable[..., int] = ctypes.CDLL(None).prctl
    return libc
