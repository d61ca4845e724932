"""Replay against a real Kafka that holds what the live stages wrote."""

from collections.abc import Iterator

import msgspec
import pytest
import runs

from models.release import Release, load, save
from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory
from processors.score import ScoreProcessor
from schemas.errors import UsageError
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted
from schemas.predictions import VideoScored
from schemas.progress import StageProgressed
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.replay import Replayed, Wishes, replay
from streams.settings import Settings
from streams.storage.releases import STARTERS, ReleaseShelf, publish_starters
from streams.topology import modalities
from streams.world import open_media

pytestmark = pytest.mark.broker

VIDEOS = 20


@pytest.fixture(scope="module")
def own_broker(cache, tmp_path_factory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("replay-kafka"), cache) as running:
        yield running


@pytest.fixture(scope="module")
def past(own_broker) -> Settings:
    """Twenty videos that went through the live stages, on the topics."""
    settings = Settings(home=own_broker.home, kafka=own_broker.bootstrap, partitions=3)
    create_missing(settings, own_broker.bootstrap)
    (starter,) = [e for e in publish_starters(settings, own_broker.bootstrap) if e.target == "virality"]
    scorer = ScoreProcessor(ReleaseShelf(settings.home, open_media(settings)).folder)
    scorer.hear(starter)
    inputs = [a for n in range(VIDEOS) for e in runs.run_of(f"url:k{n}", n % 4) for a in _by_every_modality(e)]
    assembled = list(FoldInMemory(AssembleProcessor(settings.options())).feed(inputs))
    scored = [answer for answers in scorer.transform(assembled) for answer in answers]
    with BulkProducer(settings, own_broker.bootstrap) as producer:
        for event in _lasting([*inputs, *assembled, *scored]):
            producer.send(event)
    return settings


def run(settings: Settings, **wishes: object) -> Replayed:
    return replay(settings, settings.kafka, Wishes(**({"targets": ("virality",)} | wishes)))


def _by_every_modality(event: Event) -> Iterator[Event]:
    """Let the other modalities answer too, each with nothing."""
    yield event
    if isinstance(event, FeatureExtracted) and event.scope != WHOLE_VIDEO:
        for modality in set(modalities()) - {event.modality}:
            silent = {"vector": None, "labels": (), "numbers": {}, "absent_reason": f"no {modality}"}
            yield msgspec.structs.replace(event, modality=modality, **silent)


def _lasting(events: list[Event]) -> Iterator[Event]:
    return (event for event in events if not isinstance(event, StageProgressed))


def _predictions(settings: Settings) -> dict[str, VideoScored]:
    records = latest_per_key(read_to_end(settings, settings.kafka, ["predictions"])).values()
    return {event.video_id: event for event in map(event_of, records)}


@pytest.mark.parametrize("source", ["summaries", "features"])
def test_everything_comes_out_again_as_it_was(past, source):
    done = run(past, source=source, release_id="us-2017-autumn", verify=True)
    assert (done.comparison.compared, done.comparison.equal) == (VIDEOS, VIDEOS)
    assert done.comparison.agrees
    assert done.published == 0
    assert done.skipped == ()


def test_a_prediction_altered_on_the_topic_is_found(past):
    original = _predictions(past)["url:k1"]
    forged = VideoScored(**{f: getattr(original, f) for f in original.__struct_fields__} | {"value": 99.0})
    for event, different in ((forged, 1), (original, 0)):
        with BulkProducer(past, past.kafka) as producer:
            producer.send(event)
        done = run(past, release_id="us-2017-autumn", verify=True)
        assert done.comparison.different == different


def test_bytes_that_are_no_event_are_skipped_and_named(past):
    with BulkProducer(past, past.kafka) as producer:
        producer.send_raw("summaries", 0, key=b"broken", value=b"{")
    done = run(past, release_id="us-2017-autumn", verify=True)
    assert done.comparison.agrees
    assert [line.startswith("summaries/0/") for line in done.skipped] == [True]
    with BulkProducer(past, past.kafka) as producer:
        producer.send_raw("summaries", 0, key=b"broken", value=None)


def test_a_target_without_a_release_is_said(past):
    with pytest.raises(UsageError, match="groundswell train smell"):
        run(past, targets=("smell",))


def test_a_new_release_gives_every_past_video_a_new_prediction(past, tmp_path):
    newer = ReleaseShelf(past.home, open_media(past)).publish(_other_starter(tmp_path))
    with BulkProducer(past, past.kafka) as producer:
        producer.send(newer)
    done = run(past)
    rows = done.changes
    assert (done.videos, done.published) == (VIDEOS, VIDEOS)
    assert {row.before.release_id for row in rows} == {"us-2017-autumn"}
    now = _predictions(past)
    assert {prediction.release_id for prediction in now.values()} == {"newer"}
    assert all(isinstance(row.after.value, float) and now[row.video_id] == row.after for row in rows)
    assert run(past, verify=True).comparison.equal == VIDEOS


def _other_starter(folder):
    """The same fit under another name and a later date."""
    starter = load(STARTERS / "virality")
    manifest = msgspec.structs.replace(starter.manifest, release_id="newer", trained_at_s=4e9)
    save(Release(manifest, starter.ridge, starter.errors, starter.card), folder / "newer")
    return folder / "newer"
