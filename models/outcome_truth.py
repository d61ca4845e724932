"""What became of one video in the units of a prediction, as far as its outcomes alone can tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.target_values import Floats, raw_from, scaled
from schemas.outcomes import OutcomeObserved
from schemas.targets import Measure, TargetDefined

NO_COUNTS = "no outcome has the counts it takes"
BY_LABELS = "its classes are judged by labels and hashtags, and not by outcomes"
NOT_DEFINED = "the target is not defined in these units"
ONLY_TOGETHER = "only the whole table a release was taught on says what the truth is"
AMONG_COMPARABLE = "who is among the best is only known of all comparable videos together"
TOO_EARLY = "the outcomes were there before the release was trained, or have no date"


@dataclass(frozen=True)
class Truth:
    """The truth about a video; `value` None with the reason where it cannot be compared.

    `at_s` is when the latest outcome that counts was observed, in seconds since the epoch.
    """

    value: float | None
    why_not: str = ""
    at_s: float | None = None


def truth_of(
    target: TargetDefined | None,
    unit: str,
    outcomes: Sequence[OutcomeObserved],
    *,
    after_s: float,
    reference: Floats | None = None,
) -> Truth:
    """Measure one video by the measures of a target that have this unit, the preferred one first.

    Parameters
    ----------
    target : TargetDefined or None
        None where nobody defined it.
    after_s : float
        Outcomes that were observed earlier, or nobody knows when, do not count: they may have been learned from.
    reference : array or None
        Raw values that a percentile is one of, as they lie in the release.
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
        return Truth(None, AMONG_COMPARABLE, at_s)
    known = [m for m in measures if m.scale != "percentile" or reference is not None]
    if not known:
        return Truth(None, ONLY_TOGETHER, at_s)
    values = (_value(target, measure, later, reference) for measure in known)
    value = next((v for v in values if math.isfinite(v)), None)
    return Truth(value, "" if value is not None else NO_COUNTS, at_s)


def _value(
    target: TargetDefined, measure: Measure, outcomes: Sequence[OutcomeObserved], reference: Floats | None
) -> float:
    raw = np.array([raw_from(target, measure, outcomes)], np.float64)
    return float(scaled(measure, raw, reference=raw if reference is None else reference)[0])
