"""The library as one SQLite file in WAL mode: one writer, any number of readers."""

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from dashboard import library_sqlite_lists as lists
from dashboard.library_core import Core
from dashboard.library_lines import lines_of
from dashboard.library_sqlite_writing import CORES, ROWS, SCHEMA_SQL, read_notes, write
from dashboard.library_store import Listed, Replaced, Thing, View, Writes
from dashboard.rows import Facets, VideoQuery, VideoRow
from schemas.errors import StorageUnavailable
from streams.kafka.admin import Place

Row: TypeAlias = tuple[Any, ...]
"""What SQLite's columns hold, the type checker cannot know."""

_BUSY_S = 30.0
_MAPPED_BYTES = 2**28
_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON", f"mmap_size = {_MAPPED_BYTES}")
_ASKED_AT_ONCE = 500


class NotADatabase(StorageUnavailable):
    """The file is broken; it is made anew from the topics."""


class SqliteFile:
    """A store in one file.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    is_current : callable
        Whether this file is still the one to write to; asked inside each transaction.
    in_haste : bool
        Wait for no disk: a file that nobody reads yet is thrown away when the machine stops.
    """

    def __init__(self, path: Path, is_current: Callable[[], bool] = lambda: True, *, in_haste: bool = False) -> None:
        self.path = path
        self.is_current = is_current
        self._in_haste = in_haste
        self._has_remains = False
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with speaking():
            self._writer = self._connect()
            if in_haste:
                self._writer.execute("PRAGMA synchronous = OFF")
            self._writer.executescript(SCHEMA_SQL)

    @property
    def name(self) -> str:
        """Of the file in its folder."""
        return self.path.name

    def commit(self, fold: Callable[[View], Writes]) -> Writes:
        """Run a fold and write what it says in one transaction.

        Raises
        ------
        Replaced
            Another library has taken this one's place; nothing was written.
        StorageUnavailable
            The disk is full, or somebody holds the file for long.
        """
        with self._lock, speaking():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                if not self.is_current():
                    raise Replaced(str(self.path))
                writes = fold(_Inside(self._writer))
                write(self._writer, writes)
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")
            self._has_remains |= writes.removes
            if self._has_remains and not self._in_haste:
                self._clear_remains(of_videos=bool(writes.erased))
        return writes

    def _clear_remains(self, *, of_videos: bool) -> None:
        """Have what was removed stand nowhere in the files: not among the words of searches, and not in the log of old pages.

        A reader that takes long keeps old pages alive; then the next commit tries again.
        """
        if of_videos:
            self._writer.execute("INSERT INTO search (search) VALUES ('optimize')")
        is_busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._has_remains = bool(is_busy)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all writers out for a block, those of other processes too."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                self._writer.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read inside the block is of one moment."""
        with speaking():
            connection = self._reader
            if connection.in_transaction:
                yield
                return
            connection.execute("BEGIN")
            try:
                yield
            finally:
                connection.execute("COMMIT")

    def meta(self, name: str) -> str:
        """A note; empty when there is none."""
        return read_notes(self._reader).get(name, "")

    def note(self, values: Mapping[str, str]) -> None:
        """Write notes down."""
        with self._lock:
            self._writer.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def offsets(self) -> dict[Place, int]:
        """The next offset wanted of each place."""
        return _Inside(self._reader).offsets()

    def cores(self, video_ids: Collection[str]) -> dict[str, Core]:
        """Those that are known."""
        return _Inside(self._reader).cores(video_ids)

    def things(self, kind: str, keys: Collection[str]) -> dict[str, Thing]:
        """Those that are known."""
        return _Inside(self._reader).things(kind, keys)

    def parts(self, video_id: str, prefix: str = "") -> list[tuple[str, bytes]]:
        """Parts of a video by name."""
        sql = "SELECT name, value FROM parts WHERE video_id = ? AND name >= ? AND name < ? ORDER BY name"
        return self._reader.execute(sql, (video_id, prefix, prefix + "\U0010ffff")).fetchall()

    def rows(self, video_ids: Collection[str]) -> dict[str, VideoRow]:
        """Rows of those that are listed."""
        found = _Inside(self._reader).asked("SELECT video_id, row FROM cores WHERE video_id IN", (), video_ids)
        return {video_id: ROWS.decode(row) for video_id, row in found if row is not None}

    def things_by_age(
        self, kind: str, *, group: str = "", before: tuple[float, str] | None = None, limit: int
    ) -> list[tuple[str, Thing]]:
        """Some things of a kind and a group, the greatest `at` first."""
        where, values = lists.of_things(kind, group)
        if before is not None:
            where, values = f"{where} AND (at, key) < (?, ?)", [*values, *before]
        sql = f"SELECT key, grp, at, value, at_ms FROM things WHERE {where} ORDER BY at DESC, key DESC LIMIT ?"  # noqa: S608
        return [(key, Thing(*thing)) for key, *thing in self._reader.execute(sql, (*values, limit))]

    def count(self, kind: str, group: str = "") -> int:
        """How many things there are of a kind and a group."""
        where, values = lists.of_things(kind, group)
        return int(self._reader.execute(f"SELECT count(*) FROM things WHERE {where}", values).fetchone()[0])  # noqa: S608

    def named(self, kind: str, text: str, prefix: str) -> list[tuple[float, str]]:
        """Those of a kind whose group holds a text or whose key begins with a prefix."""
        sql = "SELECT at, key FROM things WHERE kind = ? AND ((? != '' AND instr(grp, ?)) OR substr(key, 1, ?) = ?)"
        return self._reader.execute(sql, (kind, text, text, len(prefix), prefix)).fetchall()

    def tagged(self, kind: str, value: str, *, limit: int) -> list[str]:
        """Videos with a tag, those that changed last first."""
        return lists.tagged(self._reader, kind, value, limit=limit)

    def tagged_each(self, kind: str, values: Collection[str], *, limit: int) -> dict[str, list[str]]:
        """Videos with each of several tags; of more than `limit` those that changed last."""
        return {value: self.tagged(kind, value, limit=limit) for value in values}

    def listed(self, query: VideoQuery, after: tuple[str | float, str] | None) -> Listed:
        """One more video than the query wants, after a place in the list."""
        return lists.listed(self._reader, query, after)

    def facets(self) -> Facets:
        """Counted tags; people without names."""
        return lists.facets(self._reader)

    def video_ids(self, after: str, limit: int) -> list[str]:
        """Some videos by id, those without a row included."""
        sql = "SELECT video_id FROM cores WHERE video_id > ? ORDER BY video_id LIMIT ?"
        return [row[0] for row in self._reader.execute(sql, (after, limit))]

    def dump(self) -> Iterator[str]:
        """Everything that is kept, a line each."""
        return lines_of(lists.everything(self._reader))

    def close(self) -> None:
        """Close all connections."""
        for connection in self._all:
            connection.close()

    @property
    def _reader(self) -> sqlite3.Connection:
        """This thread's own connection."""
        found = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = self._connect()
        return found

    def _connect(self) -> sqlite3.Connection:
        """Open the file; only the first connection may make it, so that one that was taken away stays away."""
        mode = "rw" if self._all else "rwc"
        address = f"{self.path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        self._all.append(connection)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection


