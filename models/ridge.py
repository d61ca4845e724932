"""Ridge regression whose predictions are exact sums: the same in a batch, alone, and on another machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.layout import Layout, Table

TERM_STEPS = float(2**32)
"""Each column's part is rounded to 2**-32 of the target's unit; integers then add up the same in any order."""

LAMBDAS = tuple(float(10.0**power) for power in np.arange(0, 5.25, 0.25))
"""Candidate penalties, from none to nothing but the constant, on columns of unit variance."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ridge:
    """A fitted regression: ``intercept + sum of (clipped x - mean) * weights`` over what is present.

    Attributes
    ----------
    mean, weights, low, high : array, shape (columns,)
        Training mean, weight in target units, and the range seen; values outside it are taken as its end.
    intercept : float
        The training mean of the target: the constant's prediction.
    """

    mean: Floats
    weights: Floats
    low: Floats
    high: Floats
    intercept: float


@dataclass(frozen=True)
class Standardised:
    """Training columns of mean 0 and variance 1, missing values at 0, and how they came about."""

    columns: Floats
    mean: Floats
    scale: Floats
    low: Floats
    high: Floats


def fit(table: Table, target: Floats, layout: Layout, *, penalty: float) -> Ridge:
    """Fit on all rows.

    Parameters
    ----------
    target : array, shape (n,)
    penalty : float
        Ridge lambda on columns of unit variance.

    Source: Hoerl and Kennard, Ridge Regression, Technometrics 1970.
    """
    return next(fit_path(table, target, layout, penalties=(penalty,)))


def fit_path(table: Table, target: Floats, layout: Layout, *, penalties: Sequence[float]) -> Iterator[Ridge]:
    """Fit once for each penalty, sharing the one decomposition."""
    seen = standardise(table, layout)
    centre = float(target.mean())
    values, vectors = np.linalg.eigh(seen.columns.T @ seen.columns)
    projected = vectors.T @ (seen.columns.T @ (target - centre))
    for penalty in penalties:
        weights = vectors @ (projected / (np.maximum(values, 0.0) + penalty))
        yield Ridge(seen.mean, weights / seen.scale, seen.low, seen.high, centre)


def standardise(table: Table, layout: Layout) -> Standardised:
    """Centre each column on the rows that have it, and scale it to unit variance.

    A vector's columns share one scale, so that its directions keep their proportions. A column that
    never varies gets weight 0 by having only zeros.
    """
    known = table.present[:, layout.owners]
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, table.values, 0.0).sum(axis=0) / count
    centred = np.where(known, table.values - mean, 0.0)
    scale = _scale((centred**2).sum(axis=0) / count, layout.owners)
    low = np.where(known, table.values, np.inf).min(axis=0)
    high = np.where(known, table.values, -np.inf).max(axis=0)
    never = ~known.any(axis=0)
    return Standardised(centred / scale, mean, scale, np.where(never, 0.0, low), np.where(never, 0.0, high))


def _scale(variance: Floats, owners: NDArray[np.int64]) -> Floats:
    shared = np.bincount(owners, variance) / np.bincount(owners)
    scale: Floats = np.sqrt(shared)[owners]
    return np.where(scale > 1e-9, scale, 1.0)


def predict(table: Table, ridge: Ridge, layout: Layout) -> Floats:
    """Predict, shape (n,): the intercept and the exact sum of all columns' parts."""
    predictions: Floats = (terms(table, ridge, layout).sum(axis=1) + base(ridge)) / TERM_STEPS
    return predictions


def base(ridge: Ridge) -> int:
    """The constant's prediction in fixed point."""
    return round(ridge.intercept * TERM_STEPS)


def terms(table: Table, ridge: Ridge, layout: Layout) -> NDArray[np.int64]:
    """Each column's part of the prediction in steps of 2**-32, shape (n, columns); a missing column says 0.

    Element by element and then integers: no sum of floats, so neither the batch nor the machine can show.
    """
    clipped = np.clip(table.values, ridge.low, ridge.high)
    parts = np.where(table.present[:, layout.owners], (clipped - ridge.mean) * ridge.weights, 0.0)
    fixed: NDArray[np.int64] = np.rint(parts * TERM_STEPS).astype(np.int64)
    return fixed


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for rows by fits that saw no row of the same group, and the penalty that did best."""

    predictions: Floats
    penalty: float


def cross_predict(table: Table, target: Floats, layout: Layout, *, folds: NDArray[np.int64]) -> OutOfFold:
    """Choose the penalty by grouped cross-validation.

    Parameters
    ----------
    folds : array, shape (n,)
        For each row the number of its fold; rows of a group share it.
    """
    paths = np.empty((len(LAMBDAS), len(target)))
    for fold in np.unique(folds):
        held, taught = folds == fold, folds != fold
        fits = fit_path(rows(table, taught), target[taught], layout, penalties=LAMBDAS)
        for place, ridge in enumerate(fits):
            paths[place, held] = predict(rows(table, held), ridge, layout)
    best = int(((paths - target) ** 2).mean(axis=1).argmin())
    return OutOfFold(paths[best], LAMBDAS[best])


def rows(table: Table, chosen: NDArray[np.bool_]) -> Table:
    """The chosen rows of a table."""
    return Table(table.values[chosen], table.present[chosen])
