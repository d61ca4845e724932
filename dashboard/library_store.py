"""What a store of the library must be able to do; SQLite and Redis both can."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from dashboard.library_core import Core
from dashboard.rows import Change, Facets, VideoQuery, VideoRow
from streams.kafka.admin import Place

SCHEMA = "4"
"""Stands in the name of every library; one with another number is built anew. Raise it with any change of what is kept."""


MOST_COUNTED = 5_000
"""`total` of several filters together, of a search and of a span of time counts no further."""

MOST_FACETS = 100


MADE = "made"
"""The note by which a new library on a server tells that nobody has taken it away."""

GONE = "the new library was taken away while it was built; try again"
BUSY = "somebody else builds the library anew at this moment; wait for that"


class Replaced(Exception):
    """The library that was to be written to is not the one that is read any more; take the one that is."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """An event of a video as it is shown on its page, and when it was written (ms since the epoch)."""

    at_ms: int
    value: bytes


class Thing(msgspec.Struct, frozen=True, array_like=True):
    """Something that is no part of a video.

    Attributes
    ----------
    group : str
        What lists of one kind may be narrowed by: a target, a stage, a name.
    at : float
        What they are sorted by, the greatest first.
    at_ms : int
        When it was written, milliseconds since the epoch; 0 where nobody asks.
    """

    group: str
    at: float
    value: bytes
    at_ms: int = 0


@dataclass
class Writes:
    """What a batch of records does to the library: all of it, or nothing."""

    offsets: dict[Place, int] = field(default_factory=dict)
    cores: dict[str, Core] = field(default_factory=dict)
    """By video; without items it is removed."""
    parts: dict[tuple[str, str], Part | None] = field(default_factory=dict)
    """By video and name; None removes."""
    erased: dict[str, int] = field(default_factory=dict)
    """Parts of these videos that were written up to then go, before `parts` are written."""
    things: dict[tuple[str, str], Thing | None] = field(default_factory=dict)
    """By kind and key; None removes."""
    changes: dict[Change, None] = field(default_factory=dict)
    unreadable: int = 0
    newest_ms: int = 0

    @property
    def removes(self) -> bool:
        """Whether anything goes that may have to be found nowhere afterwards."""
        return bool(self.erased) or None in self.parts.values() or None in self.things.values()


class View(Protocol):
    """What a fold may look at inside the transaction it writes in."""

    def offsets(self) -> dict[Place, int]:
        """The next offset wanted of each place."""

    def cores(self, video_ids: Collection[str]) -> dict[str, Core]:
        """Those that are known."""

    def things(self, kind: str, keys: Collection[str]) -> dict[str, Thing]:
        """Those that are known."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Some keys of a list, what each is sorted by, and how many there are in all."""

    keys: list[tuple[str | float, str]]
    total: int


class Store(View, Protocol):
    """A library on disk or on a server; readers see whole batches only."""

    @property
    def name(self) -> str:
        """Of this library among those of its place."""

    def commit(self, fold: Callable[[View], Writes]) -> Writes:
        """Run a fold and write what it says in one transaction; it may run again when somebody else was faster."""

    def reading(self) -> "AbstractContextManager[None]":
        """All that is read inside the block is of one moment, as far as the store can."""

    def meta(self, name: str) -> str:
        """A note; empty when there is none."""

    def note(self, values: Mapping[str, str]) -> None:
        """Write notes down."""

    def rows(self, video_ids: Collection[str]) -> dict[str, VideoRow]:
        """Rows of those that are listed."""

    def parts(self, video_id: str, prefix: str = "") -> list[tuple[str, bytes]]:
        """Parts of a video by name."""

    def things_by_age(
        self, kind: str, *, group: str = "", before: tuple[float, str] | None = None, limit: int
    ) -> list[tuple[str, Thing]]:
        """Some things of a kind and a group, the greatest `at` first, then by key backwards."""

    def count(self, kind: str, group: str = "") -> int:
        """How many things there are of a kind and a group."""

    def named(self, kind: str, text: str, prefix: str) -> list[tuple[float, str]]:
        """Those of a kind whose group holds a text or whose key begins with a prefix, with what they are sorted by."""

    def tagged(self, kind: str, value: str, *, limit: int) -> list[str]:
        """Videos with a tag, those that changed last first."""

    def tagged_each(self, kind: str, values: Collection[str], *, limit: int) -> dict[str, list[str]]:
        """Videos with each of several tags, in any order; of more than `limit` those that changed last."""

    def listed(self, query: VideoQuery, after: tuple[str | float, str] | None) -> Listed:
        """One more video than the query wants, after a place in the list."""

    def facets(self) -> Facets:
        """Counted tags; people without names."""

    def video_ids(self, after: str, limit: int) -> list[str]:
        """Some videos by id, those without a row included."""

    def dump(self) -> Iterator[str]:
        """Everything that is kept, a line each, always in the same order and words, whichever store it is."""

    def close(self) -> None:
        """Let go of files and connections."""


class Stores(Protocol):
    """The libraries of one place, of which one is current."""

    @property
    def where(self) -> str:
        """Where the current one lies, for people."""

    def current(self) -> Store:
        """The library that is read and written."""

    def fresh(self) -> Store:
        """An empty one beside it."""

    def rebuilding(self) -> "AbstractContextManager[Callable[[], None]]":
        """Keep others from building one as well; call what it gives now and then, to say that the work goes on.

        UsageError: somebody else does.
        """

    def switch(self, new: Store) -> bool:
        """Put a new one in its place, if that has taken in all that the current one has."""

    def begin_anew(self) -> None:
        """Put an empty one in its place."""

    def close(self) -> None:
        """Let go of files and connections."""
