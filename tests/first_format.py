"""How releases of the first format, such as the one that ships, were taught: a ridge alone. Training writes the second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.conformal import ErrorDistribution, learn_scaled_errors, probability_above
from models.layout import Layout, Table
from models.measures import probability_measures, regression_measures
from models.ridge import Ridge, cross_predict, fit, predict, rows
from schemas.errors import TrainingImpossible

FOLDS = 5

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]


@dataclass(frozen=True)
class Lesson:
    """What is to be learned: rows, the truth about each, and who made them.

    Attributes
    ----------
    target : array, shape (n,)
    groups : array, shape (n,)
        The row's channel as a number from 0.
    threshold : float
        A value above it is a success.
    """

    table: Table
    layout: Layout
    target: Floats
    groups: Groups
    threshold: float


@dataclass(frozen=True)
class Judged:
    """Predictions for rows by fits, intervals and probabilities that saw nothing of the row's group."""

    values: Floats
    constants: Floats
    covered: NDArray[np.bool_]
    widths: Floats
    chances: Floats


@dataclass(frozen=True)
class Learned:
    """The fit on all rows, and what it is worth."""

    ridge: Ridge
    errors: ErrorDistribution
    penalty: float
    metrics: dict[str, float]
    beats_constant: bool


def group_folds(groups: Groups, folds: int = FOLDS) -> NDArray[np.int64]:
    """Deal whole groups out to folds of about equal size; gives each row's fold.

    Raises
    ------
    TrainingImpossible
        Fewer groups than folds.
    """
    from sklearn.model_selection import GroupKFold  # takes seconds to import

    count = len(np.unique(groups))
    if count < folds:
        raise TrainingImpossible(f"expected at least {folds} groups (channels) to hold some out, got {count}")
    dealt = np.empty(len(groups), np.int64)
    for number, (_, held) in enumerate(GroupKFold(folds).split(groups, groups=groups)):
        dealt[held] = number
    return dealt


def learn(lesson: Lesson) -> Learned:
    """Fit on all rows, with errors out of fold; judge the whole procedure on held-out groups.

    Raises
    ------
    TrainingImpossible
        Too few rows or groups.
    """
    folds = group_folds(lesson.groups)
    whole = cross_predict(lesson.table, lesson.target, lesson.layout, folds=folds)
    ridge = fit(lesson.table, lesson.target, lesson.layout, penalty=whole.penalty)
    errors = _errors(lesson.target - whole.predictions, lesson.groups)
    judged = judge(lesson, folds)
    metrics = measure(lesson, judged)
    return Learned(ridge, errors, whole.penalty, metrics, metrics["r2_low"] > 0)


def judge(lesson: Lesson, folds: NDArray[np.int64]) -> Judged:
    """Repeat everything, the choice of the penalty and the interval included, without each fold in turn."""
    n = len(lesson.target)
    judged = Judged(np.empty(n), np.empty(n), np.empty(n, bool), np.empty(n), np.empty(n))
    for fold in range(FOLDS):
        held = folds == fold
        _judge_fold(lesson, held, judged)
    return judged


def _judge_fold(lesson: Lesson, held: NDArray[np.bool_], judged: Judged) -> None:
    """Fill in the held-out rows of `judged`."""
    taught, truth = rows(lesson.table, ~held), lesson.target[~held]
    groups = np.unique(lesson.groups[~held], return_inverse=True)[1]
    inner = cross_predict(taught, truth, lesson.layout, folds=group_folds(groups))
    errors = _errors(truth - inner.predictions, groups)
    ridge = fit(taught, truth, lesson.layout, penalty=inner.penalty)
    values = predict(rows(lesson.table, held), ridge, lesson.layout)
    judged.values[held] = values
    judged.constants[held] = truth.mean()
    judged.covered[held] = np.abs(lesson.target[held] - values - (errors.low + errors.high) / 2) <= _half(errors)
    judged.widths[held] = errors.high - errors.low
    judged.chances[held] = probability_above(values, lesson.threshold, errors)


def _half(errors: ErrorDistribution) -> float:
    return (errors.high - errors.low) / 2


def measure(lesson: Lesson, judged: Judged) -> dict[str, float]:
    """Errors beside the constant's, with a 90 % bootstrap interval over groups."""
    values = regression_measures(lesson.target, judged.values, constants=judged.constants, groups=lesson.groups)
    intervals = {"coverage_90": float(judged.covered.mean()), "interval_width": float(judged.widths.mean())}
    return values | intervals | probability_measures(lesson.target > lesson.threshold, judged.chances)


def _errors(errors: NDArray[np.float64], groups: NDArray[np.int64]) -> ErrorDistribution:
    return learn_scaled_errors(errors, np.ones(len(errors)), groups)
