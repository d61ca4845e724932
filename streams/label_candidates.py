"""What can be labelled: the segments (or videos) that summaries tell of, and the pictures that show them."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.pooling import mean
from schemas.errors import StorageUnavailable
from schemas.event import WHOLE_VIDEO, Event, Revision
from schemas.features import Label
from schemas.segments import SegmentCut
from schemas.summaries import Summarised
from schemas.targets import TargetDefined
from streams.kafka.admin import partition_counts
from streams.kafka.bulk import event_of, read_to_end
from streams.kafka.partitioning import partition_of
from streams.keyframes import FOLDER, Keyframes
from streams.labelling import Place
from streams.settings import Settings
from streams.world import open_media

SUMMARIES = "summaries"
SEGMENTS = "segments"

Floats = NDArray[np.float32]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, or a video as a whole, and what is known of it; `spaces` holds a vector for each modality."""

    place: Place
    revision: Revision
    title: str
    start_s: float
    end_s: float
    words: str
    seen: tuple[Label, ...]
    spaces: dict[str, Floats]


class Summaries:
    """Keeps, of summaries as they come, what a person needs to judge a segment, and no exact sums.

    Parameters
    ----------
    most : int or None
        Keep only so many, those that came last; None keeps all.
    """

    def __init__(self, target: TargetDefined, *, most: int | None = None) -> None:
        self._most = most
        self._of_videos = target.scope == WHOLE_VIDEO
        self._found: dict[Place, Candidate] = {}
        self._videos: dict[str, tuple[Revision, str]] = {}

    def take(self, summary: Summarised) -> None:
        """Note a summary over what was said of the same place before."""
        if summary.scope == WHOLE_VIDEO:
            self._videos[summary.video_id] = (summary.revision, summary.metadata.title)
        if (summary.scope == WHOLE_VIDEO) == self._of_videos:
            place = Place(summary.video_id, summary.scope)
            self._found.pop(place, None)  # so that it counts as new
            self._found[place] = _candidate(place, summary)
            if self._most is not None and len(self._found) > self._most:
                del self._found[next(iter(self._found))]

    def forget(self, key: str) -> None:
        """Note that a record was erased."""
        video_id, _, scope = key.partition("/")
        self._found.pop(Place(video_id, scope), None)
        if scope == WHOLE_VIDEO:
            self._videos.pop(video_id, None)

    def candidates(self) -> list[Candidate]:
        """Everything of the newest content of its video that has any vector, in an order of its own."""
        ordered = sorted(self._found.values(), key=lambda c: (c.place.video_id, len(c.place.scope), c.place.scope))
        return [
            msgspec.structs.replace(c, title=self._title(c))
            for c in ordered
            if c.spaces and self._videos.get(c.place.video_id, (c.revision,))[0] == c.revision
        ]

    def _title(self, candidate: Candidate) -> str:
        return self._videos.get(candidate.place.video_id, ("", ""))[1]


def read_candidates(
    settings: Settings, bootstrap: str, target: TargetDefined, *, most: int | None = None
) -> list[Candidate]:
    """Read everything that can be labelled, or the newest of it, from the summaries that scoring and training read.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    UsageError
        There is no such topic yet.
    """
    found = Summaries(target, most=most)
    for record in read_to_end(settings, bootstrap, [SUMMARIES]):
        if record.value is None:
            found.forget((record.key or b"").decode())
            continue
        event = event_of(record)
        if isinstance(event, Summarised):
            found.take(event)
    return found.candidates()


class Pictures:
    """Finds a picture of a segment's middle; a partition of ``segments`` is read when first asked for."""

    def __init__(self, settings: Settings, bootstrap: str) -> None:
        self._settings, self._bootstrap = settings, bootstrap
        self._keyframes = Keyframes(open_media(settings), settings.home / FOLDER)
        self._cuts: dict[int, dict[str, SegmentCut]] = {}

    def __call__(self, candidate: Candidate) -> Path | None:
        """The picture's path; None where the segment has none, or it is gone.

        Raises
        ------
        BrokerUnavailable
            Kafka does not answer.
        """
        cut = self._cut(candidate.place)
        if cut is None or cut.revision != candidate.revision:
            return None
        try:
            return self._keyframes(cut, (cut.start_s + cut.end_s) / 2)
        except StorageUnavailable:  # words and labels still tell what the segment is
            return None

    @cached_property
    def _partitions(self) -> int:
        return partition_counts(self._settings, self._bootstrap)[SEGMENTS]

    def _cut(self, place: Place) -> SegmentCut | None:
        partition = partition_of(place.video_id, self._partitions)
        if partition not in self._cuts:
            records = read_to_end(self._settings, self._bootstrap, [SEGMENTS], partitions=[partition])
            self._cuts[partition] = _cuts(event_of(record) for record in records if record.value is not None)
        return self._cuts[partition].get(str(place))


def _cuts(events: Iterable[Event]) -> dict[str, SegmentCut]:
    return {event.record_key: event for event in events if isinstance(event, SegmentCut)}


def _candidate(place: Place, summary: Summarised) -> Candidate:
    return Candidate(
        place=place,
        revision=summary.revision,
        title="",
        start_s=summary.start_s,
        end_s=summary.end_s,
        words=summary.words,
        seen=summary.labels,
        spaces={name: mean(pooled).astype(np.float32) for name, pooled in summary.pooled.items()},
    )
