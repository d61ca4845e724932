"""Writes what a batch does into SQLite: tables, indexes, and only what has changed of each."""

import sqlite3
from collections import Counter
from collections.abc import Mapping

import msgspec

from dashboard.library_core import Core, Entry, entry_of, is_listed, row_of
from dashboard.library_forgetting import forgetful, forgotten_before_ms
from dashboard.library_store import Part, Thing, Writes
from dashboard.rows import VideoRow

SCHEMA_SQL = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offsets (
    topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cores (
    vid INTEGER PRIMARY KEY, video_id TEXT NOT NULL UNIQUE, core BLOB NOT NULL, row BLOB, entry BLOB);
CREATE TABLE IF NOT EXISTS videos (
    vid INTEGER PRIMARY KEY, video_id TEXT NOT NULL, changed REAL NOT NULL, submitted REAL NOT NULL,
    uploaded REAL NOT NULL, duration REAL NOT NULL, title TEXT NOT NULL, channel TEXT NOT NULL, words TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_changed ON videos (changed, video_id);
CREATE INDEX IF NOT EXISTS by_submitted ON videos (submitted, video_id);
CREATE INDEX IF NOT EXISTS by_uploaded ON videos (uploaded, video_id);
CREATE INDEX IF NOT EXISTS by_duration ON videos (duration, video_id);
CREATE INDEX IF NOT EXISTS by_title ON videos (title, video_id);
CREATE INDEX IF NOT EXISTS by_channel ON videos (channel, video_id);
CREATE TABLE IF NOT EXISTS predicted (
    target TEXT, vid INTEGER, video_id TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (target, vid)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_value ON predicted (target, value, video_id);
CREATE TABLE IF NOT EXISTS tags (kind TEXT, value TEXT, vid INTEGER, PRIMARY KEY (kind, value, vid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts (
    kind TEXT, value TEXT, videos INTEGER NOT NULL, PRIMARY KEY (kind, value)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_count ON counts (kind, videos, value);
CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5 (
    words, content = '', detail = none, prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 0');
CREATE TABLE IF NOT EXISTS parts (
    video_id TEXT, name TEXT, at_ms INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (video_id, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS things (
    kind TEXT NOT NULL, key TEXT NOT NULL, grp TEXT NOT NULL, at REAL NOT NULL, at_ms INTEGER NOT NULL,
    value BLOB NOT NULL, UNIQUE (kind, key));
CREATE INDEX IF NOT EXISTS things_by_age ON things (kind, at, key);
CREATE INDEX IF NOT EXISTS things_by_group ON things (kind, grp, at, key);
"""

CORES = msgspec.msgpack.Decoder(Core)
ROWS = msgspec.msgpack.Decoder(VideoRow)
ENTRIES = msgspec.msgpack.Decoder(Entry)
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")

COLUMNS = ("changed", "submitted", "uploaded", "duration", "title", "channel", "words")
"""Of the table of videos, after its two keys."""

_ASKED_AT_ONCE = 500


def read_notes(connection: sqlite3.Connection) -> dict[str, str]:
    """All notes."""
    return dict(connection.execute("SELECT name, value FROM meta"))


def write(connection: sqlite3.Connection, writes: Writes) -> None:
    """Write a batch into the transaction that is open."""
    connection.executemany("DELETE FROM parts WHERE video_id = ? AND at_ms <= ?", list(writes.erased.items()))
    _write_parts(connection, writes.parts)
    _write_cores(connection, writes.cores)
    _write_things(connection, writes.things)
    places = [(*place, offset) for place, offset in writes.offsets.items()]
    connection.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)", places)
    _write_notes(connection, writes)


def _write_parts(connection: sqlite3.Connection, parts: Mapping[tuple[str, str], Part | None]) -> None:
    gone = [name for name, part in parts.items() if part is None]
    kept = [(*name, part.at_ms, part.value) for name, part in sorted(parts.items()) if part is not None]
    connection.executemany("DELETE FROM parts WHERE video_id = ? AND name = ?", gone)
    connection.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", kept)


def _write_things(connection: sqlite3.Connection, things: Mapping[tuple[str, str], Thing | None]) -> None:
    gone = [name for name, thing in things.items() if thing is None]
    kept = [(*name, t.group, t.at, t.at_ms, t.value) for name, t in things.items() if t is not None]
    connection.executemany("DELETE FROM things WHERE kind = ? AND key = ?", gone)
    connection.executemany(
        "INSERT OR REPLACE INTO things (kind, key, grp, at, at_ms, value) VALUES (?, ?, ?, ?, ?, ?)", kept
    )


def _write_cores(connection: sqlite3.Connection, cores: Mapping[str, Core]) -> None:
    known = _known(connection, list(cores))
    counts: Counter[tuple[str, str]] = Counter()
    for video_id, core in cores.items():
        vid, old = known.get(video_id, (None, None))
        row = row_of(core) if is_listed(core) else None
        entry = entry_of(row) if row else None
        if not core.items:
            connection.execute("DELETE FROM cores WHERE vid = ?", (vid,))
        elif vid is None:
            sql = "INSERT INTO cores (core, row, entry, video_id) VALUES (?, ?, ?, ?)"
            vid = connection.execute(sql, (_ENCODER.encode(core), _encoded(row), _encoded(entry), video_id)).lastrowid
        else:
            sql = "UPDATE cores SET core = ?, row = ?, entry = ? WHERE vid = ?"
            connection.execute(sql, (_ENCODER.encode(core), _encoded(row), _encoded(entry), vid))
        if vid is not None and entry != old:
            _write_entry(connection, (vid, video_id), old=old, new=entry)
            counts.update(entry.tags if entry else ())
            counts.subtract(old.tags if old else ())
    _write_counts(connection, counts)


def _known(connection: sqlite3.Connection, video_ids: list[str]) -> dict[str, tuple[int, Entry | None]]:
    known: dict[str, tuple[int, Entry | None]] = {}
    for begin in range(0, len(video_ids), _ASKED_AT_ONCE):
        some = video_ids[begin : begin + _ASKED_AT_ONCE]
        marks = ",".join("?" * len(some))
        sql = f"SELECT video_id, vid, entry FROM cores WHERE video_id IN ({marks})"  # noqa: S608  # marks only
        for video_id, vid, entry in connection.execute(sql, some):
            known[video_id] = (vid, None if entry is None else ENTRIES.decode(entry))
    return known


def _encoded(made: Entry | VideoRow | None) -> bytes | None:
    return None if made is None else _ENCODER.encode(made)


def _write_entry(
    connection: sqlite3.Connection, video: tuple[int, str], *, old: Entry | None, new: Entry | None
) -> None:
    vid, video_id = video
    _write_place(connection, video, old=old, new=new)
    tags, tags_before = set(new.tags if new else ()), set(old.tags if old else ())
    connection.executemany(
        "DELETE FROM tags WHERE kind = ? AND value = ? AND vid = ?", [(*tag, vid) for tag in tags_before - tags]
    )
    connection.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(*tag, vid) for tag in tags - tags_before])
    values, before = new.values if new else {}, old.values if old else {}
    gone = [(target, vid) for target in before if target not in values]
    connection.executemany("DELETE FROM predicted WHERE target = ? AND vid = ?", gone)
    other = [(target, vid, video_id, v) for target, v in values.items() if before.get(target) != v]
    connection.executemany("INSERT OR REPLACE INTO predicted VALUES (?, ?, ?, ?)", other)


def _write_place(
    connection: sqlite3.Connection, video: tuple[int, str], *, old: Entry | None, new: Entry | None
) -> None:
    """The row of sorted columns, and the words of the search, which must be told what they were."""
    words, before = " ".join(new.words) if new else "", " ".join(old.words) if old else ""
    if new is None:
        connection.execute("DELETE FROM videos WHERE vid = ?", (video[0],))
    elif old is None:
        place = (new.changed, new.submitted, new.uploaded, new.duration, new.title, new.channel, words)
        connection.execute("INSERT INTO videos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*video, *place))
    else:
        _move(connection, video[0], old=old, new=new)
    if words != before:
        if before:
            sql = "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)"
            connection.execute(sql, (video[0], before))
        if words:
            connection.execute("INSERT INTO search (rowid, words) VALUES (?, ?)", (video[0], words))


def _move(connection: sqlite3.Connection, vid: int, *, old: Entry, new: Entry) -> None:
    """Name only the columns that changed: an index that is not named is not touched."""
    changed = [name for name in COLUMNS if getattr(old, name) != getattr(new, name)]
    if not changed:
        return
    values = [" ".join(new.words) if name == "words" else getattr(new, name) for name in changed]
    sets = ", ".join(f"{name} = ?" for name in changed)
    connection.execute(f"UPDATE videos SET {sets} WHERE vid = ?", (*values, vid))  # noqa: S608  # our own columns


def _write_counts(connection: sqlite3.Connection, counts: Mapping[tuple[str, str], int]) -> None:
    changed = [(*tag, by) for tag, by in counts.items() if by]
    sql = (
        "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (kind, value) DO UPDATE SET videos = videos + excluded.videos"
    )
    connection.executemany(sql, changed)
    connection.executemany(
        "DELETE FROM counts WHERE kind = ? AND value = ? AND videos <= 0", [tag for tag, by in counts.items() if by < 0]
    )


def _write_notes(connection: sqlite3.Connection, writes: Writes) -> None:
    """How many records could not be read, and the time of the newest one: what Kafka forgets is forgotten here."""
    notes = read_notes(connection)
    newest_ms = max(writes.newest_ms, int(notes.get("newest_ms", "0")))
    unreadable = writes.unreadable + int(notes.get("unreadable", "0"))
    values = [("newest_ms", str(newest_ms)), ("unreadable", str(unreadable))]
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values)
    for kind in forgetful(writes, int(notes.get("newest_ms", "0")), newest_ms):
        before_ms = forgotten_before_ms(kind, newest_ms)
        connection.execute("DELETE FROM things WHERE kind = ? AND at_ms < ?", (kind, before_ms))
