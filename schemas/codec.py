"""Events to bytes and back: UTF-8 JSON with a ``type`` tag, by msgspec."""

from functools import cache
from typing import Any, TypeVar, Union

import msgspec

from schemas.errors import Unreadable
from schemas.event import Event

AnyHead = TypeVar("AnyHead", bound=msgspec.Struct)

_ENCODER = msgspec.json.Encoder(order="deterministic")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


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
    except _UNREADABLE as error:
        names = ", ".join(t.__name__ for t in types)
        raise Unreadable(f"expected {names} as JSON: {error}") from error


def head_of(value: bytes | None, head: type[AnyHead]) -> AnyHead:
    """Read a few fields of an event and pass over the others; of what cannot be read, and of a tombstone, the defaults."""
    try:
        found: AnyHead = _heads(head).decode(value or b"{}")
    except _UNREADABLE:
        return head()
    return found


@cache
def _heads(head: type[msgspec.Struct]) -> "msgspec.json.Decoder[Any]":  # one for each kind of head
    return msgspec.json.Decoder(head)


@cache
def _decoder(types: tuple[type[Event], ...]) -> "msgspec.json.Decoder[Event]":
    return msgspec.json.Decoder(Union[types])
