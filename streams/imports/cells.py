"""What a cell says: counts, moments, lengths, lists; an empty one says nothing, a wrong one is named."""

import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from schemas.errors import UsageError

Found = TypeVar("Found")

MISSING = frozenset({"", "nan", "none", "null", "n/a", "na", "-", "[none]", "#n/a", "nat"})
LONGEST_MISSING = 8
"""The longest of them, with a space on either side."""

SPOILT = frozenset({"#name?", "#ref!", "#value!", "#num!"})
"""What a spreadsheet makes of ids that begin with a sign."""

EPOCH_FROM_S, EPOCH_FROM_MS = 10**8, 10**11
MOST_TAGS = 200
COUNT_UNITS = {"k": 10**3, "m": 10**6, "b": 10**9}

_COUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([kmb]?)")
_THOUSANDS = re.compile(r"(?<=\d)[,  _'](?=\d{3}(?!\d))")
_DAY_MONTH = re.compile(r"(\d{1,2})\.(\d{1,2})")
_YEAR_DAY_MONTH = re.compile(r"(\d{2})\.(\d{2})\.(\d{2})")
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_ISO_LENGTH = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})(?:\.\d+)?")
_SPLIT_TAGS = re.compile(r"[|,;]")


class BadCell(UsageError):
    """A cell does not say what its column should."""


def is_missing(cell: object) -> bool:
    """Whether a cell says nothing: empty, NaN, ``none`` and its like."""
    if type(cell) is str:  # nearly always
        return not cell or (len(cell) <= LONGEST_MISSING and cell.strip().lower() in MISSING) or cell.isspace()
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def text(cell: object) -> str:
    """Read words; whole numbers that a spreadsheet keeps as fractions lose their ``.0``."""
    if is_missing(cell):
        return ""
    if type(cell) is str:
        return cell.strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def count(cell: object) -> int | None:
    """Read a count: 1234, 1,234, 1234.0, 1.2M.

    Raises
    ------
    BadCell
        It is none, or below zero.
    """
    if is_missing(cell):
        return None
    if type(cell) is str and cell.isdecimal() and len(cell) < 19:  # nearly always
        return int(cell)
    found = _COUNT.fullmatch(_THOUSANDS.sub("", text(cell).lower()))
    if found is None or isinstance(cell, bool):
        raise BadCell(f"expected a count, got {_quoted(cell)}")
    number = float(found[1]) * COUNT_UNITS.get(found[2], 1)
    if number >= 2**53:
        raise BadCell(f"expected a count, got {_quoted(cell)}, which is more than can be counted exactly")
    return round(number)


def number(cell: object) -> float | None:
    """Read a finite number, with ``%`` or without.

    Raises
    ------
    BadCell
        It is none.
    """
    if is_missing(cell):
        return None
    try:
        found = float(_THOUSANDS.sub("", text(cell)).removesuffix("%"))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadCell(f"expected a number, got {_quoted(cell)}")
    return found


def moment(cell: object, year: int | None = None) -> float | None:
    """Read a date or time as seconds since the epoch, UTC; without a zone it is taken for UTC.

    Parameters
    ----------
    year : int, optional
        The year of dates such as ``13.09``; without it they say nothing.

    Raises
    ------
    BadCell
        It is no date.
    """
    if is_missing(cell):
        return None
    if isinstance(cell, datetime | date):
        return _seconds(datetime.combine(cell, datetime.min.time()) if not isinstance(cell, datetime) else cell)
    try:
        return _moment_of(text(cell), year)
    except (ValueError, OverflowError) as error:
        raise BadCell(f"expected a date such as 2024-05-31, got {_quoted(cell)}") from error


def has_no_year(cell: object) -> bool:
    """Whether a date is a day and a month only, as in ``13.09``."""
    return _DAY_MONTH.fullmatch(text(cell)) is not None


def length_s(cell: object) -> float | None:
    """Read a length: seconds, ``4:13``, ``PT4M13S``.

    Raises
    ------
    BadCell
        It is none, or below zero.
    """
    if is_missing(cell):
        return None
    words = text(cell)
    if clock := _CLOCK.fullmatch(words):
        return int(clock[1] or 0) * 3600.0 + int(clock[2]) * 60 + int(clock[3])
    if (iso := _ISO_LENGTH.fullmatch(words)) and any(iso.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    found = number(cell) or 0.0
    if found < 0:
        raise BadCell(f"expected a length in seconds, got {_quoted(cell)}")
    return found


def words_list(cell: object) -> tuple[str, ...]:
    """Read a list of words: a JSON or Python list, or words with ``|``, ``,`` or ``;`` between."""
    if is_missing(cell):
        return ()
    return _words(cell) if isinstance(cell, list) else _words_in(text(cell))


def read(read_cell: Callable[[object], Found], cell: object, column: str) -> Found:
    """Read a cell, and say in which column it is wrong.

    Raises
    ------
    BadCell
        With the column's name in front.
    """
    try:
        return read_cell(cell)
    except BadCell as error:
        raise BadCell(f"{column}: {error}") from error


@lru_cache(maxsize=4096)
def _words_in(words: str) -> tuple[str, ...]:
    """Trending tables repeat a video's tags every day."""
    return _words(_listed(words))


def _words(parts: Iterable[object]) -> tuple[str, ...]:
    words = (str(part).strip().strip("\"'#").strip() for part in parts)
    return tuple(dict.fromkeys(word for word in words if word))[:MOST_TAGS]


def _listed(words: str) -> list[Any]:  # Any: what JSON holds
    if words.startswith("[") and words.endswith("]"):
        try:
            found = json.loads(words)
        except ValueError:
            return words[1:-1].split(",")
        return found if isinstance(found, list) else [found]
    return _SPLIT_TAGS.split(words)


@lru_cache(maxsize=4096)
def _moment_of(words: str, year: int | None) -> float | None:
    return _epoch(words) or _calendar(words, year)


def _epoch(words: str) -> float | None:
    try:
        seconds = float(words)
    except ValueError:
        return None
    if seconds >= EPOCH_FROM_MS:
        return seconds / 1000
    return seconds if seconds >= EPOCH_FROM_S else None


def _calendar(words: str, year: int | None) -> float | None:
    if short := _DAY_MONTH.fullmatch(words):
        day, month = int(short[1]), int(short[2])
        datetime(year or 2000, month, day, tzinfo=UTC)  # refuses 31.02 and 13.13 also without a year
        return None if year is None else _seconds(datetime(year, month, day, tzinfo=UTC))
    if trending := _YEAR_DAY_MONTH.fullmatch(words):  # as in Kaggle's trending tables: 17.14.11
        return _seconds(datetime(2000 + int(trending[1]), int(trending[3]), int(trending[2]), tzinfo=UTC))
    if full := _DAY_MONTH_YEAR.fullmatch(words):
        return _seconds(datetime(int(full[3]), int(full[2]), int(full[1]), tzinfo=UTC))
    return _seconds(datetime.fromisoformat(words))


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _quoted(cell: object) -> str:
    return repr(text(cell)[:60])
