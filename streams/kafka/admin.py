"""What the cluster should hold, and what it holds."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from schemas.errors import BrokerUnavailable, SettingsInvalid
from streams.kafka.connection import confluent_config, is_passing
from streams.settings import Settings
from streams.topology import TOPICS, Topic

if TYPE_CHECKING:
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # exported, without __all__

TIMEOUT_S = 15.0
_LOOK_AGAIN_S = 0.1
_FOREVER = "-1"

FOLD_TABLES = ("states", "waiting")
"""The tables of every fold: its states, and which of them wait for time to pass."""

LARGEST_CHANGELOG_RECORD_BYTES = 8 * 2**20

Answer = TypeVar("Answer")

Place = tuple[str, int]
"""A topic and a partition of it."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An existing topic that is not as the topology says; `str()` is a readable line."""

    topic: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} {self.found}, expected {self.expected}"


def group_of(stage: str) -> str:
    """Name the consumer group (and Faust app) of a stage."""
    return f"groundswell-{stage}"


def changelog_of(stage: str, table: str) -> str:
    """Name the topic behind a table of a fold (Faust derives the same name from its app id)."""
    return f"{group_of(stage)}-{table}-changelog"


def topic_config(topic: Topic) -> dict[str, str]:
    """Write a topic's promises as Kafka settings."""
    retention = _FOREVER if topic.retention_s is None else str(topic.retention_s * 1000)
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": retention,
        "max.message.bytes": str(topic.max_message_bytes),
    }


def partition_counts(settings: Settings, bootstrap: str) -> dict[str, int]:
    """Read how many partitions each topic of the cluster has.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`.
    """
    return partition_counts_by(client_of(settings, bootstrap), bootstrap)


def partition_counts_by(client: "AdminClient | Producer", bootstrap: str) -> dict[str, int]:
    """Read the same as `partition_counts` by a client that is there already.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`.
    """
    with speaking_to(bootstrap):
        metadata = client.list_topics(timeout=TIMEOUT_S)
    return {name: len(found.partitions) for name, found in metadata.topics.items()}


def create_missing(settings: Settings, bootstrap: str) -> list[str]:
    """Create the topics of the topology that are not there; leave the others as they are.

    Returns
    -------
    list of str
        Names of the topics that were made now; they can be written and read.

    Raises
    ------
    BrokerUnavailable
        Nothing answers, or the cluster refuses (fewer brokers than replicas, no permission).
    """
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]  # exported, without __all__

    existing = partition_counts(settings, bootstrap)
    missing = [
        NewTopic(
            t.name,
            num_partitions=t.partitions or settings.partitions,
            replication_factor=settings.kafka_replication,
            config=topic_config(t),
        )
        for t in TOPICS
        if t.name not in existing
    ]
    if not missing:
        return []
    client = client_of(settings, bootstrap)  # kept: its futures fail once it is collected
    futures = client.create_topics(missing, operation_timeout=TIMEOUT_S)
    created = [name for name, future in futures.items() if _was_created(future, name)]
    counts = {t.name: t.partitions or settings.partitions for t in TOPICS}
    offset_ranges(settings, bootstrap, [(name, p) for name in created for p in range(counts[name])])
    return created


def create_changelogs(settings: Settings, bootstrap: str, stage: str, *, partitions: int) -> None:
    """Create the changelog topics of a fold's tables where they are missing; Faust must not do it by guessing.

    Raises
    ------
    BrokerUnavailable
        Nothing answers, or the cluster refuses.
    SettingsInvalid
        One exists with another number of partitions than the topics the fold reads.
    """
    from confluent_kafka.cimpl import NewTopic

    counts = partition_counts(settings, bootstrap)
    names = [changelog_of(stage, table) for table in FOLD_TABLES]
    for name in names:
        if counts.get(name, partitions) != partitions:
            raise SettingsInvalid(
                f"{name} has {counts[name]} partitions, expected {partitions} as in the topics that {stage} reads"
            )
    config = {"cleanup.policy": "compact", "max.message.bytes": str(LARGEST_CHANGELOG_RECORD_BYTES)}
    missing = [
        NewTopic(name, num_partitions=partitions, replication_factor=settings.kafka_replication, config=config)
        for name in names
        if name not in counts
    ]
    if missing:
        client = client_of(settings, bootstrap)  # kept: its futures fail once it is collected
        for name, future in client.create_topics(missing, operation_timeout=TIMEOUT_S).items():
            _was_created(future, name)


def differences(settings: Settings, bootstrap: str) -> list[Difference]:
    """Say where existing topics are not as the topology and the settings want them; change nothing.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`.
    """
    counts = partition_counts(settings, bootstrap)
    present = [t for t in TOPICS if t.name in counts]
    client = client_of(settings, bootstrap)
    with speaking_to(bootstrap):
        found = _configs(client, [t.name for t in present])
    return [
        difference
        for t in present
        for difference in (*_partition_difference(t, counts, settings), *_config_differences(t, found[t.name]))
    ]


