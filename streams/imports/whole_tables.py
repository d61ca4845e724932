"""A whole table as events in memory: training and judging read files as an import would, without Kafka."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from schemas.event import Event
from streams.imports.columns import COLUMNS, Names, guess, overridden
from streams.imports.importing import Fetched, Imported, RowsToEvents, bring_in
from streams.imports.label_rows import CLASS, KNOWN_COLUMNS, Classes, check_columns
from streams.imports.rows import Reading
from streams.imports.tables import Line, Table, open_table
from streams.imports.video_ids import VideoIds

LOOKED_AT_ROWS = 200
"""Rows from which it is told what a column holds."""


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """What a person says about a table.

    Attributes
    ----------
    mapping : tuple of str
        ``views=plays,views``; see `columns.overridden`.
    platform : str
        Whose ids they are; empty to tell by their look.
    year : int or None
        Of dates that have none.
    observed_at_s : float or None
        When all of it was counted, where no column says; seconds since the epoch, UTC.
    """

    mapping: tuple[str, ...] = ()
    platform: str = ""
    year: int | None = None
    observed_at_s: float | None = None


AS_GUESSED = Corrections()


def names_of(table: Table, first: Iterable[Line], said: Corrections, classes: Classes | None = None) -> Names:
    """Say which columns mean what.

    Raises
    ------
    UsageError
        A correction names what is not there; or labels are wanted, and no column has any.
    """
    rows = [line.cells for line in first]
    if classes is None:
        return overridden(guess(table.headings, rows), said.mapping, table.headings, COLUMNS)
    known = [*KNOWN_COLUMNS, *(f"{CLASS}{one.name}" for one in classes.target.classes)]
    guessed = guess(table.headings, rows, KNOWN_COLUMNS) | classes.columns(table.headings)
    names = overridden(guessed, said.mapping, table.headings, known)
    check_columns(names, classes)
    return names


def reader_of(
    names: Names, said: Corrections, *, classes: Classes | None = None, fetched: Fetched | None = None
) -> RowsToEvents:
    """Make what reads the rows.

    Raises
    ------
    UsageError
        The platform cannot be one.
    """
    known = fetched or Fetched()
    ids = VideoIds(known.by_title, said.platform)
    return RowsToEvents(Reading(names=names, ids=ids, year=said.year, observed_at_s=said.observed_at_s), known, classes)


def events_of(
    path: Path, said: Corrections = AS_GUESSED, *, classes: Classes | None = None
) -> tuple[list[Event], Imported]:
    """Read a table as an import would: its events in the order of its rows, and what became of the rows.

    Raises
    ------
    UsageError
        The file or a correction cannot be used.
    """
    events: list[Event] = []
    with open_table(path) as table:
        first = list(islice(table.lines, LOOKED_AT_ROWS))
        reader = reader_of(names_of(table, first, said, classes), said, classes=classes)
        counts = bring_in(chain(first, table.lines), reader, events.append, counts=Imported())
    return events, counts
