"""How far each stage has come: what it committed, what waits for it, and who works on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.kafka.admin import (
    TIMEOUT_S,
    Place,
    client_of,
    group_of,
    offset_ranges,
    partition_counts,
    patiently,
    speaking_to,
)
from streams.settings import Settings
from streams.topology import STAGES, Stage

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient


@dataclass(frozen=True, kw_only=True)
class GroupLag:
    """How far one stage is behind.

    Attributes
    ----------
    members : int
        Workers in its consumer group now.
    lags : dict
        Records not yet committed, by topic and partition; a partition never read counts whole.
    committed : int
        Sum of the committed offsets; it grows by one with each event done.
    """

    stage: str
    members: int
    lags: dict[Place, int]
    committed: int = 0

    @property
    def total(self) -> int:
        """Records not yet committed, in all partitions."""
        return sum(self.lags.values())


def group_lags(settings: Settings, bootstrap: str) -> list[GroupLag]:
    """Measure for every stage how many records wait and how many workers it has.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`.
    """
    counts = partition_counts(settings, bootstrap)
    read = {name for s in STAGES for name in s.reads if name in counts}
    ranges = offset_ranges(settings, bootstrap, [(name, p) for name in read for p in range(counts[name])])
    client = client_of(settings, bootstrap)
    with speaking_to(bootstrap):
        members = _members(client)
        return [_group_lag(s, members[s.name], ranges, _committed(client, s.name)) for s in STAGES]


def answered_to(settings: Settings, bootstrap: str, stage: str) -> dict[Place, int]:
    """Read how far a stage has answered every event: what it committed, by topic and partition.

    Raises
    ------
    BrokerUnavailable
        Nothing answers at `bootstrap`.
    """
    with speaking_to(bootstrap):
        return _committed(client_of(settings, bootstrap), stage)


def _group_lag(
    stage: Stage, members: int, ranges: Mapping[Place, tuple[int, int]], committed: Mapping[Place, int]
) -> GroupLag:
    return GroupLag(
        stage=stage.name, members=members, lags=_lags(stage, ranges, committed), committed=sum(committed.values())
    )


def _lags(stage: Stage, ranges: Mapping[Place, tuple[int, int]], committed: Mapping[Place, int]) -> dict[Place, int]:
    return {
        place: max(0, end - max(first, committed.get(place, 0)))
        for place, (first, end) in sorted(ranges.items())
        if place[0] in stage.reads
    }


def _members(client: "AdminClient") -> dict[str, int]:
    def ask() -> dict[str, int]:
        futures = client.describe_consumer_groups([group_of(s.name) for s in STAGES])
        return {s.name: len(futures[group_of(s.name)].result(TIMEOUT_S).members) for s in STAGES}

    return patiently(client, ask)


def _committed(client: "AdminClient", stage: str) -> dict[Place, int]:
    from confluent_kafka import ConsumerGroupTopicPartitions

    group = group_of(stage)

    def ask() -> dict[Place, int]:
        found = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(TIMEOUT_S)
        return {(at.topic, at.partition): at.offset for at in found.topic_partitions}

    return patiently(client, ask)
