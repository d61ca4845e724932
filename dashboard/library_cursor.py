"""Cursors of lists: the place of the last row, written so that it fits into a URL."""

import base64
import binascii
from typing import Annotated, TypeAlias

import msgspec

from schemas.errors import UsageError

Place: TypeAlias = tuple[str | float, str]
"""What a row is sorted by, and its key."""

LONGEST = 2000

_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_STRINGS = ("title", "channel")


class _Written(msgspec.Struct, frozen=True, array_like=True):
    sort: _Text
    by: float | _Text
    key: _Text


def as_cursor(sort: str, place: Place) -> str:
    """Write a place down.

    >>> place_of(as_cursor("changed", (2.5, "url:a")), sort="changed")
    (2.5, 'url:a')
    """
    written = msgspec.json.encode(_Written(sort, *place))
    return base64.urlsafe_b64encode(written).decode().rstrip("=")


def place_of(cursor: str, *, sort: str) -> Place | None:
    """Read a place; None for an empty cursor, which begins the list.

    Raises
    ------
    UsageError
        It is none of ours, or of a list that is sorted otherwise.
    """
    if not cursor:
        return None
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=_Written)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise UsageError(_WRONG) from error
    if found.sort != sort or isinstance(found.by, str) != (sort in _STRINGS):
        raise UsageError(_WRONG)
    return found.by, found.key


_WRONG = (
    "the cursor is not one of this list; leave it out to begin anew, or send next_cursor of the page before as it came"
)
