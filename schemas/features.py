"""What one model saw in one segment, or in the whole video."""

from typing import Literal

import msgspec

from schemas.event import Revision, Scope, VideoEvent


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """A dense vector: `data` is `dim` little-endian numbers of `dtype` (base64 on the wire)."""

    dim: int
    dtype: Literal["float16", "float32"]
    data: bytes


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something recognised, with a score in [0, 1] and, where known, when."""

    name: str
    score: float
    start_s: float | None = None
    end_s: float | None = None


class FeatureExtracted(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """One modality's answer for one scope. `vector` is None exactly when `absent_reason` is set.

    Attributes
    ----------
    model, model_version : str
        What computed it, preprocessing included.
    numbers : dict
        Named scalars with units in their names.
    absent_reason : str or None
        Why there is nothing (``no speech``, ``failed: ...``); never NaN, never a silent zero.
    """

    revision: Revision
    scope: Scope
    modality: str
    model: str
    model_version: str
    vector: Vector | None = None
    labels: tuple[Label, ...] = ()
    numbers: dict[str, float] = msgspec.field(default_factory=dict)
    absent_reason: str | None = None

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.scope}/{self.modality}"


FAILED = "failed"
"""`absent_reason` begins with this when a model broke; a later answer replaces it."""
