"""Ids for what a fold emits: named by content, so that the order of arrival cannot show."""

import hashlib
from typing import TypeVar

import msgspec

from schemas.codec import encode
from schemas.event import Event, derive_id

AnyEvent = TypeVar("AnyEvent", bound=Event)


def with_content_id(event: AnyEvent, stage: str, version: str) -> AnyEvent:
    """Give an event the id that follows from everything else in it; its own `event_id` must be empty.

    >>> from schemas.ticks import TimePassed
    >>> tick = TimePassed(event_id="", stage="assemble", partition=0, at_s=1.0)
    >>> with_content_id(tick, "a", "1") == with_content_id(tick, "a", "1")
    True
    """
    digest = hashlib.sha256(encode(event)).hexdigest()
    return msgspec.structs.replace(event, event_id=derive_id(stage, version, digest))
