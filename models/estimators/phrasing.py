"""Ridge regression on runs of characters: how things are put, beside what they mean."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.estimators.examples import Examples, Floats, Groups, Parts, Stored, parts_of, settled
from models.estimators.folds import group_folds
from models.estimators.words import WordWeights, learn_words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PENALTIES = (1.0, 3.0, 10.0, 30.0)
INNER_FOLDS = 4


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
        return parts_of(parts, base=self.intercept, totals=self.predict(examples))

    def _said(self, examples: Examples) -> Floats:
        if not examples.words or not len(self.weights):
            return np.zeros(len(examples))
        said: Floats = self.words.rows(examples.words) @ self.weights
        return said

    def to_arrays(self) -> Stored:
        arrays = {"buckets": self.words.buckets, "rarity": self.words.rarity, "weights": self.weights}
        return Stored("phrasing", {"intercept": self.intercept}, arrays)

    @staticmethod
    def from_arrays(stored: Stored) -> "FittedPhrasing":
        arrays = stored.arrays
        words = WordWeights(
            True, np.asarray(arrays["buckets"], np.int32), np.asarray(arrays["rarity"], np.float64)
        )
        weights = np.asarray(arrays["weights"], np.float64)
        return FittedPhrasing(float(stored.parameters["intercept"]), words, weights)  # type: ignore[arg-type]  # ours


@dataclass(frozen=True)
class Phrasing:
    """Learns a weight for each run that several rows have."""

    name: str = "phrasing"

    def fit(self, examples: Examples, truth: Floats, *, groups: Groups, seed: int) -> FittedPhrasing:
        mean = float(truth.mean())
        words = learn_words(examples.words, runs=True)
        if not len(words.buckets):
            return FittedPhrasing(mean, words, np.zeros(0))
        rows = words.rows(examples.words)
        penalty = _best_penalty((rows @ rows.T).toarray(), truth, groups)
        dual = _dual((rows @ rows.T).toarray(), truth - mean, penalty)
        return FittedPhrasing(mean, words, _primal(rows, dual))


def _primal(rows: "csr_matrix", dual: Floats) -> Floats:
    weights: Floats = rows.T @ dual
    return weights


def _dual(square: Floats, centred: Floats, penalty: float) -> Floats:
    from scipy.linalg import solve

    answer: Floats = solve(square + penalty * np.eye(len(square)), centred, assume_a="pos")
    return answer


def _best_penalty(square: Floats, truth: Floats, groups: Groups) -> float:
    errors = np.zeros(len(PENALTIES))
    for fold in group_folds(groups, INNER_FOLDS):
        mean = truth[fold.taught].mean()
        taught, across = square[np.ix_(fold.taught, fold.taught)], square[np.ix_(fold.held, fold.taught)]
        for place, penalty in enumerate(PENALTIES):
            misses = truth[fold.held] - mean - across @ _dual(taught, truth[fold.taught] - mean, penalty)
            errors[place] += (misses**2).sum()
    return PENALTIES[int(errors.argmin())]
