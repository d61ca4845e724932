"""A library built anew is the same as the live one, also while somebody follows and reads it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import EXAMPLES, LINK, SCORED
from libraries import STORY, Tape, fetched, scored, topic_by_topic
from small_events import link
from workers import wait_until

from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from dashboard.library_fold import TOPICS
from dashboard.library_follow import Follower
from dashboard.library_rebuild import rebuild, waiting
from dashboard.library_store import Replaced
from dashboard.rows import VideoQuery
from schemas.errors import UsageError
from schemas.event import Event
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer
from streams.settings import Settings
from streams.topology import topic_of

LONGEST_S = 60.0


def test_a_new_library_takes_the_old_ones_place_only_when_it_knows_as_much(library: StoredLibrary) -> None:
    records = Tape().write(*STORY, *(fetched(number) for number in range(20)))
    library.take(records)
    expected = list(library.dump())
    new = library.stores.fresh()
    again = topic_by_topic(records)
    library.take_into(new, again[:-1])
    assert not library.stores.switch(new)
    assert library.store.name != new.name
    library.take_into(new, again)
    assert library.stores.switch(new)
    assert library.store.name == new.name
    assert list(library.dump()) == expected


def test_who_still_writes_to_the_old_one_is_told_to_begin_again(library: StoredLibrary) -> None:
    tape = Tape()
    old = library.store
    library.take_into(old, tape.write(LINK))
    library.stores.begin_anew()
    with pytest.raises(Replaced):
        library.take_into(old, tape.write(SCORED))
    assert library.offsets() == {}
    assert library.videos(VideoQuery()).total == 0


def test_a_new_library_that_was_taken_away_takes_nobodys_place(library: StoredLibrary) -> None:
    records = Tape().write(LINK)
    new = library.stores.fresh()
    library.take_into(new, records)
    library.stores.begin_anew()
    with pytest.raises(Replaced):
        library.take_into(new, Tape().write(LINK, SCORED))
    assert library.videos(VideoQuery()).total == 0


def test_two_cannot_rebuild_at_once(library: StoredLibrary) -> None:
    with library.stores.rebuilding(), pytest.raises(UsageError, match="somebody else"), library.stores.rebuilding():
        pass
    with library.stores.rebuilding() as go_on:
        go_on()


def test_a_library_of_another_version_is_begun_anew(
    library_settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard import library_files, library_servers

    first = open_library(library_settings)
    first.take(Tape().write(LINK))
    first.close()
    for module in (library_files, library_servers):
        monkeypatch.setattr(module, "SCHEMA", "next")
    second = open_library(library_settings)
    assert second.offsets() == {}
    assert "built anew" in caplog.text
    second.close()


def test_a_library_that_vanished_is_begun_anew_while_it_is_read(tmp_path: Path) -> None:
    import shutil

    library = open_library(Settings(home=tmp_path))
    library.take(Tape().write(LINK))
    shutil.rmtree(tmp_path / "library")
    assert library.videos(VideoQuery()).total == 0
    library.take(Tape().write(LINK))
    assert library.videos(VideoQuery()).total == 1
    library.close()


def test_a_library_whose_file_is_broken_is_begun_anew(tmp_path: Path) -> None:
    first = open_library(Settings(home=tmp_path))
    first.take(Tape().write(LINK))
    path = tmp_path / "library" / first.store.name
    first.close()
    path.write_bytes(b"no database" * 1000)
    second = open_library(Settings(home=tmp_path))
    assert second.offsets() == {}
    second.close()


def test_what_waits_is_counted_from_the_first_record_that_is_still_there() -> None:
    ranges = {("links", 0): (5, 9), ("links", 1): (0, 3)}
    assert waiting(ranges, {("links", 0): 2, ("links", 1): 3}) == 4


@pytest.fixture(scope="module")
def cluster(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("rebuilt")
    with EmbeddedBroker(home, cache) as running:
        settings = Settings(home=home, cache=cache, kafka=running.bootstrap, partitions=4)
        create_missing(settings, running.bootstrap)
        with BulkProducer(settings, running.bootstrap) as producer:
            for event in some_events():
                producer.send(event)
        yield settings


def some_events() -> list[Event]:
    known = [event for event in EXAMPLES.values() if topic_of(event).name in TOPICS]
    return [*known, *(fetched(n) for n in range(60)), *(scored(n, float(n)) for n in range(60))]


def bootstrap_of(settings: Settings) -> str:
    assert settings.kafka is not None
    return settings.kafka


@pytest.mark.broker
def test_a_rebuilt_library_is_the_same_while_a_dashboard_follows(cluster: Settings, library_settings: Settings) -> None:
    library = open_library(library_settings)
    bootstrap = bootstrap_of(cluster)
    follower = Follower(cluster, bootstrap, library)
    follower.start()
    try:
        wait_until(lambda: follower.lag == 0, limit_s=LONGEST_S, what="the end of the topics")
        before, live = library.store.name, list(library.dump())
        heard: list[tuple[int, int]] = []
        records = rebuild(cluster, bootstrap, library, lambda done, total: heard.append((done, total)))
        assert library.store.name != before
        assert list(library.dump()) == live
        assert heard[-1] == (records, records)
        with BulkProducer(cluster, bootstrap) as producer:
            producer.send(link("url:afterwards"))
        wait_until(
            lambda: len(library.rows(["url:afterwards"])) == 1, limit_s=LONGEST_S, what="the video that came afterwards"
        )
    finally:
        follower.stop()
        library.close()


@pytest.mark.broker
def test_the_command_builds_the_library_and_says_what_is_in_it(cluster: Settings, tmp_path: Path) -> None:
    settings = cluster.model_copy(update={"home": tmp_path})

    def groundswell(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "dashboard.commands.main", "library", *words, "--json"],
            env={**os.environ, **settings.environment()},
            capture_output=True,
            text=True,
            check=True,
        )
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    empty, full = groundswell("status"), groundswell("rebuild")
    assert (empty["videos"], full["waiting"], full["unreadable"]) == (0, 0, 0)
    assert empty["waiting"] == full["taken"]
    assert int(str(full["videos"])) >= 61
