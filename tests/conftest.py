"""Fixtures that every test may use: a real Kafka, settings of one's own, a folder of videos to try."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from streams.kafka.broker import EmbeddedBroker
from streams.settings import Settings, load

TESTS = Path(__file__).parent
ROOT = TESTS.parent

if str(TESTS) not in sys.path:  # shared test code lies in tests/*.py
    sys.path.insert(0, str(TESTS))

hypothesis_settings.register_profile(  # an example may take long on a busy machine
    "untimed", parent=hypothesis_settings.default, deadline=None
)
hypothesis_settings.load_profile("untimed")


@pytest.fixture(scope="session")
def cache() -> Path:
    """Jars and weights, as `make demo` keeps them, so that only the first run downloads."""
    return load().cache_folder


@pytest.fixture(scope="session")
def broker(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One Apache Kafka for the whole session, without topics; share it, and do not stop it."""
    with EmbeddedBroker(tmp_path_factory.mktemp("shared-kafka"), cache) as running:
        yield running


@pytest.fixture
def fresh_broker(cache: Path, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A Kafka of this test's own: empty, and free to be stopped, killed and started again."""
    with EmbeddedBroker(tmp_path, cache) as running:
        yield running


@pytest.fixture
def settings(broker: EmbeddedBroker, cache: Path, tmp_path: Path) -> Settings:
    """Settings that use the shared Kafka and a home of this test's own."""
    return Settings(home=tmp_path, cache=cache, kafka=broker.bootstrap, partitions=4)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real videos and tables to try things on; only where there are any."""
    folder = Path(os.environ.get("GROUNDSWELL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no videos to try: {folder} is not a folder; set GROUNDSWELL_DATA to one")
    return folder
