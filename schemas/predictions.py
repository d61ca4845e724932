"""What Groundswell says will happen."""

from typing import Literal

import msgspec

from schemas.event import Revision, VideoEvent, VideoId


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

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.target}"
