"""Faces of past segments once more: what the gallery hears when another way of looking is promoted.

Vectors by which a face can be known again lie on ``faces`` and nowhere else, not even beside what stands. So
the first look only says how faces are shown, and the promotion looks again for the gallery.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from processors.folding import OnSkip
from processors.identity_maker import maker_of
from processors.per_segment import Author
from processors.ports import MediaStore
from schemas.codec import head_of
from schemas.event import VideoId
from schemas.faces import FacesCounted, FaceTracked, track_key
from schemas.segments import SegmentCut
from streams.kafka.bulk import latest_per_key, read_to_end
from streams.reextraction import NotAlone, Repeatable, longest_batch, transformed
from streams.settings import Settings
from streams.storage.unchanged import UnchangedMedia
from streams.world import LocalWorld, open_media

STAGE, TOPIC = "faces", "faces"


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """What tells a track from a count, and which networks made its vector."""

    video_id: VideoId = ""
    segment: int = 0
    track: int | None = None
    model: str = ""
    model_version: str = ""


@dataclass(frozen=True, kw_only=True)
class KnownFaces:
    """What lies on ``faces``.

    Attributes
    ----------
    makers : set of str
        Which networks made vectors.
    tracks : dict
        By video the segment and number of each track.
    """

    makers: set[str] = field(default_factory=set)
    tracks: dict[VideoId, set[tuple[int, int]]] = field(default_factory=dict)


class WorldBeside(LocalWorld):
    """The world for a first look: pictures of faces that stand are not written over."""

    @cached_property
    def media(self) -> MediaStore:
        return UnchangedMedia(open_media(self._settings))


def known_faces(settings: Settings, bootstrap: str) -> KnownFaces:
    """Read what the gallery was told.

    Raises
    ------
    BrokerUnavailable, UsageError
        See `read_to_end`.
    """
    known = KnownFaces()
    for record in latest_per_key(read_to_end(settings, bootstrap, [TOPIC])).values():
        head = head_of(record.value, _Head)
        if head.track is not None:
            known.makers.add(maker_of(head.model, head.model_version))
            known.tracks.setdefault(head.video_id, set()).add((head.segment, head.track))
    return known


def check_comparable(author: Author, known: KnownFaces) -> None:
    """Refuse networks whose vectors cannot be compared with those in the gallery.

    Raises
    ------
    NotAlone
        The gallery holds faces, and none that these networks made.
    """
    maker = maker_of(author.model, author.model_version)
    if known.makers and maker not in known.makers:
        raise NotAlone(
            f"the gallery holds faces made by {' and '.join(sorted(known.makers))}, which cannot be compared with those "
            f"of {maker}: with other networks, begin another home (GROUNDSWELL_HOME), and submit the videos and enrol "
            "the people there. Sizes and least quality of faces may change: they can be looked at again here"
        )


def look_again(
    processor: Repeatable, segments: Sequence[SegmentCut], *, on_skip: OnSkip
) -> list[FaceTracked | FacesCounted]:
    """Say who is to be seen in a video's segments; raises what the store raises."""
    batch = longest_batch(STAGE)
    groups = (segments[start : start + batch] for start in range(0, len(segments), batch))
    answers = (answer for group in groups for some in transformed(processor, group, on_skip) for answer in some)
    return [answer for answer in answers if isinstance(answer, FaceTracked | FacesCounted)]


def void(video_id: VideoId, seen: Sequence[FaceTracked | FacesCounted], known: KnownFaces) -> list[str]:
    """Name records of tracks that are not there any more."""
    counts = {event.segment: event.count for event in seen if isinstance(event, FacesCounted)}
    tracks = sorted(known.tracks.get(video_id, set()))
    return [track_key(video_id, segment, track) for segment, track in tracks if track >= counts.get(segment, track + 1)]
