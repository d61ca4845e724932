"""What a web server publishes lies on its topics when it says so."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_events import link

from dashboard.topics import KafkaTopics
from schemas.errors import BrokerUnavailable, UsageError
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import Record, read_to_end
from streams.settings import Settings

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def cluster(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with EmbeddedBroker(tmp_path_factory.mktemp("web-kafka"), cache) as running:
        settings = Settings(home=running.home, kafka=running.bootstrap, partitions=2)
        create_missing(settings, running.bootstrap)
        yield settings


@pytest.fixture
def topics(cluster: Settings) -> Iterator[KafkaTopics]:
    made = KafkaTopics(cluster, str(cluster.kafka))
    yield made
    made.close()


def links_on(settings: Settings) -> list[Record]:
    return list(read_to_end(settings, str(settings.kafka), ["links"]))


def test_many_requests_at_once_are_all_published(cluster: Settings, topics: KafkaTopics) -> None:
    events = [link(f"yt:many-{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda event: topics.send([event]), events))
    keys = {record.key for record in links_on(cluster)}
    assert {event.record_key.encode() for event in events} <= keys


def test_what_is_taken_back_is_a_tombstone_over_its_key(cluster: Settings, topics: KafkaTopics) -> None:
    event = link("yt:taken-back")
    topics.send([event])
    topics.take_back([event])
    values = [record.value for record in links_on(cluster) if record.key == event.record_key.encode()]
    assert len(values) == 2
    assert values[0]
    assert values[1] is None


def test_a_topic_that_is_not_there_is_named_and_the_next_request_asks_anew(
    cluster: Settings, topics: KafkaTopics
) -> None:
    topics.send([link("yt:before")])
    known, topics._producer._counts = topics._producer._counts, {}  # type: ignore[union-attr]  # as an old one would have
    with pytest.raises(UsageError, match="no topic links"):
        topics.send([link("yt:unknown")])
    assert known
    topics.send([link("yt:after")])
    assert b"yt:after" in b"".join(record.key or b"" for record in links_on(cluster))


def test_while_kafka_is_away_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable):
        KafkaTopics(Settings(home=tmp_path, kafka="127.0.0.1:9"), "127.0.0.1:9").send([link("yt:lost")])
