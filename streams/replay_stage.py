"""Runs one stage again on Kafka's past: what its model says now goes beside what stands, and is promoted when asked."""

import importlib
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from processors.ports import MediaStore
from processors.text import TextProcessor
from schemas.codec import head_of
from schemas.errors import GroundswellError, Unreadable
from schemas.event import Event, VideoId, derive_id
from schemas.features import FeatureExtracted
from schemas.links import LinkSubmitted
from streams import faces_again
from streams.faces_again import KnownFaces, WorldBeside, check_comparable, known_faces, look_again, void
from streams.kafka.admin import offset_ranges, partition_counts
from streams.kafka.bulk import BulkProducer, Record, event_of, latest_per_key, read_to_end
from streams.promotion import Head, promotion
from streams.readable import Sizes, check_readable, sizes_read
from streams.reextraction import (
    PastVideo,
    Repeatable,
    check_repeatable,
    extract,
    is_kept,
    longest_batch,
    past_videos,
    promotable,
    to_do,
)
from streams.replay_selection import Selection
from streams.settings import Settings
from streams.topology import stage
from streams.world import LocalWorld

_TOPICS = ("media", "segments", "features", "feature-versions")
_OF_FEATURES = ("features", "feature-versions")


class StageWishes(msgspec.Struct, frozen=True, kw_only=True):
    """Which stage to run again, on what.

    Attributes
    ----------
    partitions : tuple of int or None
        Only these, of all.
    promote : bool
        Let what lies beside take the place of what stands; runs no model.
    refetch : bool
        Submit videos again whose media are gone.
    """

    stage: str
    selection: Selection = Selection()
    partitions: tuple[int, ...] | None = None
    promote: bool = False
    refetch: bool = False


class Reextracted(msgspec.Struct, kw_only=True):
    """What became of it.

    Attributes
    ----------
    segments : int
        Answered now.
    already : int
        Answered by this version before.
    promoted : int
        Videos whose answers took the place of the older ones.
    unfinished : list of str
        Videos that were not promoted: not all segments are answered, or something new came meanwhile.
    gone : list of str
        Videos whose media are not kept.
    refetched : list of str
        Those of them that were submitted again.
    """

    stage: str
    version: str
    videos: int = 0
    segments: int = 0
    already: int = 0
    promoted: int = 0
    unfinished: list[str] = msgspec.field(default_factory=list)
    gone: list[str] = msgspec.field(default_factory=list)
    refetched: list[str] = msgspec.field(default_factory=list)
    skipped: list[str] = msgspec.field(default_factory=list)


OnVideo = Callable[[int, int], None]
"""Hears how many videos of how many are done, partition by partition."""


def processor_of(name: str, settings: Settings, *, promote: bool = False) -> Repeatable:
    """Load a stage as its worker does; only a promotion writes to the media store.

    Raises
    ------
    NotAlone
        It cannot be run again by itself.
    WeightsMissing
        Its network was not fetched.
    """
    check_repeatable(name)
    module, class_name = stage(name).processor.split(":")
    world = (LocalWorld if promote else WorldBeside)(settings, report=lambda event: None)
    built: Repeatable = getattr(importlib.import_module(module), class_name).build(world)
    return built


def run_again(
    source: tuple[Settings, str], wishes: StageWishes, processor: Repeatable, *, media: MediaStore, on_video: OnVideo
) -> Reextracted:
    """Run a stage again, or promote what such runs said.

    What is answered already is not done again, so that a stopped run goes on where it was.

    Raises
    ------
    BrokerUnavailable, UsageError
        See `read_to_end` and `BulkProducer`.
    OtherSize
        A release that serves could not read what should stand.
    NotAlone
        The gallery holds faces of other networks.
    StorageUnavailable
        The media store cannot be asked.
    """
    done = Reextracted(stage=wishes.stage, version=processor.author.model_version)
    sizes = sizes_read(*source) if wishes.promote else {}
    faces = known_faces(*source) if wishes.stage == faces_again.STAGE else KnownFaces()
    check_comparable(processor.author, faces)
    count = partition_counts(*source).get("segments", 0)
    with BulkProducer(*source) as producer:
        for partition in wishes.selection.partitions(count):
            if wishes.partitions is None or partition in wishes.partitions:
                work = _Partition(source, wishes, partition, producer, media, processor, done, sizes, faces)
                work.promote(on_video) if wishes.promote else work.extract(on_video)
    return done


