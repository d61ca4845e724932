"""Faces of past segments looked at once more, on a real Kafka: the gallery counts each video once, and knows whom it knew."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import runs
from frame_zips import zip_of
from networks import ONE_THREAD, face_sight
from people import Machine, command
from portraits import head, on_wall

from models.faces.sighting import FaceSight
from processors.faces import FacesProcessor
from schemas.commands import IdentityNamed
from schemas.event import Event
from schemas.features import FeatureExtracted
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.reextraction import NotAlone
from streams.replay_stage import Reextracted, StageWishes, run_again
from streams.settings import Settings
from streams.storage.media import FolderMediaStore
from streams.storage.unchanged import UnchangedMedia
from streams.storage.weights import WeightsCache

pytestmark = pytest.mark.broker

VIDEO = "url:faces"


@dataclass
class Kept:
    settings: Settings
    media: FolderMediaStore

    def run(self, processor: FacesProcessor, *, promote: bool = False) -> Reextracted:
        asked = StageWishes(stage="faces", promote=promote)
        return run_again(
            (self.settings, self.settings.kafka), asked, processor, media=self.media, on_video=lambda done, of: None
        )

    def on(self, topic: str) -> dict[str, bytes]:
        records = latest_per_key(read_to_end(self.settings, self.settings.kafka, [topic])).values()
        return {record.key.decode(): record.value for record in records}

    def faces(self) -> list[Event]:
        return [
            event_of(r) for r in latest_per_key(read_to_end(self.settings, self.settings.kafka, ["faces"])).values()
        ]

    def versions(self) -> set[str]:
        events = map(event_of, latest_per_key(read_to_end(self.settings, self.settings.kafka, ["features"])).values())
        return {event.model_version for event in events if isinstance(event, FeatureExtracted)}

    def pictures(self) -> dict[str, bytes]:
        folder = self.media.local(f"frames/{VIDEO[4:]}/0.zip").parents[2]
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.jpg"))}


def _cuts() -> Iterator[Event]:
    for index in range(2):
        cut = runs.cut(VIDEO, index, count=2)
        yield msgspec.structs.replace(cut, frames_ref=f"frames/{VIDEO[4:]}/{index}.zip", shot_starts_s=(cut.start_s,))


def _sight(cache: Path, **changes: float) -> FaceSight:
    weights = WeightsCache(cache)
    return FaceSight.load(weights.fetch("centerface"), weights.fetch("dlib-face"), inference=ONE_THREAD, **changes)


@pytest.fixture
def kept(cache, tmp_path) -> Iterator[Kept]:
    """A film of two people, of whom one stays; looked at by the live stage."""
    with EmbeddedBroker(tmp_path / "kafka", cache) as broker:
        settings = Settings(home=broker.home, kafka=broker.bootstrap, partitions=2)
        create_missing(settings, broker.bootstrap)
        media = FolderMediaStore(tmp_path / "media")
        both, one = on_wall(head("astronaut"), head("pioneer")), on_wall(head("astronaut"))
        for index, picture in enumerate((both, one)):
            media.put(f"frames/{VIDEO[4:]}/{index}.zip", zip_of({4000 * index: picture, 4000 * index + 2000: picture}))
        live = FacesProcessor(face_sight(cache), media)
        cuts = list(_cuts())
        said = [answer for answers in live.transform(cuts) for answer in answers]
        with BulkProducer(settings, broker.bootstrap) as producer:
            for event in (runs.fetched(VIDEO, media_ref="m"), *cuts, runs.counted(VIDEO, 2), *said):
                producer.send(event)
        yield Kept(settings, media)


def test_promoted_faces_are_who_they_were_and_their_video_counts_once(kept: Kept, cache: Path) -> None:
    gallery = Machine()
    gallery.feed(*kept.faces())
    astronaut = gallery.owner(f"{VIDEO}/1/0")
    gallery.feed(command(IdentityNamed, identity_id=astronaut, name="Eileen"))
    gallery.feed(*[event for event in gallery.said if type(event).__name__ == "CommandTaken"])
    before, pictures = {topic: kept.on(topic) for topic in ("faces", "features")}, kept.pictures()
    larger = _sight(cache, size_px=640)

    done = kept.run(FacesProcessor(larger, UnchangedMedia(kept.media)))
    assert (done.videos, done.segments, done.skipped) == (1, 2, [])
    assert {topic: kept.on(topic) for topic in before} == before
    assert kept.pictures() == pictures
    assert b'"track"' not in b"".join(kept.on("feature-versions").values())

    assert kept.run(FacesProcessor(larger, kept.media), promote=True).promoted == 1
    assert kept.versions() == {larger.version}
    assert kept.on("faces") != before["faces"]
    gallery.feed(*kept.faces())
    found = {p.name: (p.tracks, p.videos) for p in gallery.identities.values()}
    assert found == {"Eileen": (2, 1), "": (1, 1)}
    assert gallery.owner(f"{VIDEO}/1/0") == astronaut
    assert kept.run(FacesProcessor(larger, kept.media), promote=True).promoted == 0


def test_tracks_that_are_not_there_any_more_are_taken_off_the_topic(kept: Kept, cache: Path) -> None:
    gallery = Machine()
    gallery.feed(*kept.faces())
    strict = FacesProcessor(_sight(cache, least_px=2000), kept.media)
    assert kept.run(strict).segments == 2
    assert kept.run(strict, promote=True).promoted == 1
    gallery.feed(*kept.faces())
    assert gallery.identities == {}
    assert sorted(kept.on("faces")) == [f"{VIDEO}/0/count", f"{VIDEO}/1/count"]


def test_networks_whose_vectors_cannot_be_compared_are_refused_with_the_way_out(kept: Kept, cache: Path) -> None:
    other = FacesProcessor(face_sight(cache), kept.media)
    other.author = msgspec.structs.replace(other.author, model="yunet+sface")
    with pytest.raises(NotAlone, match=r"cannot be compared with those of yunet\+sface .*begin another home"):
        kept.run(other)
