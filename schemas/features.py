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
    """Something recognised, with a score in [0, 1] and, where known, when: first, last, and most surely.

    `tracks` are the numbers of the face tracks of this segment that it is made of.
    """

    name: str
    score: float
    start_s: float | None = None
    end_s: float | None = None
    best_s: float | None = None
    tracks: tuple[int, ...] = ()


class TimedWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word and when it is said, in the video's time."""

    text: str
    start_s: float
    end_s: float


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """Words that a model heard.

    Attributes
    ----------
    source : str
        ``speech``, beside the sources that `SegmentCut.text_source` names.
    model, model_version : str
        What heard it.
    language : str
        ISO 639-1, as the model recognised it.
    language_probability : float
        How sure it was, in [0, 1].
    """

    text: str
    source: str
    model: str
    model_version: str
    language: str
    language_probability: float
    words: tuple[TimedWord, ...] = ()


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
    transcript : Transcript or None
        The words this answer is about, where they are not the segment's own text.
    edition : int
        How often answers about this content were replaced by those of another version, this one included.
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
    transcript: Transcript | None = None
    edition: int = 0

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.scope}/{self.modality}"


class FeatureReextracted(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """What another version of a model says of the same; beside what stands, until it is promoted.

    No live stage reads it: nothing that is in work meets two versions of a model.
    """

    feature: FeatureExtracted

    @property
    def record_key(self) -> str:
        return f"{self.feature.record_key}/{self.feature.model_version}"


FAILED = "failed"
"""`absent_reason` begins with this when a model broke; a later answer replaces it."""
