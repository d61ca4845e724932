"""Builds the library anew from the topics, beside the one that is read, and puts it in its place in one step."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from dashboard.library_answers import StoredLibrary
from dashboard.library_fold import TOPICS, fold
from dashboard.library_follow import SOURCE, check_source, ranges_of
from dashboard.library_store import GONE, Replaced, Store
from schemas.errors import StorageUnavailable
from streams.kafka.admin import Place
from streams.kafka.bulk import Record, read_to_end
from streams.settings import Settings

BATCH_RECORDS = 5000
BATCH_BYTES = 32 * 2**20
_MOST_ROUNDS = 100

OnProgress = Callable[[int, int], None]
"""Hears how many records are taken in, and of how many."""


def rebuild(
    settings: Settings, bootstrap: str, library: StoredLibrary, on_progress: OnProgress = lambda done, total: None
) -> int:
    """Read all topics into a fresh library and switch to it, also while dashboards read and write the old one.

    Returns
    -------
    int
        Records that were read.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    StorageUnavailable
        The new library was taken away meanwhile, or the topics grow faster than they are read.
    UsageError
        Somebody else rebuilds it now, or a topic does not exist.
    """
    check_source(settings, bootstrap, library)
    with library.stores.rebuilding() as go_on:
        new = library.stores.fresh()
        new.note({SOURCE: library.store.meta(SOURCE)})
        done = 0
        for _ in range(_MOST_ROUNDS):
            for batch in _unread(settings, bootstrap, new.offsets()):
                go_on()
                _take(new, batch)
                done += len(batch)
                on_progress(done, done + _waiting(settings, bootstrap, new))
            if library.stores.switch(new):
                return done
    raise StorageUnavailable("the topics grow faster than they are read; try again when less is going on")


def _take(new: Store, batch: list[Record]) -> None:
    try:
        new.commit(partial(fold, batch))
    except Replaced as error:
        raise StorageUnavailable(GONE) from error


def _unread(settings: Settings, bootstrap: str, start: Mapping[Place, int]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size_bytes = 0
    for record in read_to_end(settings, bootstrap, TOPICS, start=start):
        batch.append(record)
        size_bytes += len(record.value or b"")
        if len(batch) >= BATCH_RECORDS or size_bytes >= BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _waiting(settings: Settings, bootstrap: str, store: Store) -> int:
    return waiting(ranges_of(settings, bootstrap), store.offsets())


def waiting(ranges: Mapping[Place, tuple[int, int]], offsets: Mapping[Place, int]) -> int:
    """How many records lie between some offsets and the ends of the topics."""
    return sum(max(0, end - max(first, offsets.get(place, 0))) for place, (first, end) in ranges.items())
