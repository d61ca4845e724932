"""Reads tables of any usual format line by line: CSV, TSV, JSON lines, JSON, Excel; gzipped too."""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

import msgspec

from schemas.errors import UsageError

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

Cell: TypeAlias = str | int | float | bool | datetime | list[object] | None
"""As the format gives it: text from CSV, more from JSON and Excel."""

SEPARATORS: Mapping[str, str] = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
FORMATS = "CSV, TSV, JSON lines (.jsonl), a JSON list (.json) or Excel (.xlsx), the first four also with .gz"

MAX_FIELD_CHARACTERS = 10**7
LINES_A_REPORT = 500
GUESSED_FROM_LINES = 200
"""Columns of JSON are those that any of the first objects has."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: `number` as an editor or spreadsheet shows it; `problem` says why it has no cells."""

    number: int
    cells: Mapping[str, Cell]
    problem: str = ""


Lines: TypeAlias = Iterator[Line]


@dataclass(frozen=True)
class Table:
    """An open table.

    Attributes
    ----------
    headings : tuple of str
        As the table spells them.
    lines : iterator
        Lines without any content are left out.
    done : callable
        How much of the file has been read, in [0, 1].
    """

    headings: tuple[str, ...]
    lines: Iterator[Line]
    done: Callable[[], float]


def with_first(table: Table, first: Iterable[Line], on_lines: Callable[[], None]) -> Lines:
    """The lines that were looked at already, then the others; `on_lines` hears every now and then."""
    for number, line in enumerate(chain(first, table.lines)):
        if number % LINES_A_REPORT == 0:
            on_lines()
        yield line


UNREADABLE = (OSError, EOFError, csv.Error, UnicodeDecodeError, zipfile.BadZipFile, zlib.error, msgspec.DecodeError)


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a table for one pass over it.

    Raises
    ------
    UsageError
        Not there, no format we know, or it breaks off; also while its lines are read.
    """
    suffix = _suffix(path)
    with _unreadable(path):
        raw = path.open("rb")
    with raw:
        with _unreadable(path):
            table = _excel(path, raw) if suffix == ".xlsx" else _text(raw, suffix, path)
        yield replace(table, lines=_guarded(table.lines, path))


@contextmanager
def _unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise UsageError(f"{path} cannot be read: {error}; expected {FORMATS}, as UTF-8") from error


def _guarded(lines: Lines, path: Path) -> Lines:
    with _unreadable(path):
        yield from lines


def _suffix(path: Path) -> str:
    name = path.name.lower()
    suffix = Path(name.removesuffix(".gz")).suffix
    known = suffix in (*SEPARATORS, *JSON_LINES, ".json") or (suffix == ".xlsx" and not name.endswith(".gz"))
    if not known:
        raise UsageError(f"{path.name} has no ending that says what it is; expected {FORMATS}")
    if not path.is_file():
        raise UsageError(f"{path} is not a file that is here; expected {FORMATS}")
    return suffix


def _text(raw: IO[bytes], suffix: str, path: Path) -> Table:
    size_bytes = max(path.stat().st_size, 1)
    plain = gzip.GzipFile(fileobj=raw) if path.name.lower().endswith(".gz") else raw
    text = io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")
    if suffix in SEPARATORS:
        headings, lines = _separated(text, SEPARATORS[suffix], path)
    else:
        headings, lines = _objects(_json_list(text, path) if suffix == ".json" else _json_lines(text))
    return Table(headings, lines, lambda: 1.0 if raw.closed else min(raw.tell() / size_bytes, 1.0))


def _separated(text: io.TextIOWrapper, separator: str, path: Path) -> tuple[tuple[str, ...], Lines]:
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(text, delimiter=separator)
    headings = _headings(next(reader, []), path)
    return headings, _separated_lines(reader, headings)


def _separated_lines(reader: "CsvReader", headings: tuple[str, ...]) -> Lines:
    number = reader.line_num + 1
    for cells in reader:
        if len(cells) == len(headings) and any(cells):
            yield Line(number, dict(zip(headings, cells, strict=True)))
        elif any(cells):
            problem = (
                f"has {len(cells)} cells, but there are {len(headings)} headings; is a quote or separator missing?"
            )
            yield Line(number, dict(zip(headings, cells, strict=False)), problem)
        number = reader.line_num + 1


def _json_lines(text: io.TextIOWrapper) -> Lines:
    for number, line in enumerate(text, 1):
        if line.strip():
            yield _object(number, line)


def _object(number: int, line: str) -> Line:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        return Line(number, {}, f"is not JSON: {error}")
    return _row_of(number, found)


def _json_list(text: io.TextIOWrapper, path: Path) -> Lines:
    found = msgspec.json.decode(text.read())
    if not isinstance(found, list):
        raise UsageError(f"{path.name} holds one JSON {type(found).__name__}; expected a list of objects, one a row")
    for number, item in enumerate(found, 1):
        yield _row_of(number, item)


def _row_of(number: int, found: object) -> Line:
    if not isinstance(found, dict):
        return Line(number, {}, f"is a JSON {type(found).__name__}; expected an object with a value for each column")
    return Line(number, found)


def _objects(lines: Lines) -> tuple[tuple[str, ...], Lines]:
    first = [line for line, _ in zip(lines, range(GUESSED_FROM_LINES), strict=False)]
    headings = tuple(dict.fromkeys(name for line in first for name in line.cells))

    def everything() -> Lines:
        yield from first
        yield from lines

    return headings, everything()


def _excel(path: Path, raw: IO[bytes]) -> Table:
    """Read the first sheet; formulas by the value they were saved with."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        sheet = load_workbook(raw, read_only=True, data_only=True).worksheets[0]
    except (KeyError, ValueError, IndexError, InvalidFileException) as error:
        raise UsageError(
            f"{path} is not an Excel workbook that can be read: {error}; save it again as .xlsx"
        ) from error
    rows = sheet.iter_rows(values_only=True)
    headings = _headings(["" if cell is None else str(cell) for cell in next(rows, ())], path)
    seen = [1]
    return Table(headings, _sheet_lines(rows, headings, seen), lambda: min(seen[0] / max(sheet.max_row or 1, 1), 1.0))


def _sheet_lines(rows: "Iterator[tuple[Cell, ...]]", headings: tuple[str, ...], seen: list[int]) -> Lines:
    """Below what is written, sheets often have thousands of empty rows."""
    for number, cells in enumerate(rows, 2):
        seen[0] = number
        if any(cell is not None and cell != "" for cell in cells):
            yield Line(number, dict(zip(headings, cells, strict=False)))


def _headings(cells: list[str], path: Path) -> tuple[str, ...]:
    """Name every column; the same name twice, or none, gets its place behind it."""
    names: dict[str, None] = {}
    for place, cell in enumerate(cells, 1):
        name = cell.strip()
        names[name if name and name not in names else f"{name or 'column'} {place}"] = None
    if not names:
        raise UsageError(f"{path.name} is empty; expected a first line with the names of the columns")
    return tuple(names)
