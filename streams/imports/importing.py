"""Rows become events: each line is read, checked and sent by itself, and what is already said is not said again."""

import csv
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from schemas.errors import UsageError
from schemas.event import Event, VideoId
from schemas.labels import LabelGiven
from schemas.media import MediaFetched
from schemas.outcomes import OutcomeObserved
from streams.imports.cells import BadCell
from streams.imports.label_rows import Classes, labels_of
from streams.imports.rows import Cells, Reading, TableRow, nothing_said
from streams.imports.tables import Line
from streams.imports.video_ids import title_key
from streams.kafka.bulk import event_of, latest_per_key, read_to_end
from streams.settings import Settings

REJECTED_SHOWN = 20
"""A screenful; the rest is counted."""

_DESCRIBED = b"/described"


@dataclass(frozen=True)
class Fetched:
    """Videos that were really fetched: rows about them bring no words of their own.

    `by_title` knows them by `title_key`; of several with one title, the first in the order of their ids.
    Both may look up when asked.
    """

    ids: Container[VideoId] = frozenset()
    by_title: Mapping[str, VideoId] = field(default_factory=dict)


def read_fetched(settings: Settings, bootstrap: str) -> Fetched:
    """Look up which videos were fetched.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    records = latest_per_key(read_to_end(settings, bootstrap, ["media"])).values()
    events = (event_of(record) for record in records if not (record.key or b"").endswith(_DESCRIBED))
    found = sorted((e for e in events if isinstance(e, MediaFetched)), key=lambda e: e.video_id, reverse=True)
    by_title = {title_key(e.metadata.channel, e.metadata.title): e.video_id for e in found if e.metadata.title}
    return Fetched(frozenset(e.video_id for e in found), by_title)


class News:
    """Lets an event through only if it says more than the one sent before under the same record key.

    The last record of a key is then the best one, in whatever order the rows come; and a row that
    comes again is not sent again.
    """

    def __init__(self) -> None:
        self._best: dict[str, tuple[tuple[float, float], str]] = {}

    def is_news(self, event: Event, rank: tuple[float, float]) -> bool:
        """Whether to send `event`; of equal rank, the larger event id counts."""
        key, best = event.record_key, (rank, event.event_id)
        before = self._best.get(key)
        if before is not None and best <= before:
            return False
        self._best[key] = best
        return before is None or before[1] != event.event_id


class RowsToEvents:
    """Reads the rows of one table into events; labels only where there are classes."""

    def __init__(self, reading: Reading, fetched: Fetched, classes: Classes | None = None) -> None:
        self._reading = reading
        self._fetched = fetched
        self._classes = classes
        self._news = {kind: News() for kind in (MediaFetched, OutcomeObserved, LabelGiven)}

    def events(self, cells: Cells) -> list[Event]:
        """Say what is new in a row.

        Raises
        ------
        BadCell
            The row cannot be read, or says nothing.
        """
        row = TableRow(cells, self._reading)
        described, said = row.described(), self._said(row)
        if described is None and not said:
            raise nothing_said()
        news = [event for event, rank in said if self._news[type(event)].is_news(event, rank)]
        if described is None or described.video_id in self._fetched.ids:
            return news
        at_s = row.observed_at_s
        early = (-at_s if at_s is not None else float("-inf"), 0.0)
        return [described, *news] if self._news[MediaFetched].is_news(described, early) else news

    def _said(self, row: TableRow) -> "list[tuple[Any, tuple[float, float]]]":  # Any: outcomes or labels
        if self._classes is not None:
            labels = labels_of(row, self._reading.names, self._classes)
            return [(label, (label.given_at_s or 0.0, float(label.value == "yes"))) for label in labels]
        outcome = row.outcome()
        if outcome is None:
            return []
        return [(outcome, (outcome.observed_at_s or 0.0, float(outcome.views or -1)))]


@dataclass(frozen=True)
class Rejected:
    """A row that was not taken, where it stands and why."""

    line: int
    reason: str


@dataclass(kw_only=True)
class Imported:
    """What became of a table.

    Attributes
    ----------
    rows : int
        Lines with something in them.
    taken : int
        Rows that were read; the others are `rejected`, the first of which are `examples`.
    videos : int
        Videos that are known by their words from this table.
    outcomes, labels : int
        What was sent; rows that said nothing new sent nothing.
    """

    rows: int = 0
    taken: int = 0
    rejected: int = 0
    videos: int = 0
    outcomes: int = 0
    labels: int = 0
    examples: list[Rejected] = field(default_factory=list)
    _described: set[VideoId] = field(default_factory=set, repr=False)

    def sent(self, event: Event) -> None:
        """Count an event."""
        self.outcomes += isinstance(event, OutcomeObserved)
        self.labels += isinstance(event, LabelGiven)
        if isinstance(event, MediaFetched) and event.video_id not in self._described:
            self._described.add(event.video_id)
            self.videos += 1

    def figures(self) -> dict[str, object]:
        """All of it, for programs."""
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}

    def reject(self, line: int, reason: str) -> None:
        """Count a row that cannot be taken."""
        self.rejected += 1
        if len(self.examples) < REJECTED_SHOWN:
            self.examples.append(Rejected(line, reason))


def bring_in(
    lines: Iterable[Line],
    reader: RowsToEvents,
    send: Callable[[Event], None],
    *,
    counts: Imported,
    on_reject: Callable[[Line, str], None] = lambda line, reason: None,
) -> Imported:
    """Send every row's events; rows that cannot be read are left out, counted and named.

    Stopping anywhere is harmless: each event stands for itself, and the same file sends the same
    events again.

    Parameters
    ----------
    counts : Imported
        Kept up to date, so that somebody else can show it while the work goes on.

    Raises
    ------
    UsageError
        The table breaks off.
    BrokerUnavailable
        An event cannot be written.
    """
    for line in lines:
        counts.rows += 1
        try:
            if line.problem:
                raise BadCell(line.problem)
            events = reader.events(line.cells)
        except BadCell as error:
            counts.reject(line.number, str(error))
            on_reject(line, str(error))
            continue
        for event in events:
            send(event)
            counts.sent(event)
        counts.taken += 1
    return counts


class RejectsFile(AbstractContextManager["RejectsFile"]):
    """A CSV of all rows that were not taken, with line and reason; mend it and import it again."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self._path = path
        self._headings = headings
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error}") from error
        csv.writer(self._file).writerow(["line", "reason", *self._headings])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def write(self, line: Line, reason: str) -> None:
        """Add a row."""
        if self._file:
            csv.writer(self._file).writerow([line.number, reason, *(line.cells.get(h, "") for h in self._headings)])
