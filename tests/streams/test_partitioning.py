import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.admin import create_missing, partition_counts
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.partitioning import murmur2, partition_of
from streams.settings import Settings

# Source: org.apache.kafka.common.utils.UtilsTest.testMurmur2
JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize(("text", "hashed"), JAVA.items())
def test_the_hash_is_javas(text: str, hashed: int) -> None:
    assert murmur2(text.encode()) == hashed


@given(st.binary(max_size=200))
def test_the_hash_is_aiokafkas(data: bytes) -> None:
    from aiokafka.partitioner import murmur2 as theirs

    assert murmur2(data) & 0xFFFFFFFF == theirs(data) & 0xFFFFFFFF


@given(st.text(min_size=1), st.integers(1, 1000))
def test_every_key_has_one_partition_that_exists(key: str, count: int) -> None:
    assert 0 <= partition_of(key, count) < count
    assert partition_of(key, count) == partition_of(key, count)


@given(st.text(min_size=1), st.integers(1, 64))
def test_the_partition_is_that_of_aiokafkas_default(key: str, count: int) -> None:
    from aiokafka.partitioner import DefaultPartitioner

    everywhere = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key.encode(), everywhere, everywhere)


@pytest.mark.parametrize("count", [0, -1])
def test_a_topic_without_partitions_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="at least one partition"):
        partition_of("youtube:a", count)


@pytest.mark.broker
def test_a_real_broker_finds_default_partitioned_records_where_we_say(
    broker: EmbeddedBroker, settings: Settings
) -> None:
    create_missing(settings, broker.bootstrap)
    keys = [f"youtube:video{i}" for i in range(40)]
    count = partition_counts(settings, broker.bootstrap)["links"]

    placed = asyncio.run(_partitions_by_default(broker.bootstrap, keys))

    assert placed == {key: partition_of(key, count) for key in keys}
    assert len(set(placed.values())) > 1


async def _partitions_by_default(bootstrap: str, keys: list[str]) -> dict[str, int]:
    from aiokafka import AIOKafkaProducer

    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        return {key: (await producer.send_and_wait("links", b"{}", key=key.encode())).partition for key in keys}
