"""Events to bytes and back: UTF-8 JSON with a ``type`` tag, by msgspec."""

from functools import cache
from typing import Union

import msgspec

from schemas.errors import Unreadable
from schemas.event import Event

_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode(event: Event) -> bytes:
    """Write an event as JSON; the same event always gives the same bytes."""
    return _ENCODER.encode(event)


def decode(value: bytes | None, types: tuple[type[Event], ...]) -> Event:
    """Read one of the events a topic may carry.

    Parameters
    ----------
    value : bytes or None
        A record's value; None (a tombstone) is no event.
    types : tuple of Event classes
        What the topic carries.

    Raises
    ------
    Unreadable
        Not JSON, an unknown ``type``, a missing or wrong field, or no value at all.
    """
    if value is None:
        raise Unreadable("the record has no value; expected an event as JSON")
    try:
        return _decoder(types).decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        names = ", ".join(t.__name__ for t in types)
        raise Unreadable(f"expected {names} as JSON: {error}") from error


@cache
def _decoder(types: tuple[type[Event], ...]) -> "msgspec.json.Decoder[Event]":
    return msgspec.json.Decoder(Union[types])