def topic_ids(settings: Settings, bootstrap: str, names: Iterable[str]) -> dict[str, str]:
    """Read the id that the cluster gave each topic when it was made; topics that are not there are left out.

    A topic that was deleted and made anew has another id, and its offsets begin again.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`.
    """
    from confluent_kafka import TopicCollection

    present = partition_counts(settings, bootstrap)
    wanted = [name for name in names if name in present]
    client = client_of(settings, bootstrap)  # kept: its futures fail once it is collected

    def ask() -> dict[str, str]:
        futures = client.describe_topics(TopicCollection(wanted)) if wanted else {}
        return {name: str(future.result(TIMEOUT_S).topic_id) for name, future in futures.items()}

    with speaking_to(bootstrap):
        return patiently(client, ask)


def offset_ranges(settings: Settings, bootstrap: str, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
    """Read each place's first offset and the one after its last.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`, or a place does not exist.
    """
    return offset_ranges_by(client_of(settings, bootstrap), bootstrap, places)


def offset_ranges_by(client: "AdminClient", bootstrap: str, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
    """Read the same as `offset_ranges` by a client that is there already: a new one has to connect first.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`, or a place does not exist.
    """
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # exported, without __all__

    asked = list(places)
    with speaking_to(bootstrap):
        first = _offsets(client, asked, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # the library left it bare
        end = _offsets(client, asked, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # the library left it bare
    return {place: (first[place], end[place]) for place in asked}


def _offsets(client: "AdminClient", places: list[Place], spec: "OffsetSpec") -> dict[Place, int]:
    from confluent_kafka import TopicPartition

    def ask() -> dict[Place, int]:
        futures = client.list_offsets({TopicPartition(*place): spec for place in places})
        return {(at.topic, at.partition): future.result(TIMEOUT_S).offset for at, future in futures.items()}

    return patiently(client, ask)


def patiently(client: "AdminClient", ask: Callable[[], Answer]) -> Answer:
    """Ask until there is an answer: what was just made has no leader or coordinator for a moment.

    Before each further try the client looks at the cluster anew. By itself it would keep asking with the leader
    epoch it saw first, and be refused for as long as it asks.
    """
    from confluent_kafka import KafkaException

    give_up_at_s, tries = time.monotonic() + TIMEOUT_S, 0
    while True:
        try:
            if tries:
                client.list_topics(timeout=TIMEOUT_S)
            return ask()
        except KafkaException as error:
            if not is_passing(error.args[0]) or time.monotonic() > give_up_at_s:
                raise
        tries += 1
        time.sleep(_LOOK_AGAIN_S)


def client_of(settings: Settings, bootstrap: str) -> "AdminClient":
    """Make a client for several questions in a row; one that is kept for long may know a cluster that is gone."""
    from confluent_kafka.admin import AdminClient

    return AdminClient(confluent_config(settings, bootstrap))


@contextmanager
def speaking_to(bootstrap: str) -> Iterator[None]:
    from confluent_kafka import KafkaException

    try:
        yield
    except KafkaException as error:
        raise BrokerUnavailable(f"Kafka at {bootstrap} does not answer as it should: {error.args[0].str()}") from error


def _was_created(future: "Future[None]", name: str) -> bool:
    """Wait for the creation; False when somebody else was faster."""
    from confluent_kafka import KafkaError, KafkaException

    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise BrokerUnavailable(f"Kafka does not create the topic {name}: {error.args[0].str()}") from error
    return True


def _partition_difference(topic: Topic, counts: Mapping[str, int], settings: Settings) -> Iterator[Difference]:
    expected = topic.partitions or settings.partitions
    if counts[topic.name] != expected:
        yield Difference(topic=topic.name, what="partitions", expected=str(expected), found=str(counts[topic.name]))


def _config_differences(topic: Topic, found: Mapping[str, str]) -> Iterator[Difference]:
    for what, expected in topic_config(topic).items():
        if _parts(expected) != _parts(found[what]):
            yield Difference(topic=topic.name, what=what, expected=expected, found=found[what])


def _parts(value: str) -> frozenset[str]:
    """Lists such as ``compact,delete`` have no order."""
    return frozenset(part.strip() for part in value.split(","))


def _configs(client: "AdminClient", names: list[str]) -> dict[str, dict[str, str]]:
    from confluent_kafka.admin import ConfigResource  # type: ignore[attr-defined]  # exported, without __all__

    if not names:
        return {}
    futures = client.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in names])
    return {
        resource.name: {key: entry.value for key, entry in future.result(TIMEOUT_S).items()}
        for resource, future in futures.items()
    }
