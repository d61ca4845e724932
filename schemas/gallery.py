"""What the identity stage remembers between events; lives in its table, never on a topic.

Keys: ``person/ID``, ``track/VIDEO/SEGMENT/TRACK``, ``track/photo:COMMAND/0/N``, ``segment/VIDEO/SEGMENT``,
``video/VIDEO``, ``page/ID/N``, ``done/COMMAND``, ``gone/EVENT``, ``cells``,
``maker``.
"""

import msgspec

from schemas.commands import AnyCommand
from schemas.event import Ref, Revision
from schemas.features import Vector
from schemas.summaries import PooledVector


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One identity.

    A merged identity keeps its own faces, so that the merge can be undone; the one it was merged into
    speaks for all of them.

    Attributes
    ----------
    own : PooledVector or None
        Exact sum of the vectors of its own faces.
    group : PooledVector or None
        The same with everyone merged into it.
    tracks, time_ms : int
        Of its own faces.
    photos, commands : tuple of str
        Keys of its photos, and of the commands that were about it.
    videos : int
        Different videos of the whole group.
    pages : int
        How many ``page/ID/N`` list its own videos.
    absorbed : tuple of str
        Everyone merged into it, never in chains.
    different : tuple of str
        Identities that it is not, by a split.
    """

    identity_id: str
    name: str = ""
    own: PooledVector | None = None
    group: PooledVector | None = None
    tracks: int = 0
    time_ms: int = 0
    photos: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    videos: int = 0
    pages: int = 0
    merged_into: str = ""
    absorbed: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    cover_ref: Ref | None = None
    cover_quality: float = -1.0


class Track(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One face that was followed, or one photo.

    Attributes
    ----------
    identity_id : str
        Whose it is; empty when it is not good enough to say.
    refused : tuple of str
        Identities that it is not, as somebody said.
    """

    event_id: str
    vector: Vector
    quality: float
    start_ms: int = 0
    end_ms: int = 0
    crop_ref: Ref | None = None
    cannot_link: tuple[str, ...] = ()
    identity_id: str = ""
    refused: tuple[str, ...] = ()


class Placed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a track of a segment belongs."""

    start_ms: int
    end_ms: int
    identity_id: str = ""


class Counted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a segment beside its tracks."""

    event_id: str
    count: int
    start_ms: int
    end_ms: int
    absent_reason: str = ""


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tracks of one segment, by number; `counted` is None until the last one is sent."""

    tracks: dict[str, Placed] = msgspec.field(default_factory=dict)
    counted: Counted | None = None


class Appearance(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one identity is in a video; `segments` is a bit mask of indexes."""

    tracks: int
    time_ms: int
    segments: bytes


class Video(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is in a video. `known` and `complete` are bit masks of segment indexes."""

    revision: Revision
    segments: int = 0
    known: bytes = b""
    complete: bytes = b""
    time_ms: int = 0
    people: dict[str, Appearance] = msgspec.field(default_factory=dict)


class Page(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Some of the videos an identity's own faces are in."""

    videos: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that came by, and what is needed to take it back.

    Attributes
    ----------
    refused, undone : bool
        It had no effect, or has none any more.
    moved : dict
        Identities of a merge, or tracks of a split, a "not" or an enrolment, with where they were before.
    name : str
        The name before.
    refused_before : tuple of str
        Whom the track was said not to be before.
    made : str
        The identity that it made or joined.
    """

    command: AnyCommand | None = None
    refused: bool = False
    undone: bool = False
    moved: dict[str, str] = msgspec.field(default_factory=dict)
    name: str = ""
    refused_before: tuple[str, ...] = ()
    made: str = ""


class Cells(msgspec.Struct, frozen=True, kw_only=True):
    """Centres of the cells of a large gallery: `count` rows of `dim` little-endian float32."""

    count: int
    dim: int
    centres: bytes


class GalleryState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the identity stage's table: exactly one of the fields is set.

    `gone` marks an event whose content was erased: when it is delivered once more, it stays erased.
    `maker` is the model that made all vectors.
    """

    person: Person | None = None
    track: Track | None = None
    segment: Segment | None = None
    video: Video | None = None
    page: Page | None = None
    done: Done | None = None
    gone: bool = False
    cells: Cells | None = None
    maker: str = ""
