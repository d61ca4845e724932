"""Taking a video, or a person, out of the gallery without a trace."""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.identity_draft import Draft
from processors.identity_people import members_of
from processors.identity_tracks import lift, parts_of, tracks_of
from schemas.gallery import Person, Segment

Erased = tuple[tuple[str, ...], tuple[str, ...]]
"""Record keys and references that must go elsewhere too."""


def drop_video(draft: Draft, video_id: str, *, for_ever: bool) -> Erased:
    """Forget every face of a video; unnamed identities that are empty then go as well.

    Parameters
    ----------
    for_ever : bool
        The same events change nothing when they are delivered once more.
    """
    records, refs, owners = list[str](), list[str](), set[str]()
    video = draft.video(video_id)
    for index in range(8 * len(video.known)) if video else ():
        segment = draft.segment(video_id, index)
        for number in segment.tracks:
            key = f"{video_id}/{index}/{number}"
            track = draft.track(key)
            owners |= {track.identity_id} if track and track.identity_id else set()
            refs += _drop_track(draft, key, for_ever=for_ever)
            records.append(key)
        if segment.counted and for_ever:
            draft.put_gone(segment.counted.event_id)
        if segment != Segment():
            records.append(f"{video_id}/{index}/count")
            draft.drop_segment(video_id, index)
    if video:
        draft.drop_video(video_id)
    return (*records, *_drop_empty(draft, sorted(owners))), tuple(refs)


def drop_beyond(draft: Draft, video_id: str, *, index: int, count: int) -> None:
    """Forget tracks of an earlier count: a segment has only the first `count`."""
    segment = draft.segment(video_id, index)
    gone = [number for number in segment.tracks if int(number) >= count]
    for number in gone:
        _drop_track(draft, f"{video_id}/{index}/{number}", for_ever=False)
    if gone:
        now = draft.segment(video_id, index)
        left = {number: placed for number, placed in now.tracks.items() if number not in gone}
        draft.put_segment(video_id, index, replace(now, tracks=left))


def forget(draft: Draft, root: Person) -> Erased:
    """Forget everybody a root speaks for: names, faces, photos, and the commands about them."""
    records, refs = list[str](), list[str]()
    for member in members_of(draft, root):
        for key in list(tracks_of(draft, member)):
            refs += _drop_track(draft, key, for_ever=True)
            _unplace(draft, key)
            records.append(key)
        for key in member.photos:
            lift(draft, key)
            draft.drop_track(key)
        for command_id in member.commands:
            draft.empty_done(command_id)
            records.append(f"command/{command_id}")
    for name in (root.identity_id, *root.absorbed):
        _drop_person(draft, draft.known(name))
        records.append(name)
    return tuple(records), tuple(refs)


def _drop_track(draft: Draft, key: str, *, for_ever: bool) -> list[str]:
    track = draft.track(key)
    if track is None:
        return []
    if for_ever:
        draft.put_gone(track.event_id)
    lift(draft, key)
    draft.drop_track(key)
    return [track.crop_ref] if track.crop_ref else []


def _unplace(draft: Draft, key: str) -> None:
    video_id, index, number = parts_of(key)
    segment = draft.segment(video_id, index)
    left = {other: placed for other, placed in segment.tracks.items() if other != number}
    draft.put_segment(video_id, index, replace(segment, tracks=left))


def _drop_empty(draft: Draft, identity_ids: Iterable[str]) -> list[str]:
    gone = []
    for name in identity_ids:
        person = draft.known(name)
        if person.own is None and not person.name and not person.absorbed and not person.merged_into:
            _drop_person(draft, person)
            gone.append(name)
    return gone


def _drop_person(draft: Draft, person: Person) -> None:
    """An identity's place in the table, and what others know of it."""
    draft.drop_pages(person)
    draft.drop_person(person.identity_id)
    for name in person.different:
        other = draft.person(name)
        if other is not None:
            left = tuple(known for known in other.different if known != person.identity_id)
            draft.put_person(replace(other, different=left))
