"""Following a real Kafka: nothing is missed, and topics that were made anew are noticed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from examples import FETCHED, LINK, SCORED, VIDEO_ID
from small_events import link
from workers import wait_until

from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from dashboard.library_follow import Follower, batches
from dashboard.rows import Change, VideoQuery
from schemas.codec import encode
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, Record
from streams.settings import Settings

LONGEST_S = 60.0


def record(offset: int) -> Record:
    return Record(topic="links", partition=0, offset=offset, key=b"", value=b"", headers=(), timestamp_ms=1)


def test_a_batch_ends_when_nothing_comes() -> None:
    found = list(batches(iter([record(0), record(1), None, None, record(2), None])))
    assert [[r.offset for r in batch] for batch in found] == [[0, 1], [], [2]]


@pytest.fixture(scope="module")
def cluster(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("followed")
    with EmbeddedBroker(home, cache) as running:
        settings = Settings(home=home, cache=cache, kafka=running.bootstrap, partitions=4)
        create_missing(settings, running.bootstrap)
        yield settings


@pytest.fixture
def library(cluster: Settings, tmp_path: Path) -> Iterator[StoredLibrary]:
    opened = open_library(cluster.model_copy(update={"home": tmp_path}))
    yield opened
    opened.close()


def bootstrap_of(settings: Settings) -> str:
    assert settings.kafka is not None
    return settings.kafka


def send(settings: Settings, *events: object) -> None:
    with BulkProducer(settings, bootstrap_of(settings)) as producer:
        for event in events:
            producer.send(event)


@pytest.mark.broker
def test_what_is_written_is_in_the_library_a_moment_later_and_said(cluster: Settings, library: StoredLibrary) -> None:
    heard: list[Change] = []
    follower = Follower(cluster, bootstrap_of(cluster), library, heard.extend)
    send(cluster, LINK, FETCHED)
    follower.start()
    try:
        wait_until(lambda: library.videos(VideoQuery()).total == 1, limit_s=LONGEST_S, what="the first video")
        send(cluster, SCORED)
        wait_until(
            lambda: Change("video", VIDEO_ID) in heard and library.rows([VIDEO_ID])[0].predictions != (),
            limit_s=LONGEST_S,
            what="its prediction",
        )
        wait_until(lambda: follower.lag == 0, limit_s=LONGEST_S, what="the end of the topics")
    finally:
        follower.stop()
    assert follower.problem == ""


@pytest.mark.broker
def test_a_follower_that_was_away_goes_on_where_the_library_is(cluster: Settings, library: StoredLibrary) -> None:
    for number in range(3):
        send(cluster, link(f"url:away{number}"))
        follower = Follower(cluster, bootstrap_of(cluster), library)
        follower.start()
        try:
            wait_until(
                lambda number=number: len(library.rows([f"url:away{number}"])) == 1,
                limit_s=LONGEST_S,
                what=f"video {number}",
            )
        finally:
            follower.stop()
    assert library.videos(VideoQuery(text="away")).total == 3


@pytest.mark.broker
def test_a_library_that_knows_more_than_the_topics_is_built_anew(cluster: Settings, library: StoredLibrary) -> None:
    send(cluster, link("url:known"))
    ahead = replace(record(10**6), key=b"url:lost", value=encode(link("url:lost")))
    library.take([ahead])
    follower = Follower(cluster, bootstrap_of(cluster), library)
    follower.start()
    try:
        wait_until(lambda: len(library.rows(["url:known"])) == 1, limit_s=LONGEST_S, what="the known video")
    finally:
        follower.stop()
    assert library.rows(["url:lost"]) == []


@pytest.mark.broker
def test_a_library_of_topics_that_were_made_anew_is_built_anew(cluster: Settings, library: StoredLibrary) -> None:
    from confluent_kafka.admin import AdminClient

    send(cluster, link("url:before"))
    follower = Follower(cluster, bootstrap_of(cluster), library)
    follower.start()
    wait_until(lambda: len(library.rows(["url:before"])) == 1, limit_s=LONGEST_S, what="the video before")
    follower.stop()
    client = AdminClient({"bootstrap.servers": bootstrap_of(cluster)})
    client.delete_topics(["links"])["links"].result()
    wait_until(
        lambda: create_missing(cluster, bootstrap_of(cluster)) == ["links"], limit_s=LONGEST_S, what="the topic anew"
    )
    send(cluster, link("url:after"), *(link(f"url:more{number}") for number in range(20)))
    follower = Follower(cluster, bootstrap_of(cluster), library)
    follower.start()
    try:
        wait_until(lambda: len(library.rows(["url:after"])) == 1, limit_s=LONGEST_S, what="the video after")
    finally:
        follower.stop()
    assert library.rows(["url:before"]) == []
