"""The definitions of targets that are in force: what ships, and what people have added on the topic."""

from collections.abc import Iterable

from schemas.errors import UsageError
from schemas.targets import TargetDefined
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.settings import Settings
from streams.target_files import shipped

TOPIC = "targets"


class Shelf:
    """Definitions by name and version.

    Parameters
    ----------
    published : iterable of TargetDefined
        From the topic; they come before those that ship.
    """

    def __init__(self, published: Iterable[TargetDefined] = ()) -> None:
        self.published = {(t.name, t.version): t for t in published}
        self._all = {(t.name, t.version): t for t in shipped().values()} | self.published

    def newest(self) -> list[TargetDefined]:
        """The newest version of each target, by name."""
        return [self._all[key] for key in sorted({name: (name, v) for name, v in sorted(self._all)}.values())]

    def find(self, name: str, version: int | None = None) -> TargetDefined:
        """Look a definition up, by default the newest.

        Raises
        ------
        UsageError
            There is none of that name or version.
        """
        versions = sorted(v for known, v in self._all if known == name)
        if not versions:
            known = ", ".join(sorted({name for name, _ in self._all}))
            raise UsageError(
                f"no target is called {name!r}; there are {known} (`groundswell targets add FILE` adds one)"
            )
        if version is not None and version not in versions:
            raise UsageError(f"{name} has no version {version}; it has {', '.join(map(str, versions))}")
        return self._all[name, version or versions[-1]]

    def is_new(self, target: TargetDefined) -> bool:
        """Whether a definition is still to be published.

        Raises
        ------
        UsageError
            This version is defined otherwise already, or a newer one is there.
        """
        versions = [v for known, v in self._all if known == target.name]
        known = self._all.get((target.name, target.version))
        if known is not None and known.event_id != target.event_id:
            raise UsageError(
                f"{target.name} version {target.version} is defined otherwise already, and a version never changes; "
                f"set version = {max(versions) + 1} (`groundswell targets show {target.name}` shows what is there)"
            )
        if known is None and versions and target.version < max(versions):
            raise UsageError(f"{target.name} has version {max(versions)} already; set version = {max(versions) + 1}")
        return (target.name, target.version) not in self.published


def read_shelf(settings: Settings, bootstrap: str) -> Shelf:
    """Read the definitions on the topic.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    events = map(event_of, latest_per_key(read_to_end(settings, bootstrap, [TOPIC])).values())
    return Shelf(event for event in events if isinstance(event, TargetDefined))


def publish(settings: Settings, bootstrap: str, targets: Iterable[TargetDefined]) -> list[TargetDefined]:
    """Put definitions on the topic that are not there yet; returns those that were sent.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    UsageError
        See `Shelf.is_new`.
    """
    shelf = read_shelf(settings, bootstrap)
    new = [target for target in targets if shelf.is_new(target)]
    if new:
        with BulkProducer(settings, bootstrap) as producer:
            for target in new:
                producer.send(target)
    return new


def publish_shipped(settings: Settings, bootstrap: str) -> list[TargetDefined]:
    """Put the definitions that ship on the topic; returns those that were not there.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    UsageError
        Somebody has published one of these versions with another content.
    """
    return publish(settings, bootstrap, shipped().values())
