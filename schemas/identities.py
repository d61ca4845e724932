"""Everyone the gallery knows."""

from schemas.commands import GALLERY_LOG, PersonId
from schemas.event import Event, Ref
from schemas.features import Vector


class IdentityRecorded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One identity as it stands now.

    Attributes
    ----------
    name : str
        Given by a person; empty when nobody gave one. Names travel nowhere else but in commands.
    centroid : Vector or None
        Mean of all its faces; None when it has none, or was merged into another.
    tracks, photos, videos : int
        What it is made of, those merged into it included.
    screen_s : float
        Seconds of track in all videos.
    merged_into : str or None
        The identity that speaks for this one.
    cannot_link : tuple of str
        Identities that are known to be other people.
    cover_ref : str or None
        The best picture.
    """

    identity_id: PersonId
    name: str = ""
    centroid: Vector | None = None
    tracks: int = 0
    photos: int = 0
    videos: int = 0
    screen_s: float = 0.0
    merged_into: PersonId | None = None
    cannot_link: tuple[PersonId, ...] = ()
    cover_ref: Ref | None = None

    @property
    def record_key(self) -> str:
        return self.identity_id

    @property
    def partition_key(self) -> str:
        return GALLERY_LOG
