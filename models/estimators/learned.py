"""Learning a target: choose, teach, and say how good it is on groups never seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibrator, cross_calibrated, learn_calibrator
from models.conformal import ErrorDistribution, intervals, learn_scaled_errors
from models.estimators.difficulty import Difficulty, Sizes, expected_sizes, learn_difficulty
from models.estimators.examples import Estimator, Examples, Fitted, Floats, Groups
from models.estimators.folds import Fold
from models.estimators.selection import (
    Choice,
    HeldOut,
    choose,
    everyone,
    fit_choice,
    held_out_choice,
    hold_out,
)
from models.measures import interval_measures, probability_measures, regression_measures

SEED = 20171114
"""Fixed, so that the same rows give the same release."""

LEVEL = 0.9


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be learned.

    Attributes
    ----------
    truth : array, shape (n,)
    groups : array, shape (n,)
        Who made the row, as a number.
    folds : tuple of Fold
        See `models.estimators.folds`; what is held out together is judged together.
    threshold : float
        A truth above it is a success.
    limits : tuple of float or None
        Smallest and largest possible truth.
    """

    examples: Examples
    truth: Floats
    groups: Groups
    folds: tuple[Fold, ...]
    threshold: float
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What was said of rows whose group nobody had seen, the choice and the interval made on the other folds.

    Rows that no fold held out are left out; all arrays have shape (rows,).
    """

    rows: NDArray[np.int64]
    values: Floats
    constants: Floats
    low: Floats
    high: Floats
    chances: Floats


@dataclass(frozen=True, kw_only=True)
class Learned:
    """Everything a release needs, and what it is worth.

    Attributes
    ----------
    mean : float
        The training mean: what the constant says.
    """

    fitted: Fitted
    mean: float
    choice: Choice
    errors: ErrorDistribution
    difficulty: Difficulty
    calibrator: Calibrator
    judged: Judged
    held_out: HeldOut
    metrics: dict[str, float]

    @property
    def beats_constant(self) -> bool:
        """Whether the error is below the constant's with 90 % confidence."""
        return self.metrics["r2_low"] > 0


def learn(
    task: Task,
    *,
    members: Sequence[Estimator] | None = None,
    seed: int = SEED,
    on_fit: Callable[[int, int], None] = lambda done, total: None,
) -> Learned:
    """Compare the members, keep the best, calibrate it, and judge the whole.

    Parameters
    ----------
    members : sequence of Estimator or None
        The simplest first; None for all there are.
    on_fit : callable
        Hears how many of the fits out of fold are done.

    Raises
    ------
    TrainingImpossible
        Too few groups to hold some out.
    """
    members = everyone() if members is None else members
    examples, truth, groups = task.examples, task.truth, task.groups
    held_out = hold_out(examples, truth, groups=groups, folds=task.folds, members=members, seed=seed, on_fit=on_fit)
    rows = np.flatnonzero(held_out.judged)
    choice = choose(held_out, truth, groups=groups, rows=rows)
    fitted = fit_choice(choice, examples, truth, groups=groups, members=members, seed=seed)
    values = held_out_choice(held_out, truth, groups=groups)
    spread = _Spread.of(task, values, rows, seed=seed)
    return Learned(
        fitted=fitted,
        mean=float(truth.mean()),
        choice=choice,
        errors=spread.distribution(np.ones(len(rows), bool)),
        difficulty=learn_difficulty(spread.examples, spread.errors, spread.sizes, groups=spread.groups, seed=seed),
        calibrator=learn_calibrator(values[rows], truth[rows] > task.threshold, spread.numbers),
        judged=(judged := _judge(task, held_out, values, spread)),
        held_out=held_out,
        metrics=measure(task, judged),
    )


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """Errors out of fold of the judged rows, and how large they were expected to be."""

    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]
    examples: Examples
    groups: Groups
    errors: Floats
    sizes: Sizes

    @staticmethod
    def of(task: Task, values: Floats, rows: NDArray[np.int64], *, seed: int) -> "_Spread":
        examples, errors = task.examples.rows(rows), (task.truth - values)[rows]
        groups = np.unique(task.groups[rows], return_inverse=True)[1].astype(np.int64)
        numbers = _fold_numbers(task.folds, len(task.truth))[rows]
        folds = _held_by(numbers, task.folds, rows)
        sizes = expected_sizes(examples, errors, groups=groups, folds=folds, seed=seed)
        return _Spread(rows=rows, numbers=numbers, examples=examples, groups=groups, errors=errors, sizes=sizes)

    def distribution(self, chosen: NDArray[np.bool_]) -> ErrorDistribution:
        groups = np.unique(self.groups[chosen], return_inverse=True)[1]
        return learn_scaled_errors(self.errors[chosen], self.sizes.scales[chosen], groups, level=LEVEL)


def _fold_numbers(folds: tuple[Fold, ...], count: int) -> NDArray[np.int64]:
    numbers = np.full(count, -1)
    for number, fold in enumerate(folds):
        numbers[fold.held] = number
    return numbers


def _held_by(numbers: NDArray[np.int64], folds: tuple[Fold, ...], rows: NDArray[np.int64]) -> tuple[Fold, ...]:
    """The same folds among the judged rows only."""
    places = np.full(int(max(rows.max(), max(f.taught.max() for f in folds))) + 1, -1)
    places[rows] = np.arange(len(rows))
    kept = (Fold((taught := places[fold.taught])[taught >= 0], places[fold.held]) for fold in folds)
    return tuple(fold for fold in kept if len(fold.taught))


def _judge(task: Task, held_out: HeldOut, values: Floats, spread: _Spread) -> Judged:
    """Take each fold's interval and probability from the other folds."""
    rows = spread.rows
    low, high = np.empty(len(rows)), np.empty(len(rows))
    for number in np.unique(spread.numbers):
        held = spread.numbers == number
        errors = spread.distribution(~held if (~held).any() else held)
        scales = spread.sizes.scales[held]
        low[held], high[held] = intervals(values[rows][held], scales, errors, limits=task.limits)
    success = task.truth[rows] > task.threshold
    return Judged(
        rows=rows,
        values=values[rows],
        constants=held_out.constants[rows],
        low=low,
        high=high,
        chances=cross_calibrated(values[rows], success, spread.numbers),
    )


def measure(task: Task, judged: Judged) -> dict[str, float]:
    """Every figure of the report, on held-out groups."""
    truth = task.truth[judged.rows]
    regression = regression_measures(truth, judged.values, constants=judged.constants, groups=task.groups[judged.rows])
    constant = learn_scaled_errors(
        truth - judged.constants, np.ones(len(truth)), np.unique(task.groups[judged.rows], return_inverse=True)[1]
    )
    return {
        **regression,
        **interval_measures(truth, judged.low, judged.high),
        "interval_width_constant": constant.high - constant.low,
        **probability_measures(truth > task.threshold, judged.chances),
    }


def judge_elsewhere(learned: Learned, task: Task) -> Judged:
    """Predict rows of a table that nothing was learned from; the folds of the task are not looked at."""
    values = learned.fitted.predict(task.examples)
    scales = learned.difficulty.of(task.examples)
    low, high = intervals(values, scales, learned.errors, limits=task.limits)
    return Judged(
        rows=np.arange(len(values)),
        values=values,
        constants=np.full(len(values), learned.mean),
        low=low,
        high=high,
        chances=learned.calibrator.chances(values),
    )
