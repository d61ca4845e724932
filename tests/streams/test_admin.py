from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_events import link

from schemas.errors import BrokerUnavailable
from streams.kafka import admin
from streams.kafka.admin import create_missing, differences, group_of, partition_counts, topic_config
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer
from streams.kafka.lag import group_lags
from streams.settings import Settings
from streams.topology import STAGES, TOPICS, topic

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def cluster(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Kafka without topics, for the tests of this file in their order."""
    home = tmp_path_factory.mktemp("admin")
    with EmbeddedBroker(home, cache) as running:
        yield Settings(home=home, kafka=running.bootstrap, partitions=4)


def _bootstrap(settings: Settings) -> str:
    assert settings.kafka is not None
    return settings.kafka


def test_everything_that_is_missing_is_created_once(cluster: Settings) -> None:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    by_hand = NewTopic("links", num_partitions=2, config={"cleanup.policy": "compact"})
    client = AdminClient({"bootstrap.servers": _bootstrap(cluster)})
    client.create_topics([by_hand])["links"].result()

    created = create_missing(cluster, _bootstrap(cluster))

    assert set(created) == {t.name for t in TOPICS} - {"links"}
    assert create_missing(cluster, _bootstrap(cluster)) == []
    counts = partition_counts(cluster, _bootstrap(cluster))
    assert counts == {t.name: t.partitions or 4 for t in TOPICS} | {"links": 2}


def test_differences_are_said_in_words_and_not_changed(cluster: Settings) -> None:
    create_missing(cluster, _bootstrap(cluster))
    said = {str(d) for d in differences(cluster, _bootstrap(cluster))}
    assert said == {
        "links: partitions 2, expected 4",
        "links: cleanup.policy compact, expected delete",
        f"links: retention.ms 604800000, expected {30 * 86_400_000}",
        f"links: max.message.bytes 17825792, expected {topic('links').max_message_bytes}",
    }
    assert {str(d) for d in differences(cluster, _bootstrap(cluster))} == said
    assert partition_counts(cluster, _bootstrap(cluster))["links"] == 2


def test_lag_counts_what_nobody_has_read_and_who_reads(cluster: Settings) -> None:
    from confluent_kafka import Consumer

    create_missing(cluster, _bootstrap(cluster))
    with BulkProducer(cluster, _bootstrap(cluster)) as producer:
        for i in range(10):
            producer.send(link(f"youtube:v{i}"))
    assert _lag(cluster, "fetch") == (0, 10)

    reader = Consumer(
        {"bootstrap.servers": _bootstrap(cluster), "group.id": group_of("fetch"), "auto.offset.reset": "earliest"}
    )
    reader.subscribe(["links"])
    for _ in range(4):
        message = reader.poll(10)
        assert message is not None
        assert message.error() is None
        reader.commit(message=message, asynchronous=False)
    assert _lag(cluster, "fetch") == (1, 6)
    reader.close()
    assert _lag(cluster, "fetch") == (0, 6)


def test_every_stage_has_a_lag_for_every_partition_it_reads(cluster: Settings) -> None:
    create_missing(cluster, _bootstrap(cluster))
    counts = partition_counts(cluster, _bootstrap(cluster))
    for found, stage in zip(group_lags(cluster, _bootstrap(cluster)), STAGES, strict=True):
        assert found.stage == stage.name
        assert set(found.lags) == {(name, p) for name in stage.reads for p in range(counts[name])}


def _lag(settings: Settings, stage: str) -> tuple[int, int]:
    found = next(g for g in group_lags(settings, _bootstrap(settings)) if g.stage == stage)
    return found.members, found.total


@pytest.mark.parametrize("ask", [create_missing, differences, group_lags])
def test_without_a_broker_the_address_is_named(
    ask: Callable[[Settings, str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.admin.TIMEOUT_S", 1.0)
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1 does not answer"):
        ask(Settings(home=tmp_path), "127.0.0.1:1")


def test_a_topic_kept_for_ever_has_no_retention() -> None:
    assert topic_config(topic("summaries"))["retention.ms"] == "-1"
    assert topic_config(topic("progress"))["cleanup.policy"] == "compact,delete"


def test_a_client_that_knew_the_cluster_before_its_restart_is_still_answered(
    fresh_broker: EmbeddedBroker, tmp_path: Path
) -> None:
    from confluent_kafka.admin import OffsetSpec

    settings = Settings(home=tmp_path, kafka=fresh_broker.bootstrap, partitions=1)
    create_missing(settings, fresh_broker.bootstrap)
    client, places = admin.client_of(settings, fresh_broker.bootstrap), [("links", 0), ("media", 0)]
    before = admin._offsets(client, places, OffsetSpec.latest())
    fresh_broker.stop()
    fresh_broker.start()
    assert admin._offsets(client, places, OffsetSpec.latest()) == before
