"""What became of one video in the units of a prediction, as far as its outcomes alone can tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.target_values import ALL, Floats, raw_from, scaled
from schemas.outcomes import OutcomeObserved
from schemas.targets import Measure, TargetDefined

NO_COUNTS = "no outcome has the counts it takes"
BY_LABELS = "its classes are judged by labels and hashtags, and not by outcomes"
NOT_DEFINED = "the target is not defined in these units"
ONLY_TOGETHER = "only the whole table a release was taught on says what the truth is"
AMONG_COMPARABLE = "its release does not say what it takes to be among the best; train again"
TOO_EARLY = "the outcomes were there before the release was trained, or have no date"


@dataclass(frozen=True)
class Truth:
    """The truth about a video; `value` None with the reason where it cannot be compared.

    `at_s` is when the latest outcome that counts was observed, in seconds since the epoch; `is_best` whether the video
    came out among the best, None where nobody knows.
    """

    value: float | None
    why_not: str = ""
    at_s: float | None = None
    is_best: bool | None = None


@dataclass(frozen=True)
class Yardstick:
    """What a release brings along to tell by it how a single video did.

    Attributes
    ----------
    reference : array or None
        Raw values that a percentile is one of.
    threshold : float or None
        In the target's unit: what lies above is among the best. Of a regression.
    measure : str
        Which of the target's measures it was taught by.
    bars : mapping
        By category what raw value lies below the best of it, see `models.target_values.bars`. Of a probability.
    """

    reference: Floats | None = None
    threshold: float | None = None
    measure: str = ""
    bars: Mapping[str, float] = field(default_factory=dict)


def truth_of(
    target: TargetDefined | None,
    unit: str,
    outcomes: Sequence[OutcomeObserved],
    *,
    after_s: float,
    by: Yardstick = Yardstick(),
    category: str = "",
) -> Truth:
    """Measure one video by the measures of a target that have this unit, the preferred one first.

    Parameters
    ----------
    target : TargetDefined or None
        None where nobody defined it.
    after_s : float
        Outcomes that were observed earlier, or nobody knows when, do not count: they may have been learned from.
    by : Yardstick
        The release's.
    category : str
        The video's.
    """
    later = [o for o in outcomes if o.observed_at_s is not None and o.observed_at_s > after_s]
    if not later:
        return Truth(None, TOO_EARLY)
    at_s = max(o.observed_at_s or 0.0 for o in later)
    if target is not None and target.kind == "multilabel":
        return Truth(None, BY_LABELS, at_s)
    measures = [] if target is None else [m for m in target.measures if m.unit == unit]
    if target is None or not measures:
        return Truth(None, NOT_DEFINED, at_s)
    if target.kind != "regression":
        return _among_best(target, later, by, above=by.bars.get(category, by.bars.get(ALL)), at_s=at_s)
    known = [m for m in measures if m.scale != "percentile" or by.reference is not None]
    if not known:
        return Truth(None, ONLY_TOGETHER, at_s)
    values = (_value(target, measure, later, by.reference) for measure in known)
    value = next((v for v in values if math.isfinite(v)), None)
    if value is None:
        return Truth(None, NO_COUNTS, at_s)
    return Truth(value, at_s=at_s, is_best=None if by.threshold is None else value > by.threshold)


def _among_best(
    target: TargetDefined, outcomes: Sequence[OutcomeObserved], by: Yardstick, *, above: float | None, at_s: float
) -> Truth:
    """Hold one video against the bar that its release was taught by: 1 above it, else 0."""
    measure = next((m for m in target.measures if m.name == by.measure), None)
    if measure is None or above is None:
        return Truth(None, AMONG_COMPARABLE, at_s)
    raw = raw_from(target, measure, outcomes)
    if not math.isfinite(raw):
        return Truth(None, NO_COUNTS, at_s)
    return Truth(float(raw > above), at_s=at_s, is_best=raw > above)


def _value(
    target: TargetDefined, measure: Measure, outcomes: Sequence[OutcomeObserved], reference: Floats | None
) -> float:
    raw = np.array([raw_from(target, measure, outcomes)], np.float64)
    return float(scaled(measure, raw, reference=raw if reference is None else reference)[0])
