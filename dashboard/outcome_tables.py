"""How videos did, from a table that was sent in: read as `groundswell import outcomes` reads a file."""

import tempfile
from collections.abc import Container, Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from dashboard.desk import Desk
from dashboard.rows import VideoQuery
from schemas.errors import UsageError
from schemas.event import Event, VideoId
from streams.imports.columns import Names
from streams.imports.importing import Fetched, Imported, Rejected, bring_in
from streams.imports.tables import open_table, with_first
from streams.imports.video_ids import title_key
from streams.imports.whole_tables import LOOKED_AT_ROWS, Corrections, names_of, reader_of

EVENTS_A_SENDING = 1000
MOST_ALIKE = 50
"""Videos of one title that are looked at to find the one of a channel."""


class TableTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a table; as `streams.imports.importing.Imported`.

    Attributes
    ----------
    mapping : dict
        Which column was taken for what.
    examples : tuple
        The first rows that were not taken, and why.
    """

    rows: int
    taken: int
    rejected: int
    videos: int
    outcomes: int
    examples: tuple[Rejected, ...]
    mapping: dict[str, tuple[str, ...]]
    dry_run: bool


def take_table(desk: Desk, body: bytes, suffix: str, *, said: Corrections, dry_run: bool) -> TableTaken:
    """Read a table and publish what it says; rows that cannot be read are left out, counted and named.

    Raises
    ------
    UsageError
        It is no table, or a correction cannot be used.
    BrokerUnavailable
        Kafka does not answer; the same table again does no harm.
    """
    events, counts = list[Event](), Imported()
    with tempfile.TemporaryDirectory(prefix="groundswell-") as folder:
        path = Path(folder, f"table{suffix}")
        path.write_bytes(body)
        try:
            names = _read(desk, path, said, events=events, counts=counts)
        except UsageError as error:
            raise UsageError(str(error).replace(str(path), "the table").replace(path.name, "the table")) from error
    if not dry_run:
        for start in range(0, len(events), EVENTS_A_SENDING):
            desk.topics.send(events[start : start + EVENTS_A_SENDING])
    return _taken(counts, names, dry_run=dry_run)


def _read(desk: Desk, path: Path, said: Corrections, *, events: list[Event], counts: Imported) -> Names:
    fetched = Fetched(FetchedIds(desk), FetchedTitles(desk))
    with open_table(path) as table:
        first = list(islice(table.lines, LOOKED_AT_ROWS))
        names = names_of(table, first, said)
        reader = reader_of(names, said, fetched=fetched)
        bring_in(with_first(table, first, lambda: None), reader, events.append, counts=counts)
    return names


def _taken(counts: Imported, names: Names, *, dry_run: bool) -> TableTaken:
    return TableTaken(
        rows=counts.rows,
        taken=counts.taken,
        rejected=counts.rejected,
        videos=counts.videos,
        outcomes=counts.outcomes,
        examples=tuple(counts.examples),
        mapping={ours: tuple(theirs) for ours, theirs in names.items()},
        dry_run=dry_run,
    )


class FetchedIds(Container[VideoId]):
    """Which videos were fetched, asked of the library one by one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __contains__(self, video_id: object) -> bool:
        return any(row.state != "described" for row in self._desk.library.rows([str(video_id)]))


class FetchedTitles(Mapping[str, VideoId]):
    """Fetched videos by `title_key`, asked of the library one by one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __getitem__(self, key: str) -> VideoId:
        _, _, title = key.partition("\x1f")
        rows = self._desk.library.videos(VideoQuery(text=title[:200], limit=MOST_ALIKE)).items
        same = (r.video_id for r in rows if r.state != "described" and title_key(r.channel, r.title) == key)
        found = min(same, default=None)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
