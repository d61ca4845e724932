"""Replay on Kafka: reads the past in bulk, scores it again, and compares or publishes.

All of a video's events lie in one partition number, so the past is read partition by partition:
memory holds one partition at a time.
"""

from collections.abc import Callable, Iterator
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
        Another release than the newest.
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


def _releases(settings: Settings, bootstrap: str) -> list[ReleasePublished]:
    records = latest_per_key(read_to_end(settings, bootstrap, ["releases"])).values()
    return [event for record in records if isinstance(event := event_of(record), ReleasePublished)]


def _verified(runs: list[_Run], scorer: ScoreProcessor, release: ReleasePublished) -> Replayed:
    found = [_compared(run, scorer) for run in runs]
    skipped = [line for run in runs for line in run.skipped]
    videos = sum(count for count, _ in found)
    return Replayed(release, videos, 0, total(comparison for _, comparison in found), skipped)


def _compared(run: _Run, scorer: ScoreProcessor) -> tuple[int, Comparison]:
    made = list(run.predictions(scorer))
    comparable = [p for p in run.live.values() if run.source == "summaries" or p.stage == "final"]
    return len(made), compare(comparable, made, release_id=run.release.release_id)


def _published(runs: list[_Run], scorer: ScoreProcessor, on_change: Callable[[Change], None]) -> Replayed:
    videos = 0
    with BulkProducer(runs[0].settings, runs[0].bootstrap) as producer:
        for run in runs:
            for change in changes(run.predictions(scorer), run.live):
                producer.send(change.after)
                on_change(change)
                videos += 1
    skipped = [line for run in runs for line in run.skipped]
    return Replayed(runs[0].release, videos, videos, None, skipped)
