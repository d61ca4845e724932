"""What a target's definition makes of an example: the small, fixed vocabulary of formulas."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.event import Scope, VideoId
from schemas.labels import LabelGiven
from schemas.media import Metadata
from schemas.outcomes import OutcomeObserved
from schemas.summaries import Summarised
from schemas.targets import Formula, Measure, TargetDefined

Floats = NDArray[np.float64]

DAY_H = 24
FIRST_COUNT_H = 7 * DAY_H
"""A count after more than a week says nothing of the first day."""

ALL = ""
"""The pool of all examples together."""

ENOUGH_TO_COMPARE = 30
"""A category with fewer examples has no fifth worth the name; its videos are compared with all."""


@dataclass(frozen=True)
class Measured:
    """The truth about examples.

    Attributes
    ----------
    measure : Measure
        The one that was used.
    values : array, shape (n,)
        NaN for an example that cannot be measured by it.
    """

    measure: Measure
    values: Floats

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which of the examples have a value, shape (n,)."""
        return ~np.isnan(self.values)


def measured(target: TargetDefined, examples: Sequence[Summarised], *, by: str = "") -> Measured:
    """Measure a regression or probability target on examples.

    Parameters
    ----------
    examples : sequence of Summarised
        With their outcomes.
    by : str, optional
        Name of one of the target's measures; otherwise the one that most examples have counts for,
        of equals the first in the definition.

    Raises
    ------
    KeyError
        The target has no measure of that name.
    """
    chosen = [m for m in target.measures if by in ("", m.name)]
    if not chosen:
        raise KeyError(by)
    raw = [(m, np.array([raw_value(target, m, e) for e in examples], np.float64)) for m in chosen]
    measure, values = max(raw, key=lambda pair: int(np.isfinite(pair[1]).sum()))
    if target.kind == "probability":
        return Measured(measure, successes(target, values, [e.metadata.category for e in examples]))
    return Measured(measure, scaled(measure, values, reference=values))


def raw_value(target: TargetDefined, measure: Measure, example: Summarised) -> float:
    """Work a formula out for one example, before any scale; NaN without the counts it takes."""
    return raw_from(target, measure, example.outcomes)


def raw_from(target: TargetDefined, measure: Measure, outcomes: Sequence[OutcomeObserved]) -> float:
    """Work a formula out for one video's outcomes, before any scale; NaN without the counts it takes."""
    if measure.formula not in _FORMULAS:
        return math.nan
    formula = _FORMULAS[measure.formula]
    found = (formula(measure, counted, outcomes) for counted in at_age(target, outcomes))
    return next((value for value in found if value is not None), math.nan)


def at_age(target: TargetDefined, outcomes: Sequence[OutcomeObserved]) -> list[OutcomeObserved]:
    """The outcomes that tell the truth, the best first: nearest to the target's age, else the latest."""
    if target.age_days is None:
        return sorted(outcomes, key=lambda o: (o.moment, o.views or 0), reverse=True)
    wanted_h, near_h = target.age_days * DAY_H, target.tolerance_days * DAY_H
    close = [(abs(o.age_h - wanted_h), o.age_h, o) for o in outcomes if o.age_h is not None]
    return [o for distance_h, _, o in sorted(close, key=lambda c: c[:2]) if distance_h <= near_h]


def early(target: TargetDefined, outcomes: Iterable[OutcomeObserved]) -> tuple[OutcomeObserved, ...]:
    """The outcomes that a prediction may see: none, or those of a known age that is early."""
    if target.sees != "early_outcomes":
        return ()
    latest_h = target.early_days * DAY_H
    return tuple(o for o in outcomes if o.age_h is not None and o.age_h <= latest_h)


def scaled(measure: Measure, raw: Floats, *, reference: Floats) -> Floats:
    """Bring raw values to the measure's scale.

    Parameters
    ----------
    raw : array, shape (n,)
        NaN stays NaN.
    reference : array, shape (m,)
        Raw values of the examples that percentiles are of.

    >>> scaled(Measure(name="m", formula="score", unit="", scale="saturating"), np.array([1.0, 2.0]), reference=np.array([]))
    array([50., 75.])
    """
    if measure.scale == "saturating":
        return np.asarray(100 * (1 - 2.0 ** (-np.maximum(raw, 0) / measure.half)), np.float64)
    if measure.scale == "percentile":
        return _percentiles(raw, reference)
    return raw


def successes(target: TargetDefined, raw: Floats, categories: Sequence[str]) -> Floats:
    """1 for the best share of comparable examples, 0 for the others, NaN for what was not measured."""
    usable = ~np.isnan(raw)
    if not usable.any():
        return np.full(len(raw), np.nan)
    above = bars(target, raw, categories)
    own = np.array([above.get(category, above[ALL]) for category in categories], np.float64)
    return np.where(usable, raw > own, np.nan)


