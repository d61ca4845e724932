"""Keeps the library up to date: a thread that reads the topics on from where the library is."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import msgspec

from dashboard.library_answers import StoredLibrary
from dashboard.library_fold import TOPICS, changes_of
from dashboard.library_store import Replaced, Store
from dashboard.rows import Change
from schemas.errors import GroundswellError
from streams.kafka.admin import Place, offset_ranges, partition_counts, topic_ids
from streams.kafka.bulk import Record, follow
from streams.settings import Settings

log = logging.getLogger(__name__)

MOST_RECORDS = 2000
MOST_BYTES = 32 * 2**20
LONGEST_WAIT_S = 0.2
"""A batch is taken in at the latest so long after its first record came."""

MEASURE_S = 5.0
COMPARE_S = 60.0
"""How often is asked how far the topics reach, and whether they are still the same ones."""

_AGAIN_S = (0.5, 1.0, 2.0, 5.0)
_STOP_LIMIT_S = 5.0
SOURCE = "source"
"""The note that says which topics the library is made of."""

Ids = dict[str, str]


class Follower:
    """Follows the topics until it is stopped; a broker that is away is waited for.

    Parameters
    ----------
    on_changes : callable
        Hears in the follower's thread what records have changed, also where another dashboard took them in first.
    """

    def __init__(
        self,
        settings: Settings,
        bootstrap: str,
        library: StoredLibrary,
        on_changes: Callable[[list[Change]], None] = lambda changes: None,
    ) -> None:
        self._settings, self._bootstrap, self._library = settings, bootstrap, library
        self._on_changes = on_changes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="library-follower", daemon=True)
        self._ends: dict[Place, int] = {}
        self._at: dict[Place, int] = {}
        self._measured_at_s = self._compared_at_s = -math.inf
        self.problem = ""
        """Why it does not get on, in words; empty while it does."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Take in what was read, and end; a few seconds at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_LIMIT_S)

    @property
    def lag(self) -> int | None:
        """How many records wait to be taken in, as of a few seconds ago; None while nobody knows."""
        if not self._ends:
            return None
        return sum(max(0, end - self._at.get(place, 0)) for place, end in self._ends.items())

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._follow()
                failures = 0
            except (Replaced, _Restart):
                continue
            except GroundswellError as error:
                self._complain(str(error))
            except Exception:  # the thread must not end: pages would show an old world and not say so
                log.exception("the library cannot take in what came; it is tried again")
                self.problem = "the library cannot take in what came; see the dashboard's log"
            self._stopping.wait(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
            failures += 1

    def _complain(self, message: str) -> None:
        if message != self.problem:
            log.warning("the library waits: %s", message)
        self.problem = message

    def _follow(self) -> None:
        """Follow until something breaks, the topics are others, or somebody stops it."""
        check_source(self._settings, self._bootstrap, self._library)
        store = self._library.store
        self._at = store.offsets()
        self._compared_at_s = time.monotonic()
        self._measure()
        with closing(follow(self._settings, self._bootstrap, TOPICS, start=self._at, idle_s=LONGEST_WAIT_S)) as records:
            for batch in batches(records):
                if batch:
                    self._take(store, batch)
                self.problem = ""
                if self._stopping.is_set():
                    return
                self._measure()

    def _take(self, store: Store, batch: Sequence[Record]) -> None:
        self._library.take_into(store, batch)
        for record in batch:
            self._at[record.topic, record.partition] = record.offset + 1
        try:
            self._on_changes(changes_of(batch))
        except Exception:
            log.exception("what heard of changes broke; the library itself is up to date")

    def _measure(self) -> None:
        """Ask now and then how far the topics reach; records that a topic has lost are not waited for."""
        if time.monotonic() - self._measured_at_s < MEASURE_S:
            return
        if time.monotonic() - self._compared_at_s > COMPARE_S:
            self._compared_at_s = time.monotonic()
            _, why = _compared(self._settings, self._bootstrap, self._library.store)
            if why:
                raise _Restart(why)
        ranges = ranges_of(self._settings, self._bootstrap)
        for place, (first, _end) in ranges.items():
            self._at[place] = max(first, self._at.get(place, 0))
        self._ends = {place: end for place, (_first, end) in ranges.items()}
        self._measured_at_s = time.monotonic()


class _Restart(GroundswellError):
    """The topics were made anew."""


def batches(records: Iterator[Record | None]) -> Iterator[list[Record]]:
    """Put records together until there are many, or none came, or the first has waited; empty ones while nothing comes."""
    batch: list[Record] = []
    size_bytes, began_s = 0, 0.0
    for record in records:
        if record is not None:
            began_s = began_s if batch else time.monotonic()
            batch.append(record)
            size_bytes += len(record.value or b"")
        is_full = len(batch) >= MOST_RECORDS or size_bytes >= MOST_BYTES
        if record is None or is_full or time.monotonic() - began_s >= LONGEST_WAIT_S:
            yield batch
            batch, size_bytes = [], 0


def ranges_of(settings: Settings, bootstrap: str) -> dict[Place, tuple[int, int]]:
    """The first offset and the one after the last of every place that the library reads.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    counts = partition_counts(settings, bootstrap)
    return offset_ranges(settings, bootstrap, [(name, p) for name in TOPICS for p in range(counts.get(name, 0))])


def check_source(settings: Settings, bootstrap: str, library: StoredLibrary) -> None:
    """See that the topics are those the library was made of; one of other topics is begun anew.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    store = library.store
    ids, why = _compared(settings, bootstrap, store)
    noted = _noted(store)
    if why:
        log.warning("%s: the library is built anew", why)
        library.stores.begin_anew()
        store, noted = library.store, {}
    if noted != {**noted, **ids}:
        store.note({SOURCE: msgspec.json.encode({**noted, **ids}, order="deterministic").decode()})


def _compared(settings: Settings, bootstrap: str, store: Store) -> tuple[Ids, str]:
    """The ids of the topics, and in words what shows that the library is of others; offsets are asked first."""
    offsets = store.offsets()
    noted, ids = _noted(store), topic_ids(settings, bootstrap, TOPICS)
    others = sorted(name for name, known in noted.items() if ids.get(name, known) != known)
    if others:
        return ids, f"the topics {', '.join(others)} were made anew"
    ranges = ranges_of(settings, bootstrap)
    beyond = sorted({place[0] for place, (_, end) in ranges.items() if offsets.get(place, 0) > end})
    return ids, f"the topics {', '.join(beyond)} have lost records that were read" if beyond else ""


def _noted(store: Store) -> Ids:
    return msgspec.json.decode(store.meta(SOURCE) or "{}", type=Ids)
