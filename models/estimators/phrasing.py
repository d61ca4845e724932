"""Ridge regression on runs of characters: how things are put, beside what they mean."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.estimators.examples import Examples, Floats, Groups, Parts, Stored, parts_of, settled
from models.estimators.folds import group_folds
from models.estimators.words import WordWeights, learn_words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PENALTIES = (1.0, 3.0, 10.0, 30.0)
INNER_FOLDS = 3
EXACTNESS = 1e-5
MOST_STEPS = 200


@dataclass(frozen=True)
class FittedPhrasing:
    """The mean, and a weight for each bucket of runs."""

    intercept: float
    words: WordWeights
    weights: Floats

    def predict(self, examples: Examples) -> Floats:
        return settled(self.intercept + self._said(examples))

    def contributions(self, examples: Examples) -> Parts:
        parts = np.zeros((len(examples), len(examples.part_names)))
        parts[:, -1] = self._said(examples)
        return parts_of(parts, base=self.intercept, totals=settled(self.intercept + parts[:, -1]))

    def _said(self, examples: Examples) -> Floats:
        said: Floats = self.words.rows(examples.texts) @ self.weights
        return said

    def to_arrays(self) -> Stored:
        arrays: dict[str, NDArray[np.generic]] = {
            "buckets": self.words.buckets,
            "rarity": self.words.rarity,
            "weights": self.weights,
        }
        return Stored("phrasing", {"intercept": self.intercept}, arrays)

    @staticmethod
    def from_arrays(stored: Stored) -> "FittedPhrasing":
        arrays = stored.arrays
        words = WordWeights(True, np.asarray(arrays["buckets"], np.int32), np.asarray(arrays["rarity"], np.float64))
        weights = np.asarray(arrays["weights"], np.float64)
        return FittedPhrasing(float(stored.parameters["intercept"]), words, weights)  # type: ignore[arg-type]  # ours


@dataclass(frozen=True)
class Phrasing:
    """Learns a weight for each run that several rows have."""

    name: str = "phrasing"

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedPhrasing:
        del seed  # nothing is drawn
        mean = float(truth.mean())
        words = learn_words(examples.texts, runs=True)
        if not len(words.buckets):
            return FittedPhrasing(mean, words, np.zeros(0))
        rows = words.rows(examples.texts)
        penalty = _best_penalty(rows, truth, groups)
        return FittedPhrasing(mean, words, _weights(rows, truth - mean, penalty))


def _weights(rows: "csr_matrix", centred: Floats, penalty: float) -> Floats:
    """Solve without ever forming the square.

    Source: Paige and Saunders, LSQR: an algorithm for sparse linear equations and sparse least squares, 1982.
    """
    from scipy.sparse.linalg import lsqr

    weights: Floats = lsqr(rows, centred, damp=penalty**0.5, atol=EXACTNESS, btol=EXACTNESS, iter_lim=MOST_STEPS)[0]
    return weights


def _best_penalty(rows: "csr_matrix", truth: Floats, groups: Groups) -> float:
    errors = np.zeros(len(PENALTIES))
    for fold in group_folds(groups, INNER_FOLDS):
        mean, taught = truth[fold.taught].mean(), rows[fold.taught]
        for place, penalty in enumerate(PENALTIES):
            weights = _weights(taught, truth[fold.taught] - mean, penalty)
            errors[place] += ((truth[fold.held] - mean - rows[fold.held] @ weights) ** 2).sum()
    return PENALTIES[int(errors.argmin())]
