import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import EXAMPLES, VIDEO_ID
from small_events import link

from schemas.codec import encode
from schemas.errors import BrokerUnavailable, Unreadable, UsageError
from schemas.event import Event, VideoEvent
from schemas.releases import ReleasePublished
from streams.kafka.admin import create_missing, partition_counts
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, Record, event_of, follow, latest_per_key, read_to_end
from streams.kafka.partitioning import partition_of
from streams.settings import Settings
from streams.topology import TOPICS, topic, topic_of

_EMPTY_PARTITION = (partition_of(EXAMPLES[ReleasePublished].partition_key, 4) + 1) % 4


@pytest.fixture(scope="module")
def own_broker(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One Kafka for this file; each test sends what no other does."""
    with EmbeddedBroker(tmp_path_factory.mktemp("bulk-kafka"), cache) as running:
        yield running


@pytest.fixture
def cluster(own_broker: EmbeddedBroker) -> Settings:
    bootstrap = own_broker.start().bootstrap
    settings = Settings(home=own_broker.home, kafka=bootstrap, partitions=4)
    create_missing(settings, bootstrap)
    return settings


def _send(settings: Settings, *events: Event) -> None:
    with BulkProducer(settings, str(settings.kafka)) as producer:
        for event in events:
            producer.send(event)


def _read(settings: Settings, *topics: str, partitions: list[int] | None = None) -> list[Record]:
    return list(read_to_end(settings, str(settings.kafka), topics, partitions=partitions))


@pytest.mark.broker
def test_every_event_comes_back_as_it_was_sent(cluster: Settings) -> None:
    _send(cluster, *EXAMPLES.values())
    read = [event_of(r) for r in _read(cluster, *{topic_of(e).name for e in EXAMPLES.values()})]
    for event in EXAMPLES.values():
        assert event in read


@pytest.mark.broker
def test_a_videos_events_share_one_partition_number_whoever_sent_them(cluster: Settings) -> None:
    of_video = [e for e in EXAMPLES.values() if isinstance(e, VideoEvent) and e.video_id == VIDEO_ID]
    assert len({topic_of(e).name for e in of_video}) > 5
    _send(cluster, *of_video)
    asyncio.run(_send_by_aiokafka(cluster, of_video))

    records = _read(cluster, *{topic_of(e).name for e in of_video})

    keys = {e.record_key.encode() for e in of_video}  # appearances begin with the video too, and lie at their creator
    ours = [r for r in records if r.key in keys and not topic(r.topic).partitions]
    assert len(ours) >= 2 * len([e for e in of_video if not topic_of(e).partitions])
    assert {r.partition for r in ours} == {partition_of(VIDEO_ID, cluster.partitions)}


async def _send_by_aiokafka(settings: Settings, events: list[VideoEvent]) -> None:
    from aiokafka import AIOKafkaProducer

    counts = partition_counts(settings, str(settings.kafka))
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all") as producer:
        for event in events:
            name = topic_of(event).name
            partition = partition_of(event.partition_key, counts[name])
            await producer.send_and_wait(name, encode(event), event.record_key.encode(), partition=partition)


@pytest.mark.broker
def test_thousands_arrive_once_each_and_in_order_of_their_key(cluster: Settings) -> None:
    sent = [link(f"youtube:many{i % 50}", f"s{i}") for i in range(5000)]
    _send(cluster, *sent)
    read = [event_of(r) for r in _read(cluster, "links") if r.key and r.key.startswith(b"youtube:many")]
    assert Counter(e.event_id for e in read) == Counter(e.event_id for e in sent)
    for video in {e.record_key for e in sent}:
        assert [e for e in read if e.record_key == video] == [e for e in sent if e.record_key == video]


@pytest.mark.broker
def test_chosen_partitions_hold_only_their_own_records(cluster: Settings) -> None:
    _send(cluster, *(link(f"youtube:part{i}") for i in range(20)))
    everything = _read(cluster, "links")
    some = _read(cluster, "links", partitions=[1, 2])
    assert sorted((r.partition, r.offset) for r in some) == sorted(
        (r.partition, r.offset) for r in everything if r.partition in (1, 2)
    )


@pytest.mark.broker
def test_the_end_is_fixed_when_reading_begins(cluster: Settings) -> None:
    _send(cluster, link("youtube:before"))
    reading = read_to_end(cluster, str(cluster.kafka), ["links"])
    _send(cluster, link("youtube:after"))
    keys = [r.key for r in reading]
    assert b"youtube:before" in keys
    assert b"youtube:after" not in keys


@pytest.mark.broker
def test_a_topic_without_records_ends_at_once(cluster: Settings) -> None:
    began_s = time.monotonic()
    assert _read(cluster, "outcomes", partitions=[]) == []
    assert _read(cluster, "releases", partitions=[_EMPTY_PARTITION]) == []
    assert time.monotonic() - began_s < 5


@pytest.mark.broker
def test_key_value_headers_and_place_travel_untouched(cluster: Settings) -> None:
    headers = (("stage", b"fetch"), ("bytes", bytes(range(256))), ("empty", b""))
    with BulkProducer(cluster, str(cluster.kafka)) as producer:
        producer.send_raw("dead-letters", 3, key=b"raw", value=b"\xff not json", headers=headers)
        producer.send_raw("dead-letters", 3, key=b"raw", value=None)
    with_value, tombstone = (r for r in _read(cluster, "dead-letters", partitions=[3]) if r.key == b"raw")
    assert (with_value.value, with_value.headers, with_value.partition) == (b"\xff not json", headers, 3)
    assert tombstone.value is None
    assert tombstone.offset == with_value.offset + 1
    assert abs(with_value.timestamp_ms / 1000 - time.time()) < 60
    for unreadable in (with_value, tombstone):
        with pytest.raises(Unreadable):
            event_of(unreadable)


@pytest.mark.broker
def test_a_dead_letter_of_ten_megabytes_fits(cluster: Settings) -> None:
    with BulkProducer(cluster, str(cluster.kafka)) as producer:
        producer.send_raw("dead-letters", 0, key=b"large", value=bytes(10 * 2**20))
    large = next(r for r in _read(cluster, "dead-letters", partitions=[0]) if r.key == b"large")
    assert large.value == bytes(10 * 2**20)


@pytest.mark.broker
def test_what_the_broker_refuses_is_an_error_at_flush(cluster: Settings) -> None:
    producer = BulkProducer(cluster, str(cluster.kafka))
    incompressible = random.Random(7).randbytes(12 * 2**20)
    producer.send_raw("progress", 0, key=b"k", value=incompressible)
    with pytest.raises(BrokerUnavailable, match="1 records were not written"):
        producer.flush()


@pytest.mark.broker
@pytest.mark.parametrize(("topic", "partition", "said"), [("nowhere", 0, "no topic nowhere"), ("links", 99, "for 99")])
def test_a_place_that_does_not_exist_is_named(cluster: Settings, topic: str, partition: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_to_end(cluster, str(cluster.kafka), [topic], partitions=[partition])


@pytest.mark.broker
def test_following_from_the_end_sees_only_what_comes_and_idles_between(cluster: Settings) -> None:
    _send(cluster, link("youtube:old"))
    following = follow(cluster, str(cluster.kafka), ["links"], start="end", idle_s=0.2)
    _send(cluster, link("youtube:new1"))
    assert _next(following).key == b"youtube:new1"
    assert next(following) is None
    _send(cluster, link("youtube:new2"))
    assert _next(following).key == b"youtube:new2"
    following.close()


@pytest.mark.broker
def test_following_from_offsets_goes_on_where_it_was_left(cluster: Settings) -> None:
    _send(cluster, *(link("youtube:resume", f"s{i}") for i in range(5)))
    mine = [r for r in _read(cluster, "links") if r.key == b"youtube:resume"]
    ends = {(r.topic, r.partition): r.offset + 1 for r in _read(cluster, "links")}

    start = ends | {("links", mine[0].partition): mine[3].offset}
    following = follow(cluster, str(cluster.kafka), ["links"], start=start, idle_s=0.2)

    assert [_next(following).offset for _ in range(2)] == [r.offset for r in mine[3:]]
    following.close()


@pytest.mark.broker
def test_a_follower_waits_through_a_brokers_absence(own_broker: EmbeddedBroker, cluster: Settings) -> None:
    following = follow(cluster, str(cluster.kafka), ["links"], start="end", idle_s=0.2)
    _send(cluster, link("youtube:first"))
    assert _next(following).key == b"youtube:first"
    own_broker.stop()
    assert next(following) is None
    own_broker.start()
    _send(cluster, link("youtube:second"))
    assert _next(following).key == b"youtube:second"
    following.close()


def _next(following: Iterator[Record | None]) -> Record:
    for _ in range(100):
        record = next(following)
        if record is not None:
            return record
    raise AssertionError("nothing came")


def _record(key: bytes, value: bytes | None, offset: int, topic: str = "links") -> Record:
    return Record(topic=topic, partition=0, offset=offset, key=key, value=value, headers=(), timestamp_ms=0)


def test_the_latest_record_of_each_key_stays_and_a_tombstone_removes_it() -> None:
    last = _record(b"a", b"3", 4)
    other = _record(b"a", b"1", 0, topic="media")
    log = [_record(b"a", b"1", 0), _record(b"b", b"2", 1), other, _record(b"b", None, 3), last]
    assert latest_per_key(log) == {("links", b"a"): last, ("media", b"a"): other}


def test_a_key_written_again_after_its_tombstone_is_there() -> None:
    again = _record(b"a", b"2", 2)
    assert latest_per_key([_record(b"a", b"1", 0), _record(b"a", None, 1), again]) == {("links", b"a"): again}


def test_every_topic_has_readable_types() -> None:
    for each in TOPICS:
        with pytest.raises(Unreadable):
            event_of(_record(b"a", b"{}", 0, topic=each.name))
