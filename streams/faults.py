"""Points at which a test can kill a worker with SIGKILL, as if the machine had died there."""

import os
import signal

VARIABLE = "GROUNDSWELL_FAULT"
"""``point:n`` kills at the n-th passing of a point, ``point:n:DIR`` only the first time for that folder."""

_passed: dict[str, int] = {}


def point(name: str) -> None:
    """Die here when a test asked for it; does nothing otherwise."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    wanted_name, count, *once = wanted.split(":", 2)
    if wanted_name != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] == int(count) and _first_time(name, once):
        os.kill(os.getpid(), signal.SIGKILL)


def _first_time(name: str, folder: list[str]) -> bool:
    if not folder:
        return True
    try:
        os.close(os.open(f"{folder[0]}/{name}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
