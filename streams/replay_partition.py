"""The replay of one partition: read its past, score it again, and compare or publish."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from processors.score import ScoreProcessor
from schemas.codec import encode
from schemas.errors import GroundswellError, Unreadable
from schemas.event import WHOLE_VIDEO, Event, VideoId
from schemas.predictions import Prediction, SegmentScored, VideoScored
from schemas.summaries import Summarised
from streams.kafka.admin import offset_ranges
from streams.kafka.bulk import BulkProducer, Record, event_of, latest_per_key, read_to_end
from streams.kafka.partitioning import partition_of
from streams.replay_checkpoint import Checkpoint, Task
from streams.replay_guard import NewestWins
from streams.rescoring import (
    BATCH,
    SOURCES,
    Age,
    Change,
    Comparison,
    Source,
    assemble_again,
    changes,
    compare,
    only_finished,
    score_again,
    summaries_of,
)
from streams.settings import Settings

CHUNK = 5000
"""Predictions between two looks at the logs."""

CHANGES_SHOWN = 20
LATE_ROUNDS = 3

_COPY = b'"duplicate_of"'


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How far a partition is, in videos."""

    partition: int
    done: int
    total: int


class PartitionDone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the replay of a partition did.

    Attributes
    ----------
    videos : int
        That were scored again, copies included.
    made : int
        Predictions that came out, whether they were published or not.
    unchanged : int
        Lay on the topic already, byte for byte.
    left : int
        Something newer was there.
    restored : int
        Newer ones that were put back above ours.
    comparisons : dict
        By target, with `verify` only.
    """

    partition: int
    videos: int = 0
    made: int = 0
    published: int = 0
    unchanged: int = 0
    left: int = 0
    restored: int = 0
    comparisons: dict[str, Comparison] = msgspec.field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    skipped: tuple[str, ...] = ()


Report = Progress | PartitionDone


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every partition of a replay shares; `count` is how many partitions there are."""

    settings: Settings
    bootstrap: str
    task: Task
    count: int
    ages: Mapping[str, Age]
    scorer: ScoreProcessor
    on_report: Callable[[Report], None]

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(release.partition("/")[0] for release in self.task.releases)

    @property
    def takes_segments(self) -> bool:
        """Whether a release speaks of segments, whose summaries are there to be scored again."""
        return self.task.source == "summaries" and bool(self.scorer.targets_of_segments)


def verify_partition(work: Work, partition: int) -> PartitionDone:
    """Compare what comes out again with the live predictions of the same releases.

    Raises
    ------
    BrokerUnavailable, UsageError
        See `read_to_end`.
    """
    past = _Past(work, partition)
    made = list(past.predictions())
    live = list(past.comparable())
    comparisons = {r.partition("/")[0]: compare(live, made, release=r) for r in work.task.releases}
    videos = len({prediction.video_id for prediction in made})
    return PartitionDone(
        partition=partition, videos=videos, made=len(made), comparisons=comparisons, skipped=tuple(past.skipped)
    )


def publish_partition(work: Work, partition: int, producer: BulkProducer, checkpoint: Checkpoint) -> PartitionDone:
    """Publish what comes out again, but never above something newer.

    Raises
    ------
    BrokerUnavailable, UsageError
        See `read_to_end` and `BulkProducer.flush`.
    """
    begun = _begun(work, partition, checkpoint)
    guard = NewestWins(
        producer,
        (work.settings, work.bootstrap),
        partition=partition,
        ages=work.ages,
        releases=work.task.releases,
        begun=begun,
        mark=work.task.key,
        hears_segments=work.takes_segments,
    )
    writing = _Writing(guard)
    past = _Past(work, partition, guard)
    writing.publish(past.predictions(), past.live)
    for _ in range(LATE_ROUNDS):
        late = [summary for summary in guard.late() if past.takes(summary)]
        if not late:
            break
        writing.publish(score_again(late, work.scorer, on_skip=past.skip), {})
    checkpoint.write(partition, _predictions(begun), is_done=True)
    return writing.done(partition, past.skipped)


