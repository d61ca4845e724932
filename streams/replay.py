"""Replay on Kafka: reads the past in bulk, scores it again, and compares or publishes.

All of a video's events lie in one partition number, so the past is read partition by partition:
memory holds one partition at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from processors.ports import Options
from processors.score import ScoreProcessor
from schemas.errors import GroundswellError, Unreadable
from schemas.event import Event
from schemas.predictions import VideoScored
from schemas.releases import ReleasePublished
from schemas.summaries import Summarised
from streams.kafka.admin import partition_counts
from streams.kafka.bulk import BulkProducer, Record, event_of, latest_per_key, read_to_end
from streams.rescoring import (
    SOURCES,
    Change,
    Comparison,
    Source,
    assemble_again,
    changes,
    compare,
    newest,
    only_finished,
    score_again,
    summaries_of,
    total,
)
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.world import open_media


@dataclass(frozen=True)
class Replayed:
    """What a replay did.

    Attributes
    ----------
    comparison : Comparison or None
        With `verify` only.
    skipped : list of str
        Events that could not be read or processed, as live; with the reason.
    """

    release: ReleasePublished
    videos: int
    published: int
    comparison: Comparison | None = None
    skipped: list[str] = field(default_factory=list)


def replay(
    settings: Settings,
    bootstrap: str,
    target: str,
    *,
    source: Source = "summaries",
    verify: bool = False,
    release_id: str | None = None,
    on_change: Callable[[Change], None] = lambda change: None,
) -> Replayed:
    """Score every past video again.

    Parameters
    ----------
    source : "summaries" or "features"
        Where to begin; from features everything is assembled again first.
    verify : bool
        Compare with the live predictions of the same release, and publish nothing.
    release_id : str, optional
        Another release than the one that serves.
    on_change : callable
        Hears of each prediction, beside the one it replaces, after it was made.

    Raises
    ------
    UsageError
        The target has no such release, or a topic does not exist.
    ReleaseInvalid
        The release's files are missing or altered.
    BrokerUnavailable
        Kafka does not answer, or did not take the new predictions.
    """
    release = newest(_releases(settings, bootstrap), target, release_id)
    scorer = ScoreProcessor(ReleaseShelf(settings.home, open_media(settings)).folder)
    scorer.hear(release)
    runs = [
        _Run(settings, bootstrap, release=release, source=source, partition=partition)
        for partition in range(partition_counts(settings, bootstrap)["summaries"])
    ]
    if verify:
        return _verified(runs, scorer, release)
    return _published(runs, scorer, on_change)


@dataclass(frozen=True)
class _Run:
    """The replay of one partition."""

    settings: Settings
    bootstrap: str
    release: ReleasePublished
    source: Source
    partition: int
    skipped: list[str] = field(default_factory=list)
    live: dict[str, VideoScored] = field(default_factory=dict)

    def predictions(self, scorer: ScoreProcessor) -> Iterator[VideoScored]:
        """Score again what lies in this partition; fills `live` first."""
        events = list(self._past())
        live = (e for e in events if isinstance(e, VideoScored) and e.target == self.release.target)
        self.live.update((prediction.record_key, prediction) for prediction in live)
        yield from score_again(self._summaries(events), scorer, on_skip=self._skip)

    def comparable(self) -> list[VideoScored]:
        """The live predictions that this replay should make again; call it after `predictions`."""
        return [p for p in self.live.values() if self.source == "summaries" or p.stage == "final"]

    def _summaries(self, events: list[Event]) -> Iterator[Summarised]:
        if self.source == "summaries":
            return summaries_of(events)
        options: Options = self.settings.options()
        again = assemble_again(events, options, on_skip=self._skip)
        return only_finished(again, self.live, self.release.target)

    def _past(self) -> Iterator[Event]:
        topics = (*SOURCES[self.source], "predictions")
        records = read_to_end(self.settings, self.bootstrap, topics, partitions=[self.partition])
        for record in latest_per_key(records).values():
            yield from self._read(record)

    def _read(self, record: Record) -> Iterator[Event]:
        try:
            yield event_of(record)
        except Unreadable as error:
            self.skipped.append(f"{record.topic}/{record.partition}/{record.offset}: {error}")

    def _skip(self, event: Event, error: GroundswellError) -> None:
        self.skipped.append(f"{type(event).__name__} {event.record_key}: {error}")


def _releases(settings: Settings, bootstrap: str) -> list[Event]:
    return [event_of(r) for r in latest_per_key(read_to_end(settings, bootstrap, ["releases"])).values()]


def _verified(runs: list[_Run], scorer: ScoreProcessor, release: ReleasePublished) -> Replayed:
    """Compare partition by partition; copies lie in other partitions than their originals, so they come last."""
    copies_made: list[VideoScored] = []
    copies_live: list[VideoScored] = []
    found: list[Comparison] = []
    videos = 0
    for run in runs:
        made, copies = _apart(run.predictions(scorer))
        live, live_copies = _apart(run.comparable())
        found.append(compare(live, made, release_id=release.release_id))
        copies_made += copies
        copies_live += live_copies
        videos += len(made) + len(copies)
        run.live.clear()
    found.append(compare(copies_live, copies_made, release_id=release.release_id))
    return Replayed(release, videos, 0, total(found), _skipped(runs))


def _published(runs: list[_Run], scorer: ScoreProcessor, on_change: Callable[[Change], None]) -> Replayed:
    copies_made: list[VideoScored] = []
    copies_live: dict[str, VideoScored] = {}
    published = 0
    with BulkProducer(runs[0].settings, runs[0].bootstrap) as producer:

        def publish(made: Iterable[VideoScored], live: Mapping[str, VideoScored]) -> int:
            count = 0
            for change in changes(made, live):
                producer.send(change.after)
                on_change(change)
                count += 1
            return count

        for run in runs:
            made, copies = _apart(run.predictions(scorer))
            copies_made += copies
            copies_live.update((key, p) for key, p in run.live.items() if p.duplicate_of)
            published += publish(made, run.live)
            run.live.clear()
        published += publish(copies_made, copies_live)
    return Replayed(runs[0].release, published, published, None, _skipped(runs))


def _apart(predictions: Iterable[VideoScored]) -> tuple[list[VideoScored], list[VideoScored]]:
    """Tell originals from copies of the same bytes under another id."""
    both: tuple[list[VideoScored], list[VideoScored]] = ([], [])
    for prediction in predictions:
        both[prediction.duplicate_of is not None].append(prediction)
    return both


def _skipped(runs: list[_Run]) -> list[str]:
    return [line for run in runs for line in run.skipped]
