"""Apache Kafka's jars: pinned by sha256 in ``jars.lock``, brought by jgo, kept in the cache.

``python -m streams.kafka.jars`` writes a new lock for the versions below to standard output.
"""

import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from schemas.errors import BrokerUnavailable
from streams.locks import locked

KAFKA_VERSION = "4.4.0"

ENDPOINT = "+".join(
    (
        f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
        # Without this line an older kafka-clients wins, and the broker dies of NoSuchMethodError.
        f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
        # Kafka logs through slf4j 1.7; the bridge for slf4j 2 is another artifact.
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
        "org.apache.logging.log4j:log4j-core:2.25.4",
    )
)

_LOCK = Path(__file__).with_name("jars.lock")
_AT_ONCE = 4
_TIMEOUT_S = 60


class Jar(NamedTuple):
    """One pinned jar: Maven coordinates and the sha256 of the file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def kafka_jars(cache: Path, say: Callable[[str], None] = lambda _message: None) -> Path:
    """Give the folder with all jars of the broker; download them the first time only.

    Two processes may ask at once: one downloads, the other waits. A download that was
    interrupted leaves nothing that a later one could mistake for whole.

    Parameters
    ----------
    cache : Path
        A folder that may be shared by all homes.
    say : callable
        Hears one line when the download begins and one when it has ended.

    Raises
    ------
    BrokerUnavailable
        The jars cannot be downloaded, or one is not the pinned one.
    """
    folder = cache / f"kafka-{KAFKA_VERSION}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "kafka.lock", lambda: say("waiting for another process that downloads Apache Kafka")):
        if not folder.exists():
            _download(folder, say)
    return folder


def _download(folder: Path, say: Callable[[str], None]) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    jars = _pinned()
    say(f"downloading Apache Kafka {KAFKA_VERSION} (about 45 MB, once)")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        paths = list(pool.map(lambda jar: _fetch(jar, partial), jars))
    (partial / "jars").mkdir()
    for jar, path in zip(jars, paths, strict=True):
        path.rename(partial / "jars" / jar.file_name)
    (partial / "jars").rename(folder)
    shutil.rmtree(partial)
    say("Apache Kafka is in the cache")


def _fetch(jar: Jar, repository: Path) -> Path:
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=repository, timeout=_TIMEOUT_S)
    try:
        path = Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
    except Exception as error:  # jgo promises no tree of errors; whatever it says, the jar is not here
        raise BrokerUnavailable(
            f"cannot download {jar.file_name} for the embedded Kafka: {error}; "
            "check the network, or set GROUNDSWELL_KAFKA to a Kafka of your own"
        ) from error
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise BrokerUnavailable(f"{jar.file_name} is not the pinned file: expected sha256 {jar.sha256}, got {found}")
    return path


def _pinned() -> tuple[Jar, ...]:
    return tuple(Jar(*line.replace(":", " ").split()) for line in _LOCK.read_text().splitlines())


def _write_lock() -> None:
    import jgo

    for artifact in sorted(jgo.resolve(ENDPOINT), key=str):
        digest = hashlib.sha256(Path(artifact.resolve()).read_bytes()).hexdigest()
        print(f"{artifact.groupId}:{artifact.artifactId}:{artifact.version} {digest}")


if __name__ == "__main__":
    _write_lock()
