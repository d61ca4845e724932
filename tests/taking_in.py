"""A process of its own that takes a tape into a library, to be killed in the middle: ``taking_in.py TAPE BATCH``.

Each line on standard input lets it take one batch more.
"""

import pickle
import sys
from pathlib import Path

from dashboard.library import open_library
from streams.settings import load


def main() -> None:
    """Take the tape in from where the library is."""
    records = pickle.loads(Path(sys.argv[1]).read_bytes())
    library = open_library(load())
    offsets = library.offsets()
    wanted = [r for r in records if r.offset >= offsets.get((r.topic, r.partition), 0)]
    size = int(sys.argv[2])
    for begin, _go in zip(range(0, len(wanted), size), sys.stdin, strict=False):
        library.take(wanted[begin : begin + size])
        print("taken", flush=True)


if __name__ == "__main__":
    main()
