"""Ridge regression on all columns, its penalty chosen on groups that were held out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import ridge
from models.estimators.examples import Examples, Floats, Groups, Parts, Stored
from models.estimators.folds import Fold, group_folds

_SHAPES = ("mean", "weights", "low", "high")


@dataclass(frozen=True)
class FittedRidge:
    """A `models.ridge.Ridge`, its columns' parts added up by block."""

    ridge: ridge.Ridge

    def predict(self, examples: Examples) -> Floats:
        return ridge.predict(examples.table, self.ridge, examples.layout)

    def contributions(self, examples: Examples) -> Parts:
        terms = ridge.terms(examples.table, self.ridge, examples.layout)
        parts = np.zeros((len(examples), len(examples.part_names)), np.int64)
        np.add.at(parts.T, examples.layout.owners, terms.T)
        return Parts(ridge.base(self.ridge), parts)

    def to_arrays(self) -> Stored:
        arrays = {name: getattr(self.ridge, name) for name in _SHAPES}
        return Stored("ridge", {"intercept": self.ridge.intercept}, arrays)

    @staticmethod
    def from_arrays(stored: Stored) -> "FittedRidge":
        mean, weights, low, high = (np.asarray(stored.arrays[name], np.float64) for name in _SHAPES)
        intercept = float(stored.parameters["intercept"])  # type: ignore[arg-type]  # what to_arrays wrote
        return FittedRidge(ridge.Ridge(mean, weights, low, high, intercept))


@dataclass(frozen=True)
class RidgeRegression:
    """Learns a weight for each column."""

    name: str = "ridge"

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedRidge:
        del seed  # nothing is drawn
        numbers = fold_numbers(group_folds(groups), len(truth))
        best = ridge.cross_predict(examples.table, truth, examples.layout, folds=numbers)
        return FittedRidge(ridge.fit(examples.table, truth, examples.layout, penalty=best.penalty))


def fold_numbers(folds: tuple[Fold, ...], count: int) -> NDArray[np.int64]:
    """For each of `count` rows the number of the fold that holds it out."""
    numbers = np.zeros(count, np.int64)
    for number, fold in enumerate(folds):
        numbers[fold.held] = number
    return numbers