class _Writing:
    """Publishes in chunks, and counts."""

    def __init__(self, guard: NewestWins) -> None:
        self._guard = guard
        self._videos: set[VideoId] = set()
        self._made = self._published = self._unchanged = self._left = self._restored = 0
        self._changes: list[Change] = []

    def publish(self, made: Iterable[Prediction], live: Mapping[str, Prediction]) -> None:
        """Write what differs from what is there; also with nothing to write, what was written before is looked at."""
        remaining = iter(made)
        while True:
            chunk = list(islice(remaining, CHUNK))
            different = [p for p in chunk if not _is_same(p, live.get(p.record_key))]
            written = self._guard.write(different)
            self._videos |= {prediction.video_id for prediction in chunk}
            self._made += len(chunk)
            self._unchanged += len(chunk) - len(different)
            self._published, self._left = self._published + written.published, self._left + written.left
            self._restored += written.restored
            self._changes += islice(changes(different, live), CHANGES_SHOWN - len(self._changes))
            if len(chunk) < CHUNK:
                return

    def done(self, partition: int, skipped: list[str]) -> PartitionDone:
        return PartitionDone(
            partition=partition,
            videos=len(self._videos),
            made=self._made,
            published=self._published,
            unchanged=self._unchanged,
            left=self._left,
            restored=self._restored,
            changes=tuple(self._changes),
            skipped=tuple(skipped),
        )