@dataclass
class _Partition:
    source: tuple[Settings, str]
    wishes: StageWishes
    partition: int
    producer: BulkProducer
    media: MediaStore
    processor: Repeatable
    done: Reextracted
    sizes: Sizes
    faces: KnownFaces
    begun: dict[tuple[str, int], int] = field(default_factory=dict)

    def extract(self, on_video: OnVideo) -> None:
        videos = list(self._videos())
        for number, video in enumerate(videos, 1):
            self.done.videos += 1
            self._extract(video)
            on_video(number, len(videos))

    def promote(self, on_video: OnVideo) -> None:
        self.begun = {place: end for place, (_first, end) in self._ends().items()}
        changes = [(video, promotable(video, self.processor)) for video in self._videos()]
        for _, chosen in changes:
            check_readable(chosen, self.sizes)
        heads, busy = self._heads(), self._touched_meanwhile()
        for number, (video, chosen) in enumerate(changes, 1):
            self.done.videos += 1
            on_video(number, len(changes))
            if video.video_id in busy or not chosen:
                self.done.unfinished.append(video.video_id)
            else:
                self._let_stand(video, chosen, heads.get(video.video_id, {}))
        self.producer.flush()

    def _let_stand(self, video: PastVideo, chosen: list[FeatureExtracted], heads: dict[str, Head]) -> None:
        options = self.source[0].options()
        found = promotion(video, chosen, heads, options=options, on_skip=self._skip)
        if found.events and self.wishes.stage == faces_again.STAGE and not self._tell_gallery(video):
            self.done.unfinished.append(video.video_id)
            return
        for event in found.events:
            self.producer.send(event)
        self.done.promoted += bool(found.events)

    def _tell_gallery(self, video: PastVideo) -> bool:
        """Look at a video's faces once more, for the gallery; False where not all of it can be seen."""
        if not is_kept(self.processor, video.segments, self.media):
            self._miss(video)
            return False
        skipped = len(self.done.skipped)
        seen = look_again(self.processor, video.segments, on_skip=self._skip)
        if len(self.done.skipped) > skipped:
            return False
        for event in seen:
            self.producer.send(event)
        for key in void(video.video_id, seen, self.faces):
            self.producer.send_raw(faces_again.TOPIC, 0, key=key.encode(), value=None)
        self.producer.flush()
        return True

    def _heads(self) -> dict[VideoId, dict[str, Head]]:
        """What lies on ``summaries`` about segments, by video and record key."""
        found: dict[VideoId, dict[str, Head]] = {}
        for record in read_to_end(*self.source, ["summaries"], partitions=[self.partition]):
            key = (record.key or b"").decode(errors="replace")
            video_id, _, scope = key.rpartition("/")
            if scope.isdigit() and self.wishes.selection.may_be(video_id):
                found.setdefault(video_id, {})[key] = head_of(record.value, Head)
        return found

    def _extract(self, video: PastVideo) -> None:
        missing = to_do(video, self.processor)
        self.done.already += len(video.asked) - len(missing)
        processor = self._of_video(video)
        if not is_kept(processor, missing, self.media):
            self._miss(video)
            return
        batch = longest_batch(self.wishes.stage)
        for answer in extract(processor, missing, batch=batch, on_skip=self._skip):
            self.producer.send(answer)
            self.done.segments += 1
        self.producer.flush()

    def _of_video(self, video: PastVideo) -> Repeatable:
        """What was heard in a video is not listened to again."""
        if isinstance(self.processor, TextProcessor):
            return self.processor.remembering(video.standing.values())
        return self.processor

    def _miss(self, video: PastVideo) -> None:
        self.done.gone.append(video.video_id)
        url = video.media.url if video.media else None
        if self.wishes.refetch and url:
            self.producer.send(_link(video.video_id, url))
            self.done.refetched.append(video.video_id)

    def _videos(self) -> Iterator[PastVideo]:
        records = filter(self._is_wanted, read_to_end(*self.source, _TOPICS, partitions=[self.partition]))
        events = (event for record in latest_per_key(records).values() for event in self._event(record))
        for video in past_videos(events, self.wishes.stage):
            if video.asked and video.media and self.wishes.selection.takes(video.media):
                yield video

    def _is_wanted(self, record: Record) -> bool:
        video_id, *rest = (record.key or b"").decode(errors="replace").split("/")
        is_needed = record.topic == "features" and self.wishes.promote
        is_other = record.topic in _OF_FEATURES and rest[1:2] != [self.wishes.stage] and not is_needed
        return not is_other and self.wishes.selection.may_be(video_id)

    def _event(self, record: Record) -> Iterator[Event]:
        try:
            yield event_of(record)
        except Unreadable as error:
            self.done.skipped.append(f"{record.topic}/{record.partition}/{record.offset}: {error}")

    def _ends(self) -> dict[tuple[str, int], tuple[int, int]]:
        return offset_ranges(*self.source, [(name, self.partition) for name in _TOPICS])

    def _touched_meanwhile(self) -> set[VideoId]:
        records: Iterable[Record] = read_to_end(*self.source, _TOPICS, partitions=[self.partition], start=self.begun)
        return {(record.key or b"").decode(errors="replace").split("/")[0] for record in records}

    def _skip(self, event: Event, error: GroundswellError) -> None:
        self.done.skipped.append(f"{type(event).__name__} {event.record_key}: {error}")


def _link(video_id: VideoId, url: str) -> LinkSubmitted:
    submission_id = str(uuid.uuid4())
    return LinkSubmitted(
        event_id=derive_id("submit", "1", submission_id),
        video_id=video_id,
        submission_id=submission_id,
        submitted_at_s=round(time.time(), 3),
        url=url,
        submitted_by="groundswell replay",
        again=True,
    )
