"""Newer predictions win: what a replay writes while live traffic goes on never stays above something newer.

A prediction is newer by the place of its summary on ``summaries``, then by the age of its release. The
logs are read again right before writing, and what is stale is left alone. They are read once more after
it: where a live prediction that is newer came in between, it is written again, so that compaction keeps it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from schemas.codec import encode, head_of
from schemas.errors import Unreadable
from schemas.event import WHOLE_VIDEO
from schemas.predictions import Prediction, SegmentScored
from schemas.summaries import Summarised
from streams.kafka.bulk import BulkProducer, Record, event_of, read_to_end
from streams.kafka.partitioning import partition_of
from streams.rescoring import Age
from streams.settings import Settings

MARK = "groundswell-replay"
"""Header of what a replay writes: which task wrote it."""

ROUNDS = 10
"""Reads after a write at most; each further one follows only a newer prediction that came during the one before."""

_NEWEST: Age = (float("inf"), 0.0, "")
_GONE = 2**62


class Rank(NamedTuple):
    """How new a prediction is; a larger one is newer."""

    summary_offset: int
    release: Age


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a rank is made of."""

    video_id: str = ""
    event_id: str = ""
    summary_id: str = ""
    target: str = ""
    release_id: str = ""
    duplicate_of: str | None = None


@dataclass(frozen=True)
class Said:
    """The newest prediction of a key that somebody else wrote while the replay runs."""

    rank: Rank
    value: bytes | None
    partition: int
    offset: int


@dataclass
class Written:
    """What became of predictions: sent, left alone for something newer, put back above ours."""

    published: int = 0
    left: int = 0
    restored: int = 0


@dataclass
class _Log:
    """What is known of the logs; grows with each look. `latest` and `late` are by the summary's key."""

    summaries: dict[str, int] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    late: dict[str, Record] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    ours: dict[str, tuple[int, Rank]] = field(default_factory=dict)
    """By key: the offset and rank of what a replay wrote last; only where it lies above all others."""


