"""How large an error to expect: intervals are narrower where the model knows more."""

from dataclasses import dataclass

import numpy as np

from models.conformal import Floats, learn_scaled_errors
from models.estimators.constant import Constant
from models.estimators.examples import Estimator, Examples, Fitted, Groups
from models.estimators.folds import Fold
from models.estimators.linear import RidgeRegression
from models.estimators.selection import hold_out

SMALLEST, LARGEST = 0.4, 2.5
"""Of the mean error: no row is taken for surer or harder, however odd it is."""

WORTHWHILE = 0.97
"""Intervals must become at least so much narrower, or all keep one width: luck alone gives a hundredth or two."""


@dataclass(frozen=True)
class Difficulty:
    """The size of error to expect of each row, in the target's unit.

    Attributes
    ----------
    fitted : Fitted
        Predicts the absolute error.
    mean : float
        The mean absolute error out of fold.
    """

    fitted: Fitted
    mean: float

    def of(self, examples: Examples) -> Floats:
        """Scales, shape (n,), above zero."""
        return bounded(self.fitted.predict(examples), self.mean)


def bounded(sizes: Floats, mean: float) -> Floats:
    """Keep expected errors within reason of the mean one."""
    if mean <= 0:
        return np.ones(len(sizes))
    return np.clip(sizes, SMALLEST * mean, LARGEST * mean)


@dataclass(frozen=True)
class Sizes:
    """Expected errors of the training rows, each by a fit that saw nothing of its group, and who is to predict more."""

    scales: Floats
    estimator: Estimator
    mean: float


def expected_sizes(examples: Examples, errors: Floats, *, groups: Groups, folds: tuple[Fold, ...], seed: int) -> Sizes:
    """Find out whether errors can be foreseen; if not, every row has the same scale.

    Parameters
    ----------
    errors : array, shape (n,)
        Truth minus prediction out of fold.
    """
    sizes, mean = np.abs(errors), float(np.abs(errors).mean())
    ridge = RidgeRegression()
    foreseen = hold_out(examples, sizes, groups=groups, folds=folds, members=(ridge,), seed=seed)
    scales = bounded(foreseen.predictions[:, 0], mean)
    alike = bounded(foreseen.constants, mean)
    if _width(errors, scales, groups) < WORTHWHILE * _width(errors, alike, groups):
        return Sizes(scales, ridge, mean)
    return Sizes(alike, Constant(), mean)


def learn_difficulty(examples: Examples, errors: Floats, sizes: Sizes, *, groups: Groups, seed: int) -> Difficulty:
    """Teach the chosen way on all rows."""
    return Difficulty(sizes.estimator.fit(examples, np.abs(errors), groups=groups, seed=seed), sizes.mean)


def _width(errors: Floats, scales: Floats, groups: Groups) -> float:
    """Mean width of 90 % intervals."""
    learned = learn_scaled_errors(errors, scales, groups)
    width = learned.high - learned.low
    return float((width * scales).mean()) if np.isfinite(width) else float("inf")
