"""What people ask of the gallery of faces, and what became of it."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from schemas.event import Event, VideoId
from schemas.features import Vector

PersonId = Annotated[str, msgspec.Meta(pattern=r"^person:[0-9a-f]{16}$(?!\n)")]
"""Names one identity; says nothing about who it is."""

TrackKey = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+:[A-Za-z0-9_\-]{1,64}/[0-9]{1,6}/[0-9]{1,6}$(?!\n)")]
"""Record key of a `schemas.faces.FaceTracked`: ``video_id/segment/track``."""

PersonName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]{1,200}$(?!\n)")]

GALLERY_LOG = "gallery"
"""Partition key of everything that must stay in one order."""


class Command(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody asks for a change. It takes effect when it comes by in the gallery's log (see `CommandTaken`).

    Attributes
    ----------
    given_at_s : float
        Seconds since 1970.
    by : str
        Who asked.
    """

    given_at_s: float
    by: str = ""

    @property
    def partition_key(self) -> str:
        return GALLERY_LOG


class IdentityNamed(Command, frozen=True, kw_only=True, omit_defaults=True):
    """This identity is called so; an empty name takes the name away."""

    identity_id: PersonId
    name: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]{0,200}$(?!\n)")]


class Photo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One face from a picture that somebody vouches for; the picture itself is not kept.

    `model` and `model_version` made the vector, as in `schemas.faces.FaceTracked`.
    """

    sha256: str
    quality: float
    vector: Vector
    model: str = ""
    model_version: str = ""


class IdentityEnrolled(Command, frozen=True, kw_only=True, omit_defaults=True):
    """These photos show a person of this name.

    They join the identity they match; when they match none, a new one begins.

    Attributes
    ----------
    identity_id : str or None
        Join this identity, whatever they look like.
    """

    name: PersonName
    photos: tuple[Photo, ...]
    identity_id: PersonId | None = None


class IdentitiesMerged(Command, frozen=True, kw_only=True, omit_defaults=True):
    """Both are one person, who keeps the first id."""

    into_id: PersonId
    from_id: PersonId


class IdentitySplit(Command, frozen=True, kw_only=True, omit_defaults=True):
    """These tracks are somebody else; the identity's other tracks are decided again between the two."""

    identity_id: PersonId
    tracks: tuple[TrackKey, ...]


class IdentityNot(Command, frozen=True, kw_only=True, omit_defaults=True):
    """This track is not this person, now and for ever."""

    identity_id: PersonId
    track: TrackKey


class IdentityForgotten(Command, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about this person goes; cannot be undone."""

    identity_id: PersonId


class EraseRequested(Command, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about this video goes; cannot be undone."""

    video_id: VideoId


class CommandUndone(Command, frozen=True, kw_only=True, omit_defaults=True):
    """Take an earlier command back."""

    command_id: str


AnyCommand: TypeAlias = (
    IdentityNamed
    | IdentityEnrolled
    | IdentitiesMerged
    | IdentitySplit
    | IdentityNot
    | IdentityForgotten
    | EraseRequested
    | CommandUndone
)


class CommandTaken(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A command in its place among the faces: here it takes effect, also when the log is read again."""

    command: AnyCommand

    @property
    def record_key(self) -> str:
        return f"command/{self.command.event_id}"

    @property
    def partition_key(self) -> str:
        return GALLERY_LOG


class CommandAnswered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a command.

    Attributes
    ----------
    message : str
        In words, without names: what changed, or why nothing did.
    identity_id : str or None
        The identity it was about, or that it made.
    erased, erased_refs : tuple of str
        Record keys on ``faces`` and ``identities`` that must go from there too, and pictures.
    """

    command_id: str
    state: Literal["done", "refused"]
    message: str = ""
    identity_id: PersonId | None = None
    erased: tuple[str, ...] = ()
    erased_refs: tuple[str, ...] = ()

    @property
    def record_key(self) -> str:
        return f"answer/{self.command_id}"

    @property
    def partition_key(self) -> str:
        return GALLERY_LOG
