"""What Groundswell says will happen."""

from typing import Literal, TypeAlias

import msgspec

from schemas.event import Revision, Scope, VideoEvent, VideoId


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named part of a prediction, in the target's units; all parts and the base add up to it."""

    feature: str
    words: str
    contribution: float
    at_s: float | None = None


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A range that holds the truth in `level` of cases, in the target's units."""

    low: float
    high: float
    level: float


class ClassChance(msgspec.Struct, frozen=True, kw_only=True):
    """How likely one class of a multilabel target is, beside what is known of every video alike.

    Attributes
    ----------
    probability, base_rate : float
        The calibrated chance, and the class's share of the examples that were learned from.
    likely_from : float
        The chance from which on saying yes is worth it: where precision and recall were best together, never below
        the base rate; 1 for a class that does not beat it.
    beats_base_rate : bool
        Whether the release's chances of this class were better than its base rate on unseen groups.
    """

    name: str
    probability: float
    base_rate: float
    likely_from: float
    beats_base_rate: bool

    @property
    def is_likely(self) -> bool:
        return self.probability >= self.likely_from


class VideoScored(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """One prediction of one release for one target, made from one summary.

    Attributes
    ----------
    summary_id : str
        Event id of the summary it was computed from.
    value : float
        In `unit`.
    constant : float
        What the baseline says for every video; `beats_constant` says whether the release did better on unseen groups.
    probability, probability_of
        A calibrated chance and the event it is the chance of, where the target has one.
    coverage : float or None
        How often the release's intervals held the truth on groups it had not seen; a share in [0, 1].
    calibration_error : float or None
        How far its probabilities were from what came, on average, on groups it had not seen (ECE).
    classes : tuple of ClassChance
        Of a multilabel target, the likeliest first. `value` and `probability` are then the chance of the first,
        `constant` its base rate; `SegmentScored` says where in the video.
    """

    revision: Revision
    summary_id: str
    target: str
    release_id: str
    stage: Literal["partial", "final"]
    value: float
    unit: str
    interval: Interval
    constant: float
    beats_constant: bool
    probability: float | None = None
    probability_of: str = ""
    coverage: float | None = None
    calibration_error: float | None = None
    reasons: tuple[Reason, ...] = ()
    suggestions: tuple[str, ...] = ()
    modalities_used: tuple[str, ...] = ()
    modalities_missing: dict[str, str] = msgspec.field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    duplicate_of: VideoId | None = None
    classes: tuple[ClassChance, ...] = ()

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.target}"


class SegmentScored(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """How likely each class of a multilabel target is in one segment; what else there is to know says `VideoScored`.

    Attributes
    ----------
    summary_id : str
        Event id of the segment's summary it was computed from.
    chances : dict
        Class -> calibrated chance.
    """

    revision: Revision
    scope: Scope
    summary_id: str
    target: str
    release_id: str
    end_s: float
    chances: dict[str, float]
    start_s: float = 0.0

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.target}/{self.scope}"


Prediction: TypeAlias = VideoScored | SegmentScored
