"""Promoting and retiring releases: what people say of them on the topic ``releases``."""

import time

from processors.active_releases import Roster
from schemas.errors import UsageError
from schemas.event import derive_id
from schemas.promotions import Role, RoleGiven
from schemas.releases import ReleasePublished
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.settings import Settings

TOPIC = "releases"

AFTER_S = 0.001
"""What is said now must be later than all that was said, also where clocks differ."""


def read_roster(settings: Settings, bootstrap: str) -> Roster:
    """Read what was published and said of releases.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    return Roster.of(map(event_of, latest_per_key(read_to_end(settings, bootstrap, [TOPIC])).values()))


def find_release(roster: Roster, name: str) -> ReleasePublished:
    """Look a release up as people write it: ``TARGET/RELEASE``, or the id alone where one target has it.

    Raises
    ------
    UsageError
        There is none, or several targets have one of that id.
    """
    found = [event for key, event in sorted(roster.published.items()) if name in ("/".join(key), key[1])]
    if not found:
        raise UsageError(f"there is no release {name}; `groundswell releases list` shows those there are")
    if len(found) > 1:
        raise UsageError(f"{name} is a release of several targets: say {' or '.join(e.record_key for e in found)}")
    return found[0]


def role_given(roster: Roster, release: ReleasePublished, role: Role, *, now_s: float) -> RoleGiven:
    """Say what a release is from now on."""
    at_s = max(now_s, roster.last_word_s(release.target) + AFTER_S)
    return RoleGiven(
        event_id=derive_id("releases", "1", release.event_id, f"{role}/{at_s!r}"),
        target=release.target,
        release_id=release.release_id,
        role=role,
        given_at_s=at_s,
    )


def give_role(settings: Settings, bootstrap: str, release: ReleasePublished, *, role: Role) -> RoleGiven:
    """Tell the scorers what a release is from now on.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    given = role_given(read_roster(settings, bootstrap), release, role, now_s=time.time())
    with BulkProducer(settings, bootstrap) as producer:
        producer.send(given)
    return given


def announce(settings: Settings, bootstrap: str, release: ReleasePublished, *, role: Role = "promoted") -> None:
    """Tell the scorers of a release on the shelf; it serves at once unless its role says otherwise.

    The role of a candidate comes first, so that it does not serve for a moment.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    """
    told = [role_given(Roster.of([release]), release, role, now_s=time.time())] if role != "promoted" else []
    with BulkProducer(settings, bootstrap) as producer:
        for event in (*told, release):
            producer.send(event)
