"""People as the camera saw them: who is who is for the gallery to say."""

import msgspec

from schemas.event import Ref, Revision, VideoEvent
from schemas.features import Vector

PRESENCE = (
    "face_share",
    "several_faces_share",
    "close_up_share",
    "facing_share",
    "face_area_share",
    "largest_face_share",
)
"""The vector of the faces modality is these of its numbers, in this order, each in [0, 1]: share of the time with a
face, with two and more, with one that fills a third of the picture's height, with one that looks into the camera; share
of the picture that faces cover on average, and that the largest one covers.

It says nothing of who they are. Vectors by which a face can be known again travel in `FaceTracked` only, from where
they can be erased; sums over many faces, as in a summary, could never be."""


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a picture, as shares of its width and height; may reach beyond its edges."""

    left: float
    top: float
    width: float
    height: float


class FaceTracked(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A face followed through one shot of a segment, seen well enough to be known again.

    Attributes
    ----------
    segment, track : int
        The segment's index, and the track's within it.
    start_s, end_s : float
        From the first picture with this face to the end of what the last one stands for.
    at_s, box : float, Box
        When and where it was seen best.
    quality : float
        How well, in [0, 1].
    seen : int
        In how many pictures it was found.
    crop_ref : str or None
        A JPEG of the face at its best, with some surroundings.
    vector : Vector
        128 numbers; two of one person are less than 0.6 apart (L2).
    cannot_link : tuple of str
        Record keys of the tracks that share a picture with this one: they are other people.
    """

    revision: Revision
    segment: int
    track: int
    start_s: float
    end_s: float
    at_s: float
    box: Box
    quality: float
    model: str
    model_version: str
    vector: Vector
    seen: int = 1
    crop_ref: Ref | None = None
    cannot_link: tuple[str, ...] = ()

    @property
    def record_key(self) -> str:
        return track_key(self.video_id, self.segment, self.track)


class FacesCounted(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """All tracks of a segment are out; there is one for every segment, also when it has no faces.

    Attributes
    ----------
    segment, segments : int
        The segment's index, and how many the video has.
    count : int
        Its tracks; an older record of a higher number is void.
    start_s, end_s : float
        Where the segment lies.
    absent_reason : str or None
        Why there is no track (``no faces``, ``failed: ...``); set exactly when `count` is 0.
    """

    revision: Revision
    segment: int
    segments: int
    count: int
    start_s: float
    end_s: float
    absent_reason: str | None = None

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.segment}/count"


def track_key(video_id: str, segment: int, track: int) -> str:
    """Name a track.

    >>> track_key("youtube:a", 2, 0)
    'youtube:a/2/0'
    """
    return f"{video_id}/{segment}/{track}"
