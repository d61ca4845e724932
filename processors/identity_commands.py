"""What people ask of the gallery, as changes of its states, and back again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from models.gallery import FaceGallery, Float32, centroid, distances
from models.pooling import pool_one
from models.vectors import from_vector, to_vector
from processors.identity_draft import Draft
from processors.identity_erase import drop_video, forget
from processors.identity_maker import admit
from processors.identity_people import members_of, names_of, plus, regroup, root_of
from processors.identity_tracks import (
    PHOTO,
    Rules,
    begin,
    decide,
    find_owner,
    lift,
    parts_of,
    place,
    segments_of,
    tracks_of,
)
from schemas.commands import (
    AnyCommand,
    CommandUndone,
    EraseRequested,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityForgotten,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
)
from schemas.errors import Refused
from schemas.gallery import Done, Person, Track
from schemas.summaries import PooledVector

_WORDS: Mapping[type, str] = {
    IdentityNamed: "name",
    IdentityEnrolled: "photos",
    IdentitiesMerged: "merge",
    IdentitySplit: "split",
    IdentityNot: '"not"',
}
"""What a command is called when it is taken back."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command did, in words without names, and what is left to erase elsewhere."""

    message: str
    identity_id: str | None = None
    done: Done | None = None
    erased: tuple[str, ...] = ()
    erased_refs: tuple[str, ...] = ()
    undoes: tuple[str, Done] | None = None


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything a command is carried out with."""

    draft: Draft
    gallery: FaceGallery
    rules: Rules


def carry_out(desk: Desk, command: AnyCommand) -> Outcome:
    """Change the draft as the command says.

    Raises
    ------
    Refused
        It cannot be done; the draft is to be thrown away.
    """
    match command:
        case IdentityNamed():
            return _name(desk, command)
        case IdentityEnrolled():
            return _enrol(desk, command)
        case IdentitiesMerged():
            return _merge(desk, command)
        case IdentitySplit():
            return _split(desk, command)
        case IdentityNot():
            return _not(desk, command)
        case IdentityForgotten():
            erased, refs = forget(desk.draft, root_of(desk.draft, command.identity_id))
            return Outcome(message=f"forgot {command.identity_id}", erased=erased, erased_refs=refs)
        case EraseRequested():
            erased, refs = drop_video(desk.draft, command.video_id, for_ever=True)
            return Outcome(message=f"forgot the faces of {command.video_id}", erased=erased, erased_refs=refs)
        case CommandUndone():
            return _undo(desk, command)


def _name(desk: Desk, command: IdentityNamed) -> Outcome:
    root = root_of(desk.draft, command.identity_id)
    desk.draft.put_person(replace(root, name=command.name))
    done = Done(command=command, name=root.name, made=root.identity_id)
    return Outcome(message=f"named {root.identity_id}", identity_id=root.identity_id, done=done)


def _enrol(desk: Desk, command: IdentityEnrolled) -> Outcome:
    good = [photo for photo in command.photos if photo.quality >= desk.rules.min_quality]
    if not good:
        raise Refused("none of the photos shows a face that is good enough; take a larger, sharper one from the front")
    keys = [f"{PHOTO}{command.event_id}/0/{number}" for number in range(len(good))]
    for key, photo in zip(keys, good, strict=True):
        admit(desk.draft, photo, is_empty=not len(desk.gallery))
        track = Track(event_id=command.event_id, vector=photo.vector, quality=photo.quality)
        desk.draft.put_track(key, track)
    owner = _owner_of_photos(desk, command, keys)
    for key in keys:
        place(desk.draft, key, identity_id=owner)
    before = desk.draft.known(owner)
    desk.draft.put_person(replace(before, name=command.name))
    done = Done(command=command, name=before.name, made=owner, moved=dict.fromkeys(keys, ""))
    return Outcome(
        message=f"enrolled {len(good)} {'photo' if len(good) == 1 else 'photos'} of {owner}",
        identity_id=owner,
        done=done,
    )


def _owner_of_photos(desk: Desk, command: IdentityEnrolled, keys: list[str]) -> str:
    if command.identity_id:
        return root_of(desk.draft, command.identity_id).identity_id
    mean = Track(event_id=command.event_id, vector=to_vector(_mean(desk.draft, keys)), quality=1.0)
    owner = find_owner(desk.draft, desk.gallery, keys[0], track=mean, rules=desk.rules)
    if owner is None:
        return begin(desk.draft, keys[0], command.event_id)
    if desk.draft.known(owner).name not in ("", command.name):
        raise Refused(f"the photos show {owner}, who has another name; rename that one, or enrol other photos")
    return owner


def _merge(desk: Desk, command: IdentitiesMerged) -> Outcome:
    draft = desk.draft
    into, other = root_of(draft, command.into_id), root_of(draft, command.from_id)
    if into.identity_id == other.identity_id:
        raise Refused(f"{command.into_id} and {command.from_id} are one already")
    _refuse_if_together(draft, into, other)
    moved = dict.fromkeys(sorted(names_of(other)), other.identity_id)
    done = Done(command=command, moved=moved, name=into.name, made=into.identity_id)
    named = replace(into, name=into.name or other.name)
    regroup(draft, named, {*into.absorbed, *moved})
    _touch_all(draft, moved)
    _expel_who_refuse(desk, command.event_id, draft.known(into.identity_id))
    return Outcome(message=f"{other.identity_id} is {into.identity_id} now", identity_id=into.identity_id, done=done)


def _refuse_if_together(draft: Draft, left: Person, right: Person) -> None:
    """Two faces in one frame are two people, whatever anybody says."""
    others = names_of(right)
    for member in members_of(draft, left):
        for key in tracks_of(draft, member):
            video_id, index, _ = parts_of(key)
            own = draft.track(key)
            for other_number, placed in draft.segment(video_id, index).tracks.items():
                other_key = f"{video_id}/{index}/{other_number}"
                if placed.identity_id not in others or own is None:
                    continue
                other = draft.track(other_key)
                if other_key in own.cannot_link or (other is not None and key in other.cannot_link):
                    raise Refused(f"{key} and {other_key} are seen in one frame, so they are two people")


def _expel_who_refuse(desk: Desk, cause_id: str, root: Person) -> None:
    """A track that is known not to be one of them leaves; that was said for ever."""
    for member in members_of(desk.draft, root):
        for key in list(tracks_of(desk.draft, member)):
            track = desk.draft.track(key)
            if track is not None and names_of(root).intersection(track.refused):
                lift(desk.draft, key)
                decide(desk.draft, desk.gallery, key, rules=desk.rules, cause_id=cause_id)


def _split(desk: Desk, command: IdentitySplit) -> Outcome:
    draft = desk.draft
    root = root_of(draft, command.identity_id)
    everyone = {key: _where(draft, key) for member in members_of(draft, root) for key in tracks_of(draft, member)}
    named = [key for key in command.tracks if key in everyone]
    if not named or len(named) != len(set(command.tracks)):
        raise Refused(f"not all of these tracks are {root.identity_id}'s; `groundswell people show` lists them")
    if len(named) == len(everyone):
        raise Refused(f"these are all tracks of {root.identity_id}; leave it at least one")
    new_id = begin(draft, named[0], command.event_id)
    moved = [*named, *_nearer_to(draft, named, [key for key in everyone if key not in named])]
    for key in moved:
        lift(draft, key)
        place(draft, key, identity_id=new_id)
    _set_different(draft, new_id, names_of(root), are_different=True)
    done = Done(command=command, moved={key: everyone[key] for key in moved}, made=new_id)
    return Outcome(message=f"{len(moved)} tracks are {new_id} now", identity_id=new_id, done=done)


def _nearer_to(draft: Draft, named: list[str], rest: list[str]) -> list[str]:
    """Of the other tracks, those that look more like the named ones than like the rest."""
    left, right = _mean(draft, named), _mean(draft, rest)
    away = [distances(from_vector(_track(draft, key).vector), np.stack([left, right])) for key in rest]
    near = [key for key, (to_named, to_rest) in zip(rest, away, strict=True) if to_named < to_rest]
    together = {other for key in named for other in _track(draft, key).cannot_link}
    return [] if len(near) == len(rest) else [key for key in near if key not in together]


def _not(desk: Desk, command: IdentityNot) -> Outcome:
    draft = desk.draft
    track, root = draft.track(command.track), root_of(draft, command.identity_id)
    if track is None:
        raise Refused(f"there is no track {command.track}; `groundswell people show` lists them")
    was = track.identity_id
    refused = tuple(sorted({*track.refused, *names_of(root)}))
    draft.put_track(command.track, replace(track, refused=refused))
    new_id = was
    if was in names_of(root):
        lift(draft, command.track)
        cause_id = command.event_id
        new_id = decide(draft, desk.gallery, command.track, rules=desk.rules, cause_id=cause_id)
    done = Done(command=command, moved={command.track: was}, refused_before=track.refused, made=new_id)
    words = f"{command.track} is {new_id} now" if new_id else f"{command.track} is nobody"
    return Outcome(message=words, identity_id=new_id or None, done=done)


def _undo(desk: Desk, command: CommandUndone) -> Outcome:
    done = desk.draft.done(command.command_id)
    if done is None or done.refused:
        raise Refused(f"no command {command.command_id} took effect; `groundswell people undo` takes the last one back")
    if done.undone:
        raise Refused(f"command {command.command_id} was taken back already")
    match done.command:
        case IdentityNamed() as named:
            _unname(desk.draft, done, named.name)
        case IdentitiesMerged():
            _unmerge(desk.draft, done)
        case IdentitySplit() | IdentityNot() | IdentityEnrolled():
            _move_back(desk, done)
        case _:
            raise Refused("what was erased is gone; it cannot be taken back")
    words = f"took the {_WORDS[type(done.command)]} back"
    return Outcome(
        message=words, identity_id=done.made or None, undoes=(command.command_id, replace(done, undone=True))
    )


def _unname(draft: Draft, done: Done, name: str) -> None:
    root = root_of(draft, done.made)
    if root.name == name:
        draft.put_person(replace(root, name=done.name))


def _unmerge(draft: Draft, done: Done) -> None:
    """Let those that came with the merge go their own way again."""
    first = next(iter(done.moved.values()))
    root = root_of(draft, first)
    leaving = {name for name in done.moved if name in root.absorbed}
    if first not in leaving:
        raise Refused(f"{first} is on its own already")
    other = replace(draft.known(first), merged_into="")
    regroup(draft, root, set(root.absorbed) - leaving)
    draft.put_person(other)
    regroup(draft, other, leaving - {first})
    if draft.known(root.identity_id).name == other.name:
        draft.put_person(replace(draft.known(root.identity_id), name=done.name))
    _touch_all(draft, leaving)


def _move_back(desk: Desk, done: Done) -> None:
    """Put tracks back where they were, and take photos out again."""
    draft, command = desk.draft, done.command
    for key, was in done.moved.items():
        track = draft.track(key)
        if track is None:  # erased since
            continue
        lift(draft, key)
        if key.startswith(PHOTO):
            draft.drop_track(key)
        elif was and draft.person(was) is not None:
            place(draft, key, identity_id=was)
    if isinstance(command, IdentityNot):
        track = _track(draft, command.track)
        draft.put_track(command.track, replace(track, refused=done.refused_before))
    elif isinstance(command, IdentitySplit):
        _rejoin(desk, done)
    else:
        _unname(draft, done, getattr(command, "name", ""))


def _rejoin(desk: Desk, done: Done) -> None:
    """Whoever joined the new half since goes where the old one is."""
    draft, old = desk.draft, root_of(desk.draft, next(iter(done.moved.values())))
    new = draft.known(done.made)
    _set_different(draft, done.made, new.different, are_different=False)
    for key in list(tracks_of(draft, draft.known(done.made))):
        lift(draft, key)
        place(draft, key, identity_id=old.identity_id)


def _set_different(draft: Draft, one: str, others: Iterable[str], *, are_different: bool) -> None:
    pairs = [(one, other) for other in sorted(others)]
    for left, right in (*pairs, *[(right, left) for left, right in pairs]):
        person = draft.person(left)
        if person is not None:
            kept = set(person.different) | {right} if are_different else set(person.different) - {right}
            draft.put_person(replace(person, different=tuple(sorted(kept))))


def _where(draft: Draft, key: str) -> str:
    return _track(draft, key).identity_id


def _track(draft: Draft, key: str) -> Track:
    track = draft.track(key)
    if track is None:
        raise Refused(f"there is no track {key}")
    return track


def _mean(draft: Draft, keys: Iterable[str]) -> Float32:
    total: PooledVector | None = None
    for key in keys:
        total = plus(total, pool_one(from_vector(_track(draft, key).vector)))
    if total is None:
        raise Refused("there are no tracks to take the mean of")
    return centroid(total)


def _touch_all(draft: Draft, identity_ids: Iterable[str]) -> None:
    """What is said of every segment these people are in has changed."""
    for name in sorted(identity_ids):
        for video_id in draft.videos_of(draft.known(name)):
            video = draft.video(video_id)
            for index in segments_of(video, name) if video else ():
                draft.touch(video_id, index)
