"""The process of one job: runs a command and leaves behind how it ended; ``python -m dashboard.job_child FOLDER WORD...``.

It belongs to no dashboard: one that is restarted finds the folder, and the lock that this process holds in it.
"""

import os
import sys
import time
import traceback
from pathlib import Path

import msgspec

from streams.whole_files import write_whole

ENDED = "ended.json"
NICENESS = 10
"""Live work comes first."""


class Ended(msgspec.Struct, frozen=True):
    """How a job's process ended, and when (s since the epoch)."""

    code: int
    at_s: float


def run(folder: Path, words: list[str]) -> int:
    """Run a command as the command line would, and write down its exit status."""
    code = 1
    try:
        code = _status(words)
    finally:
        write_whole(folder / ENDED, msgspec.json.encode(Ended(code, time.time())))
    return code


def _status(words: list[str]) -> int:
    from dashboard.commands.main import main

    sys.argv = ["groundswell", "--progress", "json", *words]
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    os.nice(NICENESS)
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
