"""Which estimator to keep: the simplest that is not clearly worse than the best, judged out of fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estimators.constant import Constant, FittedConstant
from models.estimators.examples import Estimator, Examples, Fitted, Floats, Groups
from models.estimators.folds import Fold
from models.estimators.kernel import KernelRidge
from models.estimators.linear import RidgeRegression
from models.estimators.phrasing import Phrasing
from models.estimators.stack import FittedStack, average_weights, learned_weights, mixed
from models.estimators.trees import gradient_boosting, random_forest

AVERAGE = "average"
STACK = "stack"

FEWEST_FOR_STACK = 300
"""With fewer rows weights fitted to predictions are mostly noise; then all members count alike."""

Progress = Callable[[int, int], None]


def everyone() -> tuple[Estimator, ...]:
    """The estimators that are compared, the simplest first."""
    return (RidgeRegression(), KernelRidge(), Phrasing(), gradient_boosting(), random_forest())


@dataclass(frozen=True)
class HeldOut:
    """What each member said of rows whose group it had not seen.

    Attributes
    ----------
    folds : tuple of Fold
    predictions : array, shape (n, members)
        NaN where no fold held the row out.
    constants : array, shape (n,)
        The training mean of the row's fold.
    """

    names: tuple[str, ...]
    folds: tuple[Fold, ...]
    predictions: Floats
    constants: Floats

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Rows that some fold held out."""
        return ~np.isnan(self.constants)


@dataclass(frozen=True)
class Candidate:
    """One way to predict, judged on held-out groups.

    Attributes
    ----------
    mse : float
        Mean squared error.
    worse_by, worse_by_error : float
        How much more that is than the best candidate's, and the standard error of this difference over groups.
    """

    name: str
    mse: float
    worse_by: float
    worse_by_error: float


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what from.

    Attributes
    ----------
    weights : tuple of float
        Of the members in their order; a single member has 1, the constant none.
    """

    name: str
    weights: tuple[float, ...]
    candidates: tuple[Candidate, ...]


def hold_out(
    examples: Examples,
    truth: Floats,
    *,
    groups: Groups,
    folds: tuple[Fold, ...],
    members: Sequence[Estimator],
    seed: int,
    on_fit: Progress = lambda done, total: None,
) -> HeldOut:
    """Predict every row by members that were taught without its fold.

    Parameters
    ----------
    on_fit : callable
        Hears how many of the fits are done.
    """
    predictions = np.full((len(truth), len(members)), np.nan)
    constants = np.full(len(truth), np.nan)
    for number, fold in enumerate(folds):
        taught, held = examples.rows(fold.taught), examples.rows(fold.held)
        dense = np.unique(groups[fold.taught], return_inverse=True)[1]
        constants[fold.held] = truth[fold.taught].mean()
        for place, member in enumerate(members):
            fitted = member.fit(taught, truth[fold.taught], groups=dense, seed=seed)
            predictions[fold.held, place] = fitted.predict(held)
            on_fit(number * len(members) + place + 1, len(folds) * len(members))
    return HeldOut(tuple(member.name for member in members), folds, predictions, constants)


def choose(held_out: HeldOut, truth: Floats, *, groups: Groups, rows: NDArray[np.int64]) -> Choice:
    """Choose by the one-standard-error rule, looking at some of the rows only.

    The standard error is that of the difference to the best, over groups: errors of two estimators on
    one group are alike, and the error of each alone would hide every difference.

    Source: Breiman, Friedman, Olshen and Stone, Classification and regression trees, 1984, section 3.4.3.
    """
    weights = _weights(held_out, truth, rows)
    said = {name: _said(held_out, weights[name], rows) for name in weights}
    if STACK in said:
        said[STACK] = _stack_out_of_fold(held_out, truth, rows)
    squared = {name: (truth[rows] - values) ** 2 for name, values in said.items()}
    best = min(squared, key=lambda name: float(squared[name].mean()))
    candidates = tuple(_candidate(name, squared, best, groups[rows]) for name in squared)
    chosen = next(c for c in candidates if c.worse_by <= c.worse_by_error)
    return Choice(chosen.name, weights[chosen.name], candidates)


def _weights(held_out: HeldOut, truth: Floats, rows: NDArray[np.int64]) -> dict[str, tuple[float, ...]]:
    """Each candidate's weights of the members, the simplest candidate first."""
    count = len(held_out.names)
    weights: dict[str, tuple[float, ...]] = {Constant().name: (0.0,) * count}
    for place, name in enumerate(held_out.names):
        weights[name] = tuple(float(other == place) for other in range(count))
    weights[AVERAGE] = average_weights(count)
    if len(rows) >= FEWEST_FOR_STACK and len(held_out.folds) > 2:
        weights[STACK] = learned_weights(held_out.predictions[rows], truth[rows], mean=held_out.constants[rows])
    return weights