@dataclass
class _Past:
    """What lies in one partition, and what comes out of it again."""

    work: Work
    partition: int
    guard: NewestWins | None = None
    skipped: list[str] = field(default_factory=list)
    live: dict[str, Prediction] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def predictions(self) -> Iterator[Prediction]:
        """Score again what lies in this partition; fills `live` first."""
        records = latest_per_key(filter(self._is_wanted, self._read()))
        self.live.update(self._said([self.partition]))
        summaries = [summary for summary in self._summaries(records) if self.work.task.selection.takes(summary)]
        self.taken = {summary.video_id for summary in summaries}
        if self.guard is None or any(summary.duplicates for summary in summaries):
            self.live.update(self._said(None))
        yield from score_again(self._counted(summaries), self.work.scorer, on_skip=self.skip)
        yield from score_again(self._segments(), self.work.scorer, on_skip=self.skip)

    def comparable(self) -> Iterator[Prediction]:
        """The live predictions that this replay should make again, copies in other partitions included."""
        for prediction in self.live.values():
            is_wanted = self.work.task.selection.is_all or _original(prediction) in self.taken
            if is_wanted and (self._source == "summaries" or _is_final(prediction)):
                yield prediction

    def takes(self, summary: Summarised) -> bool:
        """Whether a summary is one of those wanted; a segment is when its video is."""
        if summary.scope == WHOLE_VIDEO:
            return self.work.task.selection.takes(summary)
        return self.work.task.selection.is_all or summary.video_id in self.taken

    def skip(self, event: Event, error: GroundswellError) -> None:
        """Note an event that went to the dead letters live."""
        self.skipped.append(f"{type(event).__name__} {event.record_key}: {error}")

    @property
    def _source(self) -> Source:
        return self.work.task.source

    def _read(self) -> Iterator[Record]:
        topics = dict.fromkeys((*SOURCES[self._source], *(["summaries"] if self.guard else [])))
        for record in read_to_end(self.work.settings, self.work.bootstrap, topics, partitions=[self.partition]):
            if self.guard and record.topic == "summaries":
                self.guard.hear_summary(record)
            yield record

    def _is_wanted(self, record: Record) -> bool:
        """Leave out other videos, and summaries of segments: they are most of the topic, and large."""
        video_id, _, rest = (record.key or b"").decode(errors="replace").partition("/")
        if record.topic == "summaries" and (rest.isdigit() or self._source != "summaries"):
            return False
        return self.work.task.selection.may_be(video_id)

    def _said(self, partitions: list[int] | None) -> dict[str, Prediction]:
        """Look up what was said of this partition's videos: in it, or (None) of copies of them in any."""
        read = read_to_end(self.work.settings, self.work.bootstrap, ["predictions"], partitions=partitions)
        mine = (record for record in read if partitions or _COPY in (record.value or _COPY))
        events = [event for record in latest_per_key(mine).values() for event in self._event(record)]
        scored = [event for event in events if isinstance(event, VideoScored | SegmentScored)]
        wanted = [event for event in scored if event.target in self.work.targets]
        return {event.record_key: event for event in wanted if self._is_here(event)}

    def _is_here(self, prediction: Prediction) -> bool:
        return partition_of(_original(prediction), self.work.count) == self.partition

    def _summaries(self, records: dict[tuple[str, bytes | None], Record]) -> Iterator[Summarised]:
        events = self._events(records)
        if self._source == "summaries":
            yield from summaries_of(events)
            return
        again = assemble_again(events, self.work.settings.options(), on_skip=self.skip)
        for summary in only_finished(again, self.live, self.work.targets):
            if self.guard:
                self.guard.stands_for_latest(summary)
            yield summary

    def _segments(self) -> Iterator[Summarised]:
        """Read segments twice, once for which summary of each is the last: all of them would be too many to hold."""
        if not self.work.takes_segments:
            return
        last = {record.key: record.offset for record in self._of_segments()}
        for record in self._of_segments():
            if record.value is not None and last.get(record.key) == record.offset:
                events = (event for event in self._event(record) if isinstance(event, Summarised))
                yield from filter(self.takes, events)

    def _of_segments(self) -> Iterator[Record]:
        for record in read_to_end(self.work.settings, self.work.bootstrap, ["summaries"], partitions=[self.partition]):
            video_id, _, rest = (record.key or b"").decode(errors="replace").partition("/")
            if rest.isdigit() and self.work.task.selection.may_be(video_id):
                yield record

    def _events(self, records: dict[tuple[str, bytes | None], Record]) -> Iterator[Event]:
        """Read one record after the other, and let go of each: decoded, all of them would be too many."""
        while records:
            yield from self._event(records.pop(next(iter(records))))

    def _event(self, record: Record) -> Iterator[Event]:
        try:
            yield event_of(record)
        except Unreadable as error:
            self.skipped.append(f"{record.topic}/{record.partition}/{record.offset}: {error}")

    def _counted(self, summaries: list[Summarised]) -> Iterator[Summarised]:
        for number, summary in enumerate(summaries):
            if number % BATCH == 0:
                self.work.on_report(Progress(partition=self.partition, done=number, total=len(summaries)))
            yield summary


def _is_final(prediction: Prediction) -> bool:
    return isinstance(prediction, VideoScored) and prediction.stage == "final"


def _original(prediction: Prediction) -> VideoId:
    copied = prediction.duplicate_of if isinstance(prediction, VideoScored) else None
    return copied or prediction.video_id


def _is_same(made: Prediction, live: Prediction | None) -> bool:
    return live is not None and encode(made) == encode(live)


def _begun(work: Work, partition: int, checkpoint: Checkpoint) -> dict[tuple[str, int], int]:
    """Where the look at the logs begins: now, or where a replay that was stopped began; noted before anything is written."""
    wanted = [("predictions", number) for number in range(work.count)] + [("summaries", partition)]
    now = {place: end for place, (_first, end) in offset_ranges(work.settings, work.bootstrap, wanted).items()}
    place = checkpoint.read(partition)
    earlier = {("predictions", number): offset for number, offset in (place.begun if place else {}).items()}
    begun = now | earlier
    checkpoint.write(partition, _predictions(begun), is_done=False)
    return begun


def _predictions(begun: Mapping[tuple[str, int], int]) -> dict[int, int]:
    return {number: offset for (topic, number), offset in begun.items() if topic == "predictions"}
