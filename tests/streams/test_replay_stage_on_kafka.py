"""One stage again over past segments, on a real Kafka: beside what stands, then instead of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import pytest
import runs

from models.vectors import to_vector
from processors.per_segment import Author, PerSegment
from schemas.errors import MediaUnreadable
from schemas.event import Event
from schemas.features import FeatureExtracted, FeatureReextracted
from schemas.segments import SegmentCut
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.reextraction import NotAlone, check_repeatable
from streams.replay_selection import selection
from streams.replay_stage import Reextracted, StageWishes, run_again
from streams.settings import Settings
from streams.storage.media import FolderMediaStore

pytestmark = pytest.mark.broker

VIDEOS, SEGMENTS = 4, 3
NEW = "2"


class Looks(PerSegment):
    """A visual stage whose model says how many bytes the frames have."""

    version = NEW

    def __init__(self, media: FolderMediaStore, *, fails_at: str = "") -> None:
        self.author = Author(stage="visual", version=NEW, model="bytes", model_version=NEW)
        self._media, self._fails_at = media, fails_at
        self.looked = 0

    def describe(self, event: SegmentCut) -> list[Event]:
        if event.record_key == self._fails_at:
            raise MediaUnreadable("broken pictures")
        self.looked += 1
        size = float(len(self._media.get(event.frames_ref)))
        return [msgspec.structs.replace(self.author.feature(event), vector=to_vector([size, 1.0]))]


@dataclass
class Kept:
    settings: Settings
    media: FolderMediaStore
    events: list[Event] = field(default_factory=list)

    def run(self, looks: PerSegment, **wishes: object) -> Reextracted:
        source = (self.settings, self.settings.kafka)
        asked = StageWishes(**({"stage": "visual"} | wishes))
        return run_again(source, asked, looks, media=self.media, on_video=lambda done, of: None)

    def on(self, topic: str) -> dict[str, Event]:
        records = latest_per_key(read_to_end(self.settings, self.settings.kafka, [topic])).values()
        return {event.record_key: event for event in map(event_of, records)}


@pytest.fixture(scope="module")
def own_broker(cache, tmp_path_factory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("again"), cache) as running:
        yield running


@pytest.fixture(scope="module")
def kept(own_broker, tmp_path_factory) -> Kept:
    """Four videos whose frames are kept but for the last; version 1 stands."""
    settings = Settings(home=own_broker.home, kafka=own_broker.bootstrap, partitions=2)
    create_missing(settings, own_broker.bootstrap)
    media = FolderMediaStore(tmp_path_factory.mktemp("media"))
    with BulkProducer(settings, own_broker.bootstrap) as producer:
        for number in range(VIDEOS):
            for event in _video(number):
                producer.send(event)
            for index in range(SEGMENTS if number < VIDEOS - 1 else 0):
                media.put(f"frames/{number}/{index}.zip", b"x" * (index + 1))
    return Kept(settings, media)


def _video(number: int) -> Iterator[Event]:
    video_id = f"url:s{number}"
    yield runs.fetched(video_id, url=f"https://example.org/{number}", media_ref=f"videos/{number}/media.mp4")
    for index in range(SEGMENTS):
        cut = runs.cut(video_id, index, count=SEGMENTS)
        yield msgspec.structs.replace(cut, frames_ref=f"frames/{number}/{index}.zip")
        yield runs.feature(video_id, index, modality="visual")
    yield runs.counted(video_id, SEGMENTS)


def test_a_new_version_lies_beside_the_old_and_stands_when_promoted(kept):
    before = kept.on("features")
    broken = Looks(kept.media, fails_at="url:s1/2")
    first = kept.run(broken)
    assert (first.videos, first.segments, first.already) == (VIDEOS, 3 * SEGMENTS - 1, 0)
    assert first.gone == [f"url:s{VIDEOS - 1}"]
    assert [line.startswith("SegmentCut url:s1/2") for line in first.skipped] == [True]
    assert kept.on("features") == before, "what is in work must not meet two versions"
    beside = kept.on("feature-versions")
    assert set(beside) == {f"url:s{v}/{i}/visual/{NEW}" for v in range(3) for i in range(SEGMENTS)} - {
        f"url:s1/2/visual/{NEW}"
    }
    assert all(isinstance(event, FeatureReextracted) for event in beside.values())

    part = kept.run(Looks(kept.media), promote=True)
    assert part.promoted == 2
    assert sorted(part.unfinished) == ["url:s1", "url:s3"]
    versions = _versions(kept)
    assert versions == {"url:s0": {NEW}, "url:s1": {"1"}, "url:s2": {NEW}, "url:s3": {"1"}}

    looks = Looks(kept.media)
    rest = kept.run(looks)
    assert (rest.segments, rest.already, looks.looked) == (1, 3 * SEGMENTS - 1, 1), "it goes on where it was"
    assert kept.run(Looks(kept.media), promote=True).promoted == 1
    assert _versions(kept)["url:s1"] == {NEW}
    assert kept.run(Looks(kept.media), promote=True).promoted == 0


def _versions(kept: Kept) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for event in kept.on("features").values():
        assert isinstance(event, FeatureExtracted)
        found.setdefault(event.video_id, set()).add(event.model_version)
    return found


def test_a_video_without_media_is_fetched_again_when_asked(kept):
    wanted = selection("", [], ["url:s3"])
    done = kept.run(Looks(kept.media), selection=wanted, refetch=True)
    assert (done.videos, done.gone, done.refetched) == (1, ["url:s3"], ["url:s3"])
    (link,) = kept.on("links").values()
    assert (link.video_id, link.url, link.again) == ("url:s3", "https://example.org/3", True)


@pytest.mark.parametrize("name", ["identity", "fetch", "smell"])
def test_a_stage_that_means_nothing_alone_is_refused(name):
    with pytest.raises(NotAlone, match="text, visual, audio and faces can"):
        check_repeatable(name)
