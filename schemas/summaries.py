"""All features of a segment, or of a whole video, joined and pooled."""

import msgspec

from schemas.commands import PersonId
from schemas.event import Revision, Scope, VideoEvent, VideoId
from schemas.features import Label
from schemas.media import Metadata
from schemas.outcomes import OutcomeObserved


class PooledVector(msgspec.Struct, frozen=True, kw_only=True):
    """An exact sum: `sums` is `dim` little-endian int64 in steps of 2**-24 (base64 on the wire)."""

    dim: int
    count: int
    sums: bytes


class PersonSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a video, by id: `share` of its time in [0, 1]. Names are looked up where they are shown."""

    identity_id: PersonId
    share: float


class Summarised(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Everything scoring and training may know about a segment or a video.

    Attributes
    ----------
    complete : bool
        Every segment got an answer from every modality.
    final : bool
        Complete, or its deadline has passed; otherwise the video is still growing.
    pooled : dict
        By place and modality: ``segments/text``, ``video/text``. For a segment: ``segments/...`` of count 1.
    people : tuple
        Who is in the video as far as the gallery knows, most seen first; it may say more later.
    missing : dict
        Modality -> why it is absent (in part): ``segments/text: no speech (3 of 7)``.
    duplicates : tuple of str
        Other ids with the same bytes, to be scored alike.
    edition : int
        Of a segment: the highest of its answers'. Those of a higher one begin a video's sums anew.
    made_by : dict
        By place and modality, as in `pooled`, the versions of the models whose answers are in it, sorted: more than
        one where they were mixed. Nothing is said of answers that came before there was such a field.
    """

    revision: Revision
    scope: Scope
    complete: bool
    final: bool
    segments_done: int = 0
    segments_total: int | None = None
    start_s: float = 0.0
    end_s: float = 0.0
    pooled: dict[str, PooledVector] = msgspec.field(default_factory=dict)
    numbers: dict[str, float] = msgspec.field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    words: str = ""
    missing: dict[str, str] = msgspec.field(default_factory=dict)
    metadata: Metadata = Metadata()
    targets: tuple[str, ...] = ()
    outcomes: tuple[OutcomeObserved, ...] = ()
    duplicates: tuple[VideoId, ...] = ()
    warnings: tuple[str, ...] = ()
    people: tuple[PersonSeen, ...] = ()
    edition: int = 0
    made_by: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.scope}"
