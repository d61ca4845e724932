"""Where a track belongs: into an identity, out of it, and the decision between them."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from models import index_set
from models.gallery import FaceGallery, Near, centroid, choose, distances
from models.pooling import pool_one
from models.vectors import from_vector
from processors.identity_draft import Draft
from processors.identity_people import names_of, root_of, vectors_of, with_vector, without_vector
from schemas.event import derive_id
from schemas.gallery import Appearance, Person, Placed, Track, Video

PHOTO = "photo:"
"""Keys of photos begin so; they are tracks in no video."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """When two faces are one person.

    Attributes
    ----------
    threshold_l2, margin_l2 : float
        See `models.gallery.choose`.
    min_quality : float
        Nothing below it enters the gallery.
    """

    threshold_l2: float = 0.55
    margin_l2: float = 0.03
    min_quality: float = 0.3


def key_of(video_id: str, index: int, number: str) -> str:
    """Name a track as its record does."""
    return f"{video_id}/{index}/{number}"


def parts_of(key: str) -> tuple[str, int, str]:
    """Take a track's key apart: video, segment, number."""
    video_id, index, number = key.split("/")
    return video_id, int(index), number


def place(draft: Draft, key: str, *, identity_id: str) -> None:
    """Put a track into an identity."""
    track = _known(draft, key)
    with_vector(draft, identity_id, pool_one(from_vector(track.vector)))
    draft.put_track(key, replace(track, identity_id=identity_id))
    _count(draft, identity_id, key, track, sign=1)
    person = draft.known(identity_id)
    if track.crop_ref and track.quality > person.cover_quality:
        draft.put_person(replace(person, cover_ref=track.crop_ref, cover_quality=track.quality))
    if not key.startswith(PHOTO):
        _appear(draft, key, track, identity_id)


def lift(draft: Draft, key: str) -> None:
    """Take a track out of the identity it is in."""
    track = _known(draft, key)
    if not track.identity_id:
        return
    without_vector(draft, track.identity_id, pool_one(from_vector(track.vector)))
    draft.put_track(key, replace(track, identity_id=""))
    _count(draft, track.identity_id, key, track, sign=-1)
    person = draft.known(track.identity_id)
    if track.crop_ref and track.crop_ref == person.cover_ref:
        draft.put_person(replace(person, cover_ref=None, cover_quality=-1.0))
    if not key.startswith(PHOTO):
        _vanish(draft, key, track)


def decide(
    draft: Draft, gallery: FaceGallery, key: str, *, rules: Rules, cause_id: str, before: Track | None = None
) -> str:
    """Put a track that is in no identity into the one it matches, or into a new one.

    Parameters
    ----------
    cause_id : str
        The event that made it necessary; a new identity is named after it.
    before : Track or None
        The same track as it was seen earlier: who has no other face keeps this one, and the name with it.

    Returns
    -------
    str
        Whose it is now; empty when its quality is too low to say.
    """
    track = _known(draft, key)
    if track.quality < rules.min_quality:
        return ""
    found = find_owner(draft, gallery, key, track=track, rules=rules)
    owner = found or _earlier_owner(draft, key, before, rules=rules) or begin(draft, key, cause_id)
    place(draft, key, identity_id=owner)
    return owner


def begin(draft: Draft, key: str, cause_id: str) -> str:
    """Make a new identity, named after the event and the track it begins with."""
    identity_id = "person:" + derive_id("identity", "1", cause_id, key).replace("-", "")[:16]
    draft.put_person(Person(identity_id=identity_id))
    return identity_id


def _earlier_owner(draft: Draft, key: str, before: Track | None, *, rules: Rules) -> str | None:
    """Say whose face it was, if it is the same face still, and nobody has ruled that out since."""
    person = draft.person(before.identity_id) if before and before.identity_id else None
    if before is None or person is None:
        return None
    track = _known(draft, key)
    names = {person.identity_id, root_of(draft, person.identity_id).identity_id}
    away_l2 = distances(from_vector(track.vector), from_vector(before.vector)[None, :])[0]
    is_ruled_out = not names.isdisjoint({*_in_same_frame(draft, key, track), *_refused(draft, track)})
    return None if is_ruled_out or away_l2 > rules.threshold_l2 else person.identity_id


def find_owner(draft: Draft, gallery: FaceGallery, key: str, *, track: Track, rules: Rules) -> str | None:
    """Say whose face it is; None when nobody stands out.

    Ruled out are identities that are in the same frame, and those that somebody said it is not.
    """
    ruled_out = {*_in_same_frame(draft, key, track), *_refused(draft, track)}
    near = _nearest(draft, gallery, track, asked=2 + len(ruled_out))
    found = [(n, draft.known(n.identity_id)) for n in near if n.identity_id not in ruled_out]
    rivals = found[:1] + [other for other in found[1:] if _is_rival(found[0][1], other[1], rules=rules)]
    return choose([n for n, _ in rivals], threshold_l2=rules.threshold_l2, margin_l2=rules.margin_l2)


def tracks_of(draft: Draft, person: Person) -> Iterator[str]:
    """Give the keys of an identity's own tracks, photos left out, video by video."""
    for video_id in draft.videos_of(person):
        video = draft.video(video_id)
        for index in segments_of(video, person.identity_id) if video else ():
            for number, placed in sorted(draft.segment(video_id, index).tracks.items()):
                if placed.identity_id == person.identity_id:
                    yield key_of(video_id, index, number)


def segments_of(video: Video, identity_id: str) -> list[int]:
    """List the segments of a video that an identity is in."""
    seen = video.people.get(identity_id)
    return [] if seen is None else [i for i in range(8 * len(seen.segments)) if index_set.contains(seen.segments, i)]


