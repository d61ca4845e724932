"""A worker asks Kafka often while records come, and seldom while there are none."""

import asyncio

import pytest

from streams.kafka import faust_consumer
from streams.kafka.faust_consumer import FETCH_WAIT_MS, QUIET_WAIT_MS


class Assignment:
    """Which partitions are read; aiokafka puts a new one in its place in every rebalance."""

    def __init__(self, *, active: bool = True) -> None:
        self.active = active


class Fetcher:
    """The part of aiokafka's fetcher that is adapted: an answer says whether it brought records."""

    def __init__(self) -> None:
        self._fetch_max_wait_ms = FETCH_WAIT_MS
        self.brings = False

    async def _proc_fetch_request(self, assignment: Assignment, node_id: int, request: object) -> bool:
        return self.brings

    def answer(self, *, brings: bool, active: bool = True) -> bool:
        self.brings = brings
        return asyncio.run(self._proc_fetch_request(Assignment(active=active), 0, None))


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Fetcher:
    """A fetcher that has not brought anything for long."""
    fetcher = Fetcher()
    faust_consumer._adapt_to_silence(fetcher)
    monkeypatch.setattr(faust_consumer, "QUIET_AFTER_S", -1.0)
    fetcher.answer(brings=False)
    monkeypatch.setattr(faust_consumer, "QUIET_AFTER_S", 60.0)
    return fetcher


def test_after_a_silence_requests_wait_longer(quiet: Fetcher) -> None:
    assert quiet._fetch_max_wait_ms == QUIET_WAIT_MS


def test_a_record_makes_them_short_again_and_is_handed_on(quiet: Fetcher) -> None:
    assert quiet.answer(brings=True)
    assert quiet._fetch_max_wait_ms == FETCH_WAIT_MS


def test_new_partitions_make_them_short_again(quiet: Fetcher) -> None:
    assert not quiet.answer(brings=False, active=False)
    assert quiet._fetch_max_wait_ms == FETCH_WAIT_MS


def test_a_moment_without_records_is_no_silence() -> None:
    fetcher = Fetcher()
    faust_consumer._adapt_to_silence(fetcher)
    assert not fetcher.answer(brings=False)
    assert fetcher._fetch_max_wait_ms == FETCH_WAIT_MS