class NewestWins:
    """Writes the predictions of one partition's summaries.

    Parameters
    ----------
    ages : mapping
        Age by ``target/release_id`` of every release known; others are taken for newer.
    releases : iterable of str
        Those that the replay predicts by, as ``target/release_id``.
    begun : mapping
        By topic and partition where the look at the logs begins: before anything was written by the task.
    mark : str
        The task's name, for the header.
    hears_segments : bool
        Predictions of segments are written too, so that it matters where their summaries lie.
    """

    def __init__(
        self,
        producer: BulkProducer,
        source: tuple[Settings, str],
        *,
        partition: int,
        ages: Mapping[str, Age],
        releases: Iterable[str],
        begun: Mapping[tuple[str, int], int],
        mark: str,
        hears_segments: bool = False,
    ) -> None:
        self._producer, self._source, self._partition = producer, source, partition
        self._ages, self._next, self._mark = ages, dict(begun), mark.encode()
        self._count = sum(1 for name, _ in begun if name == "predictions")
        self._targets = {release.partition("/")[0]: ages[release] for release in releases}
        self._hears_segments = hears_segments
        self._log = _Log()

    def hear_summary(self, record: Record, *, is_late: bool = False) -> None:
        """Note where a summary lies; its tombstone is the newest of all."""
        key = (record.key or b"").decode(errors="replace")
        scope = key.rpartition("/")[2]
        if scope != WHOLE_VIDEO and not (self._hears_segments and scope.isdigit()):
            return
        self._log.latest[key] = _GONE if record.value is None else record.offset
        if record.value is not None:
            self._log.summaries[head_of(record.value, _Head).event_id] = record.offset
        if is_late:
            self._log.late[key] = record

    def stands_for_latest(self, summary: Summarised) -> None:
        """Note that a summary was made anew from everything up to the video's latest."""
        self._log.summaries.setdefault(summary.event_id, self._log.latest.get(summary.record_key, 0))

    def write(self, made: Sequence[Prediction]) -> Written:
        """Publish what is not stale; return when the logs show that nothing newer lies below it.

        Raises
        ------
        BrokerUnavailable
            Kafka does not answer, or did not take all of it.
        """
        places = self._places(made)
        self._look(places)
        done = Written()
        for prediction in made:
            if self._is_stale(prediction):
                done.left += 1
            else:
                self._send(prediction.record_key, places[prediction.record_key], encode(prediction))
                done.published += 1
        self._producer.flush()
        done.restored = self._settle(places)
        return done

    def late(self) -> list[Summarised]:
        """Give summaries that came meanwhile and were scored by a release older than the replay's.

        A scorer that hears of a release a moment late leaves such predictions; nobody else would renew them.
        """
        late = [record for key, record in self._log.late.items() if self._is_behind(key, record)]
        return list(_summaries(late))

    def _is_behind(self, key: str, record: Record) -> bool:
        video_id, _, scope = key.rpartition("/")
        end = "" if scope == WHOLE_VIDEO else f"/{scope}"
        said = ((self._log.said.get(f"{video_id}/{target}{end}"), age) for target, age in self._targets.items())
        return any(s and s.rank.summary_offset == record.offset and s.rank.release < age for s, age in said)

    def _places(self, made: Iterable[Prediction]) -> dict[str, int]:
        return {p.record_key: partition_of(p.video_id, self._count) for p in made}

    def _is_stale(self, prediction: Prediction) -> bool:
        rank = self._rank(prediction)
        said = self._log.said.get(prediction.record_key)
        if self._log.latest.get(_summary_key(prediction), -1) > rank.summary_offset:
            return True
        return said is not None and (said.rank > rank or said.rank.release > rank.release)

    def _settle(self, places: Mapping[str, int]) -> int:
        restored = 0
        for _ in range(ROUNDS):
            self._look(places)
            below = [
                k for k, (_, rank) in self._log.ours.items() if k in self._log.said and self._log.said[k].rank > rank
            ]
            self._log.ours = {key: self._log.ours[key] for key in below}
            if not below:
                break
            for key in below:
                said = self._log.said[key]
                self._send(key, said.partition, said.value)
            self._producer.flush()
            restored += len(below)
        return restored

    def _send(self, key: str, partition: int, value: bytes | None) -> None:
        headers = ((MARK, self._mark),)
        self._producer.send_raw("predictions", partition, key=key.encode(), value=value, headers=headers)

    def _look(self, places: Mapping[str, int]) -> None:
        """Read on; predictions first, so that the summary of each that is seen is seen as well."""
        predictions = self._tail("predictions", {self._partition, *places.values()})
        for record in self._tail("summaries", {self._partition}):
            self.hear_summary(record, is_late=True)
        for record in predictions:
            self._hear_prediction(record)

    def _tail(self, topic: str, partitions: set[int]) -> list[Record]:
        start = {place: offset for place, offset in self._next.items() if place[0] == topic}
        records = list(read_to_end(*self._source, [topic], partitions=sorted(partitions), start=start))
        for record in records:
            self._next[topic, record.partition] = record.offset + 1
        return records

    def _hear_prediction(self, record: Record) -> None:
        if record.key is None:
            return
        key, rank = record.key.decode(), self._rank_of(record.value)
        if dict(record.headers).get(MARK) is not None:
            self._log.ours[key] = record.offset, rank
            return
        self._log.ours.pop(key, None)
        said = self._log.said.get(key)
        if said is None or rank >= said.rank:
            self._log.said[key] = Said(rank, record.value, record.partition, record.offset)

    def _rank_of(self, value: bytes | None) -> Rank:
        return Rank(_GONE, _NEWEST) if value is None else self._rank(head_of(value, _Head))

    def _rank(self, prediction: "Prediction | _Head") -> Rank:
        release = self._ages.get(f"{prediction.target}/{prediction.release_id}", _NEWEST)
        return Rank(self._log.summaries.get(prediction.summary_id, -1), release)


def _summary_key(prediction: Prediction) -> str:
    """Where the summary lies that a prediction was made from."""
    if isinstance(prediction, SegmentScored):
        return f"{prediction.video_id}/{prediction.scope}"
    return f"{prediction.duplicate_of or prediction.video_id}/{WHOLE_VIDEO}"


def _summaries(records: Iterable[Record]) -> Iterator[Summarised]:
    for record in records:
        try:
            event = event_of(record)
        except Unreadable:
            continue
        if isinstance(event, Summarised):
            yield event
