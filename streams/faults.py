"""Points at which a test can kill a worker or put it to sleep, as if the machine had died or stalled there."""

import os
import signal

VARIABLE = "GROUNDSWELL_FAULT"
"""``point:n:DIR`` sends SIGKILL at the n-th passing of a point, once for that folder; ``stop@point:n:DIR`` SIGSTOP."""

_passed: dict[str, int] = {}


def point(name: str) -> None:
    """Die or sleep here when a test asked for it; does nothing otherwise."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    what, count, folder = wanted.split(":", 2)
    sign, _, wanted_name = what.rpartition("@")
    if wanted_name != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] == int(count) and _first_time(name, folder):
        os.kill(os.getpid(), signal.SIGSTOP if sign == "stop" else signal.SIGKILL)


def _first_time(name: str, folder: str) -> bool:
    try:
        os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
