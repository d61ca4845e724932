"""Writes a library down as lines, so that two of them can be compared, whichever store they lie in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from dashboard.library_core import Core, Entry
from dashboard.library_store import Part, Thing
from streams.kafka.admin import Place


@dataclass(frozen=True, kw_only=True)
class Everything:
    """All that a store holds, each in order of its keys."""

    offsets: Iterable[tuple[Place, int]]
    cores: Iterable[tuple[str, Core]]
    entries: Iterable[tuple[str, Entry]]
    """As they are found by the store's own indexes."""
    parts: Iterable[tuple[tuple[str, str], Part]]
    things: Iterable[tuple[tuple[str, str], Thing]]
    counts: Iterable[tuple[tuple[str, str], int]]


def lines_of(everything: Everything) -> Iterator[str]:
    """One line of JSON for each thing, first what it is."""
    encoder = msgspec.json.Encoder(order="deterministic")
    for kind in ("offsets", "cores", "entries", "parts", "things", "counts"):
        for key, value in getattr(everything, kind):
            yield encoder.encode((kind, key, value)).decode()
