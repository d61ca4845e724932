"""Asks SQLite for lists of videos: every sort walks an index, and every filter is a tag with an index.

Two ways lead to a page. Where some filter leaves few videos, these are looked at and sorted. Where all leave many,
the index of the sort is walked from the cursor on until the page is full. The larger limit of the first way
keeps the second one short: a filter that is not narrow is met every few steps.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from dashboard.library_core import Entry, facets_of, tags_wanted, words_of
from dashboard.library_lines import Everything
from dashboard.library_sqlite_writing import COLUMNS, CORES
from dashboard.library_store import MOST_COUNTED, MOST_FACETS, Listed, Part, Thing
from dashboard.rows import Facet, Facets, VideoQuery

NARROW = 20_000
"""A filter that leaves fewer videos is looked at whole; measured by benchmarks/library.py."""

Value = str | float | int


@dataclass(frozen=True)
class _Filter:
    """A condition on the video `v`, how many it leaves, and where its videos are found by themselves.

    `needs_video`: the condition asks more of `v` than its number.
    """

    videos: int
    source: str
    source_values: tuple[Value, ...]
    test: str
    test_values: tuple[Value, ...]
    needs_video: bool = False


@dataclass
class _Query:
    text: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    def add(self, text: str, values: Iterable[Value] = ()) -> None:
        self.text.append(text)
        self.values += values


def of_things(kind: str, group: str) -> tuple[str, list[Value]]:
    """The condition on things of a kind and, where one is named, a group."""
    return ("kind = ? AND grp = ?", [kind, group]) if group else ("kind = ?", [kind])


def tagged(connection: sqlite3.Connection, kind: str, value: str, *, limit: int) -> list[str]:
    """Videos with a tag, those that changed last first."""
    sql = (
        "SELECT v.video_id FROM tags t CROSS JOIN videos v ON v.vid = t.vid WHERE t.kind = ? AND t.value = ? "
        "ORDER BY v.changed DESC, v.video_id DESC LIMIT ?"
    )
    return [row[0] for row in connection.execute(sql, (kind, value, limit))]


def listed(connection: sqlite3.Connection, query: VideoQuery, after: tuple[str | float, str] | None) -> Listed:
    """One more video than the query wants, after a place in the list."""
    filters = sorted(_filters(connection, query), key=lambda one: one.videos)
    if any(one.videos == 0 for one in filters):
        return Listed(keys=[], total=0)
    wanted = _page(query, filters, after)
    keys = [(by, video_id) for by, video_id in connection.execute(" ".join(wanted.text), wanted.values)]
    return Listed(keys=keys, total=_total(connection, query, filters))


def facets(connection: sqlite3.Connection) -> Facets:
    """Counted tags; people without names."""
    sql = "SELECT value, videos FROM counts WHERE kind = ? ORDER BY videos DESC, value LIMIT ?"

    def counted(kind: str) -> tuple[Facet, ...]:
        found = connection.execute(sql, (kind, MOST_FACETS))
        return tuple(Facet(value=value, videos=videos) for value, videos in found)

    return facets_of(counted)


def _filters(connection: sqlite3.Connection, query: VideoQuery) -> Iterator[_Filter]:
    for kind, value in tags_wanted(query):
        yield _tag(connection, kind, value)
    words = words_of(query.text)
    if words:
        yield _text(connection, words)
    elif query.text.strip():
        yield _Filter(0, "", (), "", ())


def _tag(connection: sqlite3.Connection, kind: str, value: str) -> _Filter:
    found = connection.execute("SELECT videos FROM counts WHERE kind = ? AND value = ?", (kind, value)).fetchone()
    return _Filter(
        found[0] if found else 0,
        "SELECT vid FROM tags WHERE kind = ? AND value = ?",
        (kind, value),
        "EXISTS (SELECT 1 FROM tags t WHERE t.kind = ? AND t.value = ? AND t.vid = v.vid)",
        (kind, value),
    )


def _text(connection: sqlite3.Connection, words: Sequence[str]) -> _Filter:
    """Words or their beginnings, found by the search index or, one video at a time, in its words."""
    asked = " AND ".join(f'"{word}"*' for word in words)
    source = "SELECT rowid AS vid FROM search WHERE search MATCH ?"
    count = f"SELECT count(*) FROM ({source} LIMIT ?)"  # noqa: S608  # our own words
    videos = connection.execute(count, (asked, NARROW)).fetchone()[0]
    tests = " AND ".join("instr(' ' || v.words, ?)" for _ in words)
    return _Filter(videos, source, (asked,), tests, tuple(f" {word}" for word in words), needs_video=True)


def _page(query: VideoQuery, filters: Sequence[_Filter], after: tuple[str | float, str] | None) -> _Query:
    is_value = query.sort == "value"
    by, key = ("p.value", "p.video_id") if is_value else (f"v.{query.sort}", "v.video_id")
    page, first = _Query(), filters[0] if filters and filters[0].videos < NARROW else None
    page.add(f"SELECT {by}, {key} FROM")
    _add_tables(page, query, first)
    page.add("WHERE 1")
    for one in filters:
        if one is not first:
            page.add(f"AND {one.test}", one.test_values)
    _add_span(page, query)
    if after is not None:
        page.add(f"AND ({by}, {key}) {'<' if query.descending else '>'} (?, ?)", after)
    order = "DESC" if query.descending else "ASC"
    page.add(f"ORDER BY {by} {order}, {key} {order} LIMIT ?", (query.limit + 1,))
    return page


def _add_tables(page: _Query, query: VideoQuery, first: _Filter | None) -> None:
    """CROSS JOIN: SQLite is to take the tables in this order, because we know which is the small one."""
    if first is not None:
        page.add(f"({first.source}) f CROSS JOIN videos v ON v.vid = f.vid", first.source_values)
        if query.sort == "value":
            page.add("CROSS JOIN predicted p ON p.target = ? AND p.vid = v.vid", (query.target,))
    elif query.sort == "value":
        page.add(
            "predicted p INDEXED BY by_value CROSS JOIN videos v ON v.vid = p.vid AND p.target = ?", (query.target,)
        )
    else:
        page.add(f"videos v INDEXED BY by_{query.sort}")


def _add_span(page: _Query, query: VideoQuery) -> None:
    """The unary plus keeps SQLite from taking the index of this column for the order."""
    column = "v.submitted" if query.sort == "submitted" else "+v.submitted"
    if query.since_s is not None:
        page.add(f"AND {column} >= ?", (query.since_s,))
    if query.until_s is not None:
        page.add(f"AND {column} <= ?", (query.until_s,))


def _total(connection: sqlite3.Connection, query: VideoQuery, filters: Sequence[_Filter]) -> int:
    """Exact for no filter and for one tag; several together are counted up to `MOST_COUNTED`."""
    is_spanned = query.since_s is not None or query.until_s is not None
    if not is_spanned and not filters:
        return int(connection.execute("SELECT count(*) FROM videos").fetchone()[0])
    if not is_spanned and len(filters) == 1 and not query.text.strip():
        return filters[0].videos
    counted = _Query()
    counted.add("SELECT count(*) FROM (SELECT 1 FROM")
    if not filters:
        counted.add("videos v")
    elif is_spanned or any(one.needs_video for one in filters[1:]):
        counted.add(f"({filters[0].source}) f CROSS JOIN videos v ON v.vid = f.vid", filters[0].source_values)
    else:
        counted.add(f"({filters[0].source}) v", filters[0].source_values)
    counted.add("WHERE 1")
    for one in filters[1:]:
        counted.add(f"AND {one.test}", one.test_values)
    _add_span(counted, msgspec.structs.replace(query, sort="submitted"))
    counted.add("LIMIT ?)", (MOST_COUNTED,))
    return int(connection.execute(" ".join(counted.text), counted.values).fetchone()[0])


def everything(connection: sqlite3.Connection) -> Everything:
    """All that is kept, read as it goes."""
    places = connection.execute("SELECT topic, partition, next FROM offsets ORDER BY topic, partition")
    cores = connection.execute("SELECT video_id, core FROM cores ORDER BY video_id")
    parts = connection.execute("SELECT video_id, name, at_ms, value FROM parts ORDER BY video_id, name")
    things = connection.execute("SELECT kind, key, grp, at, value, at_ms FROM things ORDER BY kind, key")
    counts = connection.execute("SELECT kind, value, videos FROM counts ORDER BY kind, value")
    return Everything(
        offsets=(((topic, partition), offset) for topic, partition, offset in places),
        cores=((video_id, CORES.decode(core)) for video_id, core in cores),
        entries=_entries(connection),
        parts=(((video_id, name), Part(at_ms, value)) for video_id, name, at_ms, value in parts),
        things=(((kind, key), Thing(*thing)) for kind, key, *thing in things),
        counts=(((kind, value), videos) for kind, value, videos in counts),
    )


def _entries(connection: sqlite3.Connection) -> Iterator[tuple[str, Entry]]:
    """What each video is found by, from the tables of the lists and not from what was to be written there."""
    tags, values = defaultdict[int, list[tuple[str, str]]](list), defaultdict[int, dict[str, float]](dict)
    for vid, kind, value in connection.execute("SELECT vid, kind, value FROM tags ORDER BY kind, value"):
        tags[vid].append((kind, value))
    for vid, target, predicted in connection.execute("SELECT vid, target, value FROM predicted"):
        values[vid][target] = predicted
    for vid, video_id, *place in connection.execute("SELECT * FROM videos ORDER BY video_id"):
        found = dict(zip(COLUMNS, place, strict=True))
        words = tuple(found.pop("words").split())
        yield video_id, Entry(**found, words=words, tags=tuple(tags[vid]), values=values[vid])
