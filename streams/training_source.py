"""Where examples come from: summaries and outcomes on the topics, or a table that was read the same way."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from schemas.event import WHOLE_VIDEO, VideoId
from schemas.labels import LabelGiven
from schemas.outcomes import OutcomeObserved
from schemas.summaries import Summarised
from streams.kafka.bulk import Record, event_of, latest_per_key, read_to_end
from streams.settings import Settings
from streams.training_table import TableRead


@dataclass(frozen=True)
class Change:
    """A whole video's newest summary, or None where it was taken back; written when, seconds since the epoch, UTC."""

    video_id: VideoId
    summary: Summarised | None
    written_s: float


@dataclass(frozen=True, kw_only=True)
class Source:
    """What there is to learn from; it can be read again and again, a summary at a time.

    Attributes
    ----------
    words : str
        What it is, for the card.
    changes : callable
        Gives the final summaries of whole videos in the order in which they were written; of a video the last counts.
    outcomes : mapping
        Counts that the summaries may not hold yet, by video and record key.
    segments : callable
        Gives the summaries of segments and of whole videos alike, the last of each.
    """

    words: str
    changes: Callable[[], Iterable[Change]]
    segments: Callable[[], Iterable[Summarised]]
    outcomes: Mapping[VideoId, Mapping[str, OutcomeObserved]] = field(default_factory=dict)
    labels: tuple[LabelGiven, ...] = ()


def from_table(table: TableRead, words: str, *, now_s: float) -> Source:
    """A table's videos, as if they had come in now."""
    final = [s for s in table.summaries if s.scope == WHOLE_VIDEO and s.final]
    return Source(
        words=words,
        changes=lambda: (Change(summary.video_id, summary, now_s) for summary in final),
        segments=lambda: iter(table.summaries),
        labels=table.labels,
    )


def on_topics(settings: Settings, bootstrap: str, words: str) -> Source:
    """What lies on the topics; summaries are read one by one, and none is kept.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    labels = (event_of(record) for record in latest_per_key(read_to_end(settings, bootstrap, ["labels"])).values())
    return Source(
        words=words,
        changes=lambda: _changes(read_to_end(settings, bootstrap, ["summaries"])),
        segments=lambda: _last_summaries(settings, bootstrap),
        outcomes=_outcomes(read_to_end(settings, bootstrap, ["outcomes"])),
        labels=tuple(sorted((e for e in labels if isinstance(e, LabelGiven)), key=lambda label: label.record_key)),
    )


def _changes(records: Iterable[Record]) -> Iterator[Change]:
    for record in records:
        video_id, _, scope = (record.key or b"").decode("utf-8", "replace").rpartition("/")
        if scope != WHOLE_VIDEO:
            continue
        event = event_of(record) if record.value is not None else None
        if event is None or (isinstance(event, Summarised) and event.final):
            yield Change(video_id, event, record.timestamp_ms / 1000)


def _last_summaries(settings: Settings, bootstrap: str) -> Iterator[Summarised]:
    for record in latest_per_key(read_to_end(settings, bootstrap, ["summaries"])).values():
        if isinstance(event := event_of(record), Summarised):
            yield event


def _outcomes(records: Iterable[Record]) -> dict[VideoId, dict[str, OutcomeObserved]]:
    found: dict[VideoId, dict[str, OutcomeObserved]] = {}
    for record in latest_per_key(records).values():
        if isinstance(event := event_of(record), OutcomeObserved):
            found.setdefault(event.video_id, {})[event.record_key] = event
    return found