@contextmanager
def speaking() -> Iterator[None]:
    """Tell errors of SQLite as ours.

    Raises
    ------
    NotADatabase
        What lies in the file is none.
    StorageUnavailable
        The file cannot be read or written now.
    """
    try:
        yield
    except sqlite3.Error as error:
        if type(error) is sqlite3.DatabaseError:  # its subclasses say other things
            raise NotADatabase(
                f"the library's file is broken: {error}; `groundswell library rebuild` makes another"
            ) from error
        raise StorageUnavailable(f"the library's file cannot be read or written: {error}") from error


class _Inside:
    """What a fold sees of the transaction it runs in."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def offsets(self) -> dict[Place, int]:
        found = self._connection.execute("SELECT topic, partition, next FROM offsets")
        return {(topic, partition): offset for topic, partition, offset in found}

    def cores(self, video_ids: Collection[str]) -> dict[str, Core]:
        found = self.asked("SELECT video_id, core FROM cores WHERE video_id IN", (), video_ids)
        return {video_id: CORES.decode(core) for video_id, core in found}

    def things(self, kind: str, keys: Collection[str]) -> dict[str, Thing]:
        sql = "SELECT key, grp, at, value, at_ms FROM things WHERE kind = ? AND key IN"
        return {key: Thing(*thing) for key, *thing in self.asked(sql, (kind,), keys)}

    def asked(self, sql: str, values: Sequence[str], keys: Collection[str]) -> Iterator[Row]:
        """Ask for many keys, some hundred at a time: SQLite takes no more."""
        wanted = list(keys)
        for begin in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[begin : begin + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            yield from self._connection.execute(f"{sql} ({marks})", (*values, *some))