def bars(target: TargetDefined, raw: Floats, categories: Sequence[str]) -> dict[str, float]:
    """Say above which raw value an example is among the best: of its category where that has enough, else of `ALL`.

    Parameters
    ----------
    raw : array, shape (n,)
        NaN for what was not measured; not all of them are.
    """
    usable = ~np.isnan(raw)
    by_category = target.compare_by == "category"
    sizes = Counter(c for c, ok in zip(categories, usable, strict=True) if ok and by_category)
    pools = sorted(c for c, size in sizes.items() if c and size >= ENOUGH_TO_COMPARE)
    names = np.array(categories, object)
    members = {ALL: usable} | {pool: usable & (names == pool) for pool in pools}
    return {pool: float(np.quantile(raw[mine], 1 - target.top_share)) for pool, mine in members.items()}


def hashtag_classes(target: TargetDefined, examples: Iterable[Summarised]) -> tuple[str, ...]:
    """The hashtags that enough examples bear, most frequent first, in small letters; no more than the target allows."""
    counts = Counter(tag for e in examples for tag in {h.casefold() for h in e.metadata.hashtags})
    frequent = [(-n, tag) for tag, n in counts.items() if n >= max(target.minimum_examples, 1)]
    return tuple(tag for _, tag in sorted(frequent))[: target.maximum_classes or None]


def hashtag_truth(classes: Sequence[str], examples: Sequence[Summarised]) -> Floats:
    """Which example bears which hashtag, shape (n_examples, n_classes), 0 or 1."""
    borne = [{h.casefold() for h in e.metadata.hashtags} for e in examples]
    truth = [float(c in tags) for tags in borne for c in classes]
    return np.array(truth, np.float64).reshape(len(borne), len(classes))


def label_truth(target: TargetDefined, labels: Iterable[LabelGiven]) -> dict[tuple[VideoId, Scope], Floats]:
    """What people say of each video or segment.

    Returns
    -------
    dict
        By video and scope: shape (n_classes,), the share of ``yes`` among ``yes`` and ``no``; NaN where nobody judged.
    """
    judged: Mapping[tuple[VideoId, Scope], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for label in labels:
        if label.target == target.name and label.value != "skip":
            judged[label.video_id, label.scope][label.label].append(float(label.value == "yes"))
    names = [one.name for one in target.classes]
    return {
        place: np.array([np.mean(said[name]) if name in said else np.nan for name in names], np.float64)
        for place, said in judged.items()
    }


def group_of(example: Summarised) -> str:
    """Who is behind a video, so that they are never on both sides of a split; itself where nobody is named."""
    return maker_of(example.metadata) or example.video_id


def maker_of(metadata: Metadata) -> str:
    """The name or id of the channel; empty where nobody is named."""
    return metadata.channel or metadata.channel_id


def _percentiles(raw: Floats, reference: Floats) -> Floats:
    """Share of the reference that has less, 0 to 100; equal values share the mean of their ranks."""
    known = np.sort(reference[~np.isnan(reference)])
    below, upto = np.searchsorted(known, raw, "left"), np.searchsorted(known, raw, "right")
    shares = (below + upto) / 2 / max(len(known), 1) * 100
    return np.where(np.isnan(raw), np.nan, shares)


def _score(measure: Measure, counted: OutcomeObserved, series: Sequence[OutcomeObserved]) -> float | None:
    return counted.scores.get(measure.score)


def _log_count(measure: Measure, counted: OutcomeObserved, series: Sequence[OutcomeObserved]) -> float | None:
    count: int | None = getattr(counted, measure.count)
    return None if count is None else math.log10(count + 1)


def _engagement(measure: Measure, counted: OutcomeObserved, series: Sequence[OutcomeObserved]) -> float | None:
    """Comments may be switched off; without likes there is nothing to say."""
    if not counted.views or counted.likes is None:
        return None
    return min((counted.likes + (counted.comments or 0)) / counted.views * 100, 100.0)


def _virality(measure: Measure, counted: OutcomeObserved, series: Sequence[OutcomeObserved]) -> float | None:
    """Views projected to the first day by subscribers on that day, plus all views by subscribers.

    Source: README of sp1d5r/ViraNovaAIModels. It does not say how the first day is projected: here views
    grow evenly from publication to the first count, which must be an early one.
    """
    dated = [(o.age_h, o) for o in series if o.age_h and o.age_h <= FIRST_COUNT_H and o.views is not None]
    if not dated or counted.views is None or not counted.subscribers:
        return None
    age_h, first = min(dated, key=lambda pair: pair[0])
    day_zero = (first.views or 0) * DAY_H / age_h
    return day_zero / (first.subscribers or counted.subscribers) + counted.views / counted.subscribers


_FORMULAS: Mapping[Formula, Callable[[Measure, OutcomeObserved, Sequence[OutcomeObserved]], float | None]] = {
    "score": _score,
    "log_count": _log_count,
    "engagement": _engagement,
    "virality_score": _virality,
}