def _nearest(draft: Draft, gallery: FaceGallery, track: Track, *, asked: int) -> list[Near]:
    """Ask the gallery, and look again at everyone this event has changed."""
    point = from_vector(track.vector)
    changed = {person.identity_id: person for person in draft.changed_people()}
    outdated = {*changed, *draft.gone_people()}
    stored = gallery.nearest(point, asked + len(outdated))
    found = [near for near in stored if near.identity_id not in outdated]
    for person in changed.values():
        pooled = vectors_of(person)
        if pooled is not None:
            found.append(Near(float(distances(point, centroid(pooled)[None, :])[0]), person.identity_id))
    return sorted(found)


def _is_rival(best: Person, other: Person, *, rules: Rules) -> bool:
    """Whether being near both leaves a doubt.

    Two identities that are themselves as near as one person's faces may well be one person, seen from
    two sides: between those there is nothing to doubt, unless somebody told them apart.
    """
    if best.name and other.name and best.name != other.name:
        return True
    if names_of(best).intersection(other.different) or names_of(other).intersection(best.different):
        return True
    left, right = vectors_of(best), vectors_of(other)
    if left is None or right is None:
        return False
    return bool(distances(centroid(left), centroid(right)[None, :])[0] > rules.threshold_l2)


def _in_same_frame(draft: Draft, key: str, track: Track) -> Iterator[str]:
    for other_key in {*track.cannot_link, *_linked_back(draft, key)}:
        other = draft.track(other_key)
        if other is not None and other.identity_id:
            yield root_of(draft, other.identity_id).identity_id


def _linked_back(draft: Draft, key: str) -> Iterator[str]:
    """Tracks of the same segment that name this one."""
    if key.startswith(PHOTO):
        return
    video_id, index, own = parts_of(key)
    for number in draft.segment(video_id, index).tracks:
        other = draft.track(key_of(video_id, index, number)) if number != own else None
        if other is not None and key in other.cannot_link:
            yield key_of(video_id, index, number)


def _refused(draft: Draft, track: Track) -> Iterator[str]:
    for name in track.refused:
        person = draft.person(name)
        if person is not None:
            yield person.merged_into or name


def _count(draft: Draft, identity_id: str, key: str, track: Track, *, sign: int) -> None:
    person = draft.known(identity_id)
    if key.startswith(PHOTO):
        others = tuple(photo for photo in person.photos if photo != key)
        draft.put_person(replace(person, photos=(*others, key) if sign > 0 else others))
    else:
        time_ms = person.time_ms + sign * (track.end_ms - track.start_ms)
        draft.put_person(replace(person, tracks=person.tracks + sign, time_ms=time_ms))


def _appear(draft: Draft, key: str, track: Track, identity_id: str) -> None:
    """Note in its segment and its video who a track is."""
    video_id, index, _ = parts_of(key)
    _set_placed(draft, key, track, identity_id)
    video = draft.video(video_id) or Video(revision="")
    seen = video.people.get(identity_id) or Appearance(tracks=0, time_ms=0, segments=b"")
    if seen.tracks == 0:
        _enter(draft, video_id, video, identity_id)
    grown = Appearance(
        tracks=seen.tracks + 1,
        time_ms=seen.time_ms + track.end_ms - track.start_ms,
        segments=index_set.insert(seen.segments, index),
    )
    draft.put_video(video_id, replace(video, people=dict(sorted({**video.people, identity_id: grown}.items()))))


def _vanish(draft: Draft, key: str, track: Track) -> None:
    """Take back what `_appear` noted."""
    video_id, index, _ = parts_of(key)
    identity_id = track.identity_id
    _set_placed(draft, key, track, "")
    video = draft.video(video_id)
    if video is None:
        return
    seen, others = video.people[identity_id], {k: v for k, v in video.people.items() if k != identity_id}
    placed = draft.segment(video_id, index).tracks.values()
    is_still_there = any(p.identity_id == identity_id for p in placed)
    left = Appearance(
        tracks=seen.tracks - 1,
        time_ms=seen.time_ms - (track.end_ms - track.start_ms),
        segments=seen.segments if is_still_there else index_set.remove(seen.segments, index),
    )
    people = dict(sorted({**others, identity_id: left}.items())) if left.tracks else others
    draft.put_video(video_id, replace(video, people=people))
    if not left.tracks:
        _leave(draft, video_id, people, identity_id)


def _set_placed(draft: Draft, key: str, track: Track, identity_id: str) -> None:
    video_id, index, number = parts_of(key)
    segment = draft.segment(video_id, index)
    placed = Placed(start_ms=track.start_ms, end_ms=track.end_ms, identity_id=identity_id)
    tracks = dict(sorted({**segment.tracks, number: placed}.items()))
    draft.put_segment(video_id, index, replace(segment, tracks=tracks))


def _enter(draft: Draft, video_id: str, video: Video, identity_id: str) -> None:
    draft.put_person(draft.add_video(draft.known(identity_id), video_id))
    root = root_of(draft, identity_id)
    if not _is_any_in(video.people, root):
        draft.put_person(replace(root, videos=root.videos + 1))


def _leave(draft: Draft, video_id: str, people: Iterable[str], identity_id: str) -> None:
    draft.remove_video(draft.known(identity_id), video_id)
    root = root_of(draft, identity_id)
    if not _is_any_in(people, root):
        draft.put_person(replace(root, videos=root.videos - 1))


def _is_any_in(people: Iterable[str], root: Person) -> bool:
    return not names_of(root).isdisjoint(people)


def _known(draft: Draft, key: str) -> Track:
    track = draft.track(key)
    if track is None:
        raise KeyError(f"track {key} is not in the table")  # a bug: whoever calls has just seen it
    return track
