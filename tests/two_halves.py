"""Runs all tests in two processes: those with real servers and browsers mostly wait, the others mostly compute.

Two real systems at once would starve each other on two cores, so all of them are in one half, one after the other.
For the same reason the computing half gives way. What it printed comes after the other, so that each reads as one run. Arguments go to pytest.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO

REAL = "broker or browser"
NOTHING_SELECTED = 5
"""What pytest exits with when a half has no test among those that were asked for."""


def main(arguments: Sequence[str]) -> int:
    """Run both halves; 0 only when both are green."""
    with tempfile.TemporaryFile() as printed:
        real = _half("real", REAL, arguments, None)
        computing = _half("computing", f"not ({REAL})", arguments, printed, before=("nice", "-n", "10"))
        # An interrupt reaches both halves by itself, and each says what it had done until then.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        codes = [real.wait(), computing.wait()]
        printed.seek(0)
        sys.stdout.buffer.write(printed.read())
        sys.stdout.flush()
    if codes == [NOTHING_SELECTED, NOTHING_SELECTED]:
        return NOTHING_SELECTED
    return max(0 if code == NOTHING_SELECTED else abs(code) for code in codes)


def _half(
    name: str, marked: str, arguments: Sequence[str], output: IO[bytes] | None, *, before: Sequence[str] = ()
) -> "subprocess.Popen[bytes]":
    # Each has a cache of its own: both write down which of their tests failed.
    pytest = [sys.executable, "-m", "pytest", "-m", marked, "-o", f"cache_dir=.pytest_cache/{name}"]
    return subprocess.Popen([*before, *pytest, *arguments], stdout=output, stderr=output and subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
