"""What the library forgets after a time, because Kafka does: what was erased from the topics must not stay here.

Time is that of the newest record, in whole hours, so that a library that is built anew forgets the same.
"""

from collections.abc import Iterable

from dashboard.library_store import Writes
from streams.topology import topic

EPHEMERAL = {"commands": "commands", "answers": "commands", "undoings": "commands", "letters": "dead-letters"}
"""Kinds of things, and the topic whose retention they have."""

_HOUR_MS = 3_600_000


def forgetful(writes: Writes, old_ms: int, new_ms: int) -> Iterable[str]:
    """Kinds of which something may be too old now: all, once an hour, and those of which something came."""
    if new_ms // _HOUR_MS != old_ms // _HOUR_MS:
        return tuple(EPHEMERAL)
    return sorted({kind for kind, _ in writes.things if kind in EPHEMERAL})


def forgotten_before_ms(kind: str, newest_ms: int) -> int:
    """What was written earlier is to be forgotten."""
    return newest_ms // _HOUR_MS * _HOUR_MS - (topic(EPHEMERAL[kind]).retention_s or 0) * 1000
