"""Identities as groups: one that speaks, and those that were merged into it."""

from collections.abc import Iterable

from msgspec.structs import replace

from models.gallery import subtract
from models.pooling import add
from processors.identity_draft import Draft
from schemas.gallery import Person
from schemas.summaries import PooledVector


def root_of(draft: Draft, identity_id: str) -> Person:
    """Give the identity that speaks for this one: itself, unless it was merged.

    Raises
    ------
    Refused
        There is no such identity.
    """
    person = draft.known(identity_id)
    return draft.known(person.merged_into) if person.merged_into else person


def members_of(draft: Draft, root: Person) -> list[Person]:
    """Give everyone a root speaks for, itself first."""
    return [root, *(draft.known(name) for name in root.absorbed)]


def names_of(root: Person) -> set[str]:
    """Ids of everyone a root speaks for."""
    return {root.identity_id, *root.absorbed}


def vectors_of(person: Person) -> PooledVector | None:
    """Sum of all vectors a person is found by; None for one without faces, or who was merged."""
    if person.merged_into:
        return None
    return person.group if person.absorbed else person.own


def with_vector(draft: Draft, identity_id: str, pooled: PooledVector) -> None:
    """Add a face to an identity and to whoever speaks for it."""
    person = draft.known(identity_id)
    draft.put_person(replace(person, own=plus(person.own, pooled)))
    root = root_of(draft, identity_id)
    if root.absorbed:
        draft.put_person(replace(root, group=plus(root.group, pooled)))


def without_vector(draft: Draft, identity_id: str, pooled: PooledVector) -> None:
    """Take a face out of an identity and out of whoever speaks for it."""
    person = draft.known(identity_id)
    draft.put_person(replace(person, own=subtract(person.own, pooled) if person.own else None))
    root = root_of(draft, identity_id)
    if root.absorbed and root.group:
        draft.put_person(replace(root, group=subtract(root.group, pooled)))


def regroup(draft: Draft, root: Person, absorbed: Iterable[str]) -> Person:
    """Let a root speak for exactly these others; who they were merged into is set as well."""
    wanted = tuple(sorted(absorbed))
    for name in wanted:
        draft.put_person(replace(draft.known(name), merged_into=root.identity_id, absorbed=(), group=None))
    group: PooledVector | None = root.own
    for name in wanted:
        own = draft.known(name).own
        group = plus(group, own) if own else group
    changed = replace(root, merged_into="", absorbed=wanted, group=group if wanted else None)
    changed = replace(changed, videos=len(videos_of_group(draft, changed)))
    draft.put_person(changed)
    return changed


def videos_of_group(draft: Draft, root: Person) -> set[str]:
    """Every video that somebody of the group is in."""
    return {video for member in members_of(draft, root) for video in draft.videos_of(member)}


def plus(total: PooledVector | None, part: PooledVector) -> PooledVector:
    """Add to a sum that may be empty."""
    return part if total is None else add(total, part)