def _said(held_out: HeldOut, weights: tuple[float, ...], rows: NDArray[np.int64]) -> Floats:
    said = held_out.constants[rows]
    for place, weight in enumerate(weights):
        said = said + weight * (held_out.predictions[rows, place] - held_out.constants[rows])
    return said


def _stack_out_of_fold(held_out: HeldOut, truth: Floats, rows: NDArray[np.int64]) -> Floats:
    """The stack's predictions, its weights for each fold learned on the others."""
    said = np.full(len(truth), np.nan)
    for fold in held_out.folds:
        inside, others = np.intersect1d(fold.held, rows), np.setdiff1d(rows, fold.held)
        if len(inside) and len(others):
            known = held_out.predictions[others], truth[others]
            said[inside] = _said(held_out, learned_weights(*known, mean=held_out.constants[others]), inside)
    return np.where(np.isnan(said), held_out.constants, said)[rows]


def _candidate(name: str, squared: dict[str, Floats], best: str, groups: Groups) -> Candidate:
    difference = squared[name] - squared[best]
    return Candidate(name, float(squared[name].mean()), float(difference.mean()), error_over_groups(difference, groups))


def error_over_groups(values: Floats, groups: Groups) -> float:
    """Standard error of a mean over rows, whole groups being drawn: shape (n,) in, one number out.

    Source: Cochran, Sampling techniques, 1977, the ratio estimator for clusters of unequal size.
    """
    dense = np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(dense, values), np.bincount(dense)
    left = sums - values.mean() * counts
    scale = len(counts) / max(len(counts) - 1, 1)
    return float(np.sqrt(scale * (left**2).sum()) / len(values))


def held_out_choice(held_out: HeldOut, truth: Floats, *, groups: Groups) -> Floats:
    """Predictions of the chosen, the choice and its weights for each fold made on the other folds: shape (n,)."""
    values = np.full(len(truth), np.nan)
    judged = np.flatnonzero(held_out.judged)
    for fold in held_out.folds:
        others = np.setdiff1d(judged, fold.held)
        weights = choose(held_out, truth, groups=groups, rows=others).weights if len(others) else _only(held_out)
        values[fold.held] = _said(held_out, weights, fold.held)
    return values


def _only(held_out: HeldOut) -> tuple[float, ...]:
    """With one fold there is nothing to choose on: all count alike."""
    return average_weights(len(held_out.names))


def fit_choice(
    choice: Choice,
    examples: Examples,
    truth: Floats,
    *,
    groups: Groups,
    members: Sequence[Estimator],
    seed: int,
) -> Fitted:
    """Teach what was chosen on all rows; members without weight are left out."""
    mean = float(truth.mean())
    used = [(member, weight) for member, weight in zip(members, choice.weights, strict=True) if weight]
    if not used:
        return FittedConstant(mean)
    fitted = tuple(member.fit(examples, truth, groups=groups, seed=seed) for member, _ in used)
    if len(used) == 1 and used[0][1] == 1.0:
        return fitted[0]
    return FittedStack(fitted, tuple(weight for _, weight in used), mean)


def mix(choice: Choice, predictions: Sequence[Floats], *, mean: float) -> Floats:
    """What the chosen says where members' predictions are known already."""
    return mixed(predictions, choice.weights, mean=mean)
