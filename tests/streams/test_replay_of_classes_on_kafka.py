"""Replay of a target with classes on a real Kafka: chances of videos and of segments come out again byte for byte."""

from collections.abc import Iterator
from pathlib import Path

import class_release
import msgspec
import pytest
import scenes

from processors.score import ScoreProcessor
from schemas.predictions import Prediction, SegmentScored, VideoScored
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.replay import Replayed, Wishes, replay
from streams.replay_selection import Selection
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.world import open_media

pytestmark = pytest.mark.broker

FILMS = range(400, 406)
EACH = 1 + scenes.SEGMENTS
ALL = len(FILMS) * EACH


@pytest.fixture(scope="module")
def past(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Six films that were scored live by release c1, and a segment of one that was summarised twice."""
    with EmbeddedBroker(tmp_path_factory.mktemp("classes-kafka"), cache) as running:
        settings = Settings(home=running.home, kafka=running.bootstrap, partitions=1)
        create_missing(settings, running.bootstrap)
        shelf = ReleaseShelf(settings.home, open_media(settings))
        scorer = ScoreProcessor(shelf.folder)
        release = shelf.publish(class_release.folder(tmp_path_factory.mktemp("release") / "c1"))
        scorer.hear(release)
        first = scenes.segment(FILMS[0], 0, event_id="before", pooled={})
        summaries = [first, *scenes.summaries(FILMS)]
        with BulkProducer(settings, running.bootstrap) as producer:
            for event in [release, *summaries, *said_by(scorer, summaries)]:
                producer.send(event)
        yield settings


def said_by(scorer: ScoreProcessor, summaries: list) -> list[Prediction]:
    answers = [answer for answers in scorer.transform(summaries) for answer in answers]
    return [answer for answer in answers if isinstance(answer, VideoScored | SegmentScored)]


def run(settings: Settings, **wishes: object) -> Replayed:
    return replay(settings, str(settings.kafka), Wishes(**({"targets": ("scenes",)} | wishes)))


def predictions(settings: Settings) -> list[Prediction]:
    records = latest_per_key(read_to_end(settings, str(settings.kafka), ["predictions"])).values()
    return [event_of(record) for record in records]


def send(settings: Settings, *events: object) -> None:
    with BulkProducer(settings, str(settings.kafka)) as producer:
        for event in events:
            producer.send(event)


def test_videos_and_segments_come_out_again_as_they_were(past: Settings) -> None:
    done = run(past, verify=True)
    assert (done.comparison.compared, done.comparison.equal) == (ALL, ALL)
    assert done.comparison.agrees


def test_a_segment_altered_on_the_topic_is_found(past: Settings) -> None:
    original = next(one for one in predictions(past) if isinstance(one, SegmentScored))
    send(past, msgspec.structs.replace(original, chances={"holiday": 0.5}))
    found = run(past, verify=True).comparison
    assert (found.different, found.examples) == (1, (original.record_key,))
    send(past, original)


def test_a_new_release_speaks_of_every_segment_again(past: Settings, tmp_path: Path) -> None:
    newer = ReleaseShelf(past.home, open_media(past)).publish(class_release.folder(tmp_path / "c2", "c2"))
    send(past, msgspec.structs.replace(newer, trained_at_s=newer.trained_at_s + 1))
    only = run(past, selection=Selection(videos=(f"url:v{FILMS[0]}",)))
    assert (only.videos, only.published) == (1, EACH)
    done = run(past)
    assert (done.published, done.unchanged) == (ALL - EACH, EACH)
    assert {one.release_id for one in predictions(past)} == {"c2"}
    assert run(past, verify=True).comparison.agrees
