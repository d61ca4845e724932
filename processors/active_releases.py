"""Which release of a target serves and which score in its shadow: a fold over what lies on ``releases``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from schemas.event import Event
from schemas.promotions import Role, RoleGiven
from schemas.releases import ReleasePublished

Name: TypeAlias = tuple[str, str]
"""A target and a release id."""


@dataclass(frozen=True)
class Roster:
    """All releases that were heard of, and the last word on each; the order of hearing does not matter."""

    published: Mapping[Name, ReleasePublished] = field(default_factory=dict)
    roles: Mapping[Name, RoleGiven] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Roster":
        """Take in many events."""
        roster = cls()
        for event in events:
            roster = roster.heard(event)
        return roster

    def heard(self, event: Event) -> "Roster":
        """Take in one event; others than of releases change nothing."""
        if isinstance(event, ReleasePublished):
            return Roster({**self.published, (event.target, event.release_id): event}, self.roles)
        if isinstance(event, RoleGiven):
            name = (event.target, event.release_id)
            last = max((event, self.roles.get(name, event)), key=lambda given: (given.given_at_s, given.event_id))
            return Roster(self.published, {**self.roles, name: last})
        return self

    def without(self, name: Name) -> "Roster":
        """Forget that a release was published: its files cannot be used."""
        return Roster({known: event for known, event in self.published.items() if known != name}, self.roles)

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets of which a release was published, sorted."""
        return tuple(sorted({target for target, _ in self.published}))

    def role(self, name: Name) -> Role:
        """What a release was told to be; promoted when nobody said anything."""
        return self.roles[name].role if name in self.roles else "promoted"

    def since_s(self, name: Name) -> float:
        """When a release got its role: when it was trained, if nobody said anything."""
        return self.roles[name].given_at_s if name in self.roles else self.published[name].trained_at_s

    def serving(self, target: str) -> ReleasePublished | None:
        """The release that was promoted last and not retired since; None when there is none."""
        found = [name for name in self._of(target) if self.role(name) == "promoted"]
        return self.published[max(found, key=self.age)] if found else None

    def shadows(self, target: str) -> tuple[ReleasePublished, ...]:
        """The releases that score beside it, by name."""
        return tuple(self.published[name] for name in self._of(target) if self.role(name) == "shadow")

    def active(self, target: str) -> tuple[ReleasePublished, ...]:
        """The one that serves, if there is one, and then its shadows."""
        serving = self.serving(target)
        return (*((serving,) if serving else ()), *self.shadows(target))

    def last_word_s(self, target: str) -> float:
        """The time of the last thing that was said of a target's releases; what is said now must be later."""
        return max((self.since_s(name) for name in self._of(target)), default=0.0)

    def age(self, name: Name) -> tuple[float, float, str]:
        """Order a target's releases: the greatest serves; what is not promoted comes before all others."""
        since_s = self.since_s(name) if self.role(name) == "promoted" else -1.0
        return since_s, self.published[name].trained_at_s, name[1]

    def _of(self, target: str) -> list[Name]:
        return sorted(name for name in self.published if name[0] == target)
