"""Error by number of examples, and how many more it takes until a release is worth having."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.estimators.examples import Estimator, Examples, Floats, Groups
from models.estimators.folds import Fold
from models.estimators.selection import error_over_groups

SHARES = (0.1, 0.2, 0.35, 0.6, 1.0)
FEWEST_ROWS = 20

ONE_SIDED_95 = 1.645
"""A 90 % interval that stays above zero has its lower end, the 5 % quantile, there."""

POWERS = (0.25, 0.5, 0.75, 1.0)
"""Errors fall as one over a root of the number of examples, or faster; which, the points decide."""

MOST_EXAMPLES = 1_000_000
"""Beyond this the answer is that more examples of this kind will not do."""


@dataclass(frozen=True)
class Point:
    """What so many training examples gave.

    Attributes
    ----------
    gain : float
        Mean squared error of the constant minus that of the estimator.
    spread : float
        Standard deviation of this difference, so that its standard error over n examples is ``spread / sqrt(n)``.
    """

    examples: int
    mse: float
    mse_constant: float
    gain: float
    spread: float


@dataclass(frozen=True)
class Curve:
    """The points, and where they lead.

    Attributes
    ----------
    needed : int or None
        Examples with which the constant is beaten with 90 % confidence; None when no number will do.
    """

    points: tuple[Point, ...]
    needed: int | None

    def more_than(self, count: int) -> int | None:
        """How many examples are still missing from `count`."""
        return None if self.needed is None else max(self.needed - count, 0)


def learning_curve(
    examples: Examples,
    truth: Floats,
    *,
    groups: Groups,
    folds: Sequence[Fold],
    estimator: Estimator,
    seed: int,
    shares: tuple[float, ...] = SHARES,
) -> Curve:
    """Teach on ever more of the groups, judge always on the same held-out rows."""
    points = []
    for share in shares:
        thinned = tuple(_thin(fold, groups, share, seed=seed + number) for number, fold in enumerate(folds))
        if min(len(fold.taught) for fold in thinned) >= FEWEST_ROWS:
            points.append(_point(examples, truth, groups=groups, folds=thinned, estimator=estimator, seed=seed))
    return Curve(tuple(points), examples_needed(points))


def _thin(fold: Fold, groups: Groups, share: float, *, seed: int) -> Fold:
    if share >= 1:
        return fold
    present = np.unique(groups[fold.taught])
    kept = np.random.default_rng(seed).permutation(present)[: max(round(share * len(present)), 2)]
    return Fold(fold.taught[np.isin(groups[fold.taught], kept)], fold.held)


def _point(
    examples: Examples, truth: Floats, *, groups: Groups, folds: Sequence[Fold], estimator: Estimator, seed: int
) -> Point:
    values, constants = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
    for fold in folds:
        dense = np.unique(groups[fold.taught], return_inverse=True)[1]
        fitted = estimator.fit(examples.rows(fold.taught), truth[fold.taught], groups=dense, seed=seed)
        values[fold.held] = fitted.predict(examples.rows(fold.held))
        constants[fold.held] = truth[fold.taught].mean()
    judged = ~np.isnan(values)
    squared, theirs = (truth - values)[judged] ** 2, (truth - constants)[judged] ** 2
    error = error_over_groups(theirs - squared, groups[judged])
    count = round(float(np.mean([len(fold.taught) for fold in folds])))
    return Point(
        count,
        float(squared.mean()),
        float(theirs.mean()),
        float((theirs - squared).mean()),
        error * math.sqrt(int(judged.sum())),
    )


def examples_needed(points: Sequence[Point]) -> int | None:
    """Extend the curve to where the gain is clearly above zero.

    The gain is taken to approach its end as a power of the number of examples; a judge with as many
    examples as were learned from sees it with an error of ``spread / sqrt(n)``.

    Source: Cortes et al., Learning curves: asymptotic values and rate of convergence, 1993; the powers tried are few
    because so are the points.
    """
    if len(points) < 3:
        return None
    counts = np.array([point.examples for point in points], np.float64)
    gains = np.array([point.gain for point in points])
    end, fall, power = _fitted(counts, gains)
    spread = points[-1].spread
    for count in _sizes():
        if end - fall * count**-power > ONE_SIDED_95 * spread / math.sqrt(count):
            return count
    return None


def _sizes() -> list[int]:
    sizes: list[int] = np.unique(np.round(np.geomspace(FEWEST_ROWS, MOST_EXAMPLES, 400)).astype(np.int64)).tolist()
    return sizes


def _fitted(counts: Floats, gains: Floats) -> tuple[float, float, float]:
    """End, fall and power of ``gain = end - fall n^-power``, larger sizes weighing more."""
    weight = np.sqrt(counts)
    best = (math.inf, 0.0, 0.0, 1.0)
    for power in POWERS:
        columns = np.stack([np.ones(len(counts)), -(counts**-power)], axis=1) * weight[:, None]
        (end, fall), *_ = np.linalg.lstsq(columns, gains * weight, rcond=None)
        missed = float(((columns @ [end, fall] - gains * weight) ** 2).sum())
        best = min(best, (missed, float(end), max(float(fall), 0.0), power))
    return best[1:]
