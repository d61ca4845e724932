"""Classes of segments by words, by neighbours and by a taught line, compared on the same examples.

Source: the WarnerMedia content workshop of 2020 compares the same three: tags that match the class's words,
tags nearest to it in an embedding, and logistic regression on audio and video features.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibrator, learn_sigmoid
from models.estimators.exact import stepped, weights_for
from models.estimators.examples import Examples, Groups
from models.estimators.folds import Fold, group_folds
from models.estimators.kernel import unit_rows
from models.measures import classification_measures
from schemas.errors import TrainingImpossible

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NEIGHBOURS = 10
"""The workshop found its highest curves there."""

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Inverse penalties of the line, on vectors of length 1; the workshop took 1 and no other."""

INNER_FOLDS = 5
MOST_STEPS = 2000

_WORD = re.compile(r"\w+")
_SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "from",
        "have",
        "ideally",
        "in",
        "is",
        "it",
        "its",
        "like",
        "more",
        "necessary",
        "not",
        "of",
        "on",
        "one",
        "or",
        "scene",
        "scenes",
        "see",
        "that",
        "the",
        "their",
        "them",
        "to",
        "typically",
        "where",
        "with",
        "you",
        "your",
    ]
)


@dataclass(frozen=True)
class ClassDefinition:
    """A class as somebody describes it."""

    name: str
    definition: str

    @property
    def words(self) -> frozenset[str]:
        """The words that carry the meaning, also without their plural s."""
        return meaningful_words(f"{self.name} {self.definition}")


def meaningful_words(text: str) -> frozenset[str]:
    """Words but the small ones, lowered, without a plural s."""
    words = {word.lower() for word in _WORD.findall(text)} - _SMALL_WORDS
    return frozenset(word[:-1] if word.endswith("s") and len(word) > 3 else word for word in words)


def match_words(tags: Sequence[Mapping[str, float]], wanted: ClassDefinition) -> Floats:
    """Score each example by its best tag that shares a word with the class, 0 where none does.

    Parameters
    ----------
    tags : sequence of mappings
        For each example its tags with their scores in [0, 1].

    Returns
    -------
    array, shape (n,)
    """
    fitting: dict[str, bool] = {}
    scores = np.zeros(len(tags))
    for row, own in enumerate(tags):
        for tag, score in own.items():
            if tag not in fitting:
                fitting[tag] = bool(meaningful_words(tag) & wanted.words)
            if fitting[tag]:
                scores[row] = max(scores[row], score)
    return scores


def match_meaning(
    tags: Sequence[Mapping[str, float]],
    vectors: Mapping[str, Floats],
    wanted: Floats,
    *,
    neighbours: int = NEIGHBOURS,
) -> Floats:
    """Score each example by its tags among those nearest to the class in meaning, weighted by how near they are.

    Parameters
    ----------
    vectors : mapping
        Each tag's unit vector.
    wanted : array, shape (dim,)
        The unit vector of the class's name and definition.
    """
    alike = {tag: float(vector @ wanted) for tag, vector in vectors.items()}
    nearest = sorted(alike, key=lambda tag: (-alike[tag], tag))[:neighbours]
    weights = {tag: max(alike[tag], 0.0) for tag in nearest}
    return np.array([max((score * weights.get(tag, 0.0) for tag, score in own.items()), default=0.0) for own in tags])


@dataclass(frozen=True)
class Neighbours:
    """Labelled examples, and how a new one is compared with them.

    Attributes
    ----------
    rows : array, shape (known, dim), of length 1 or 0
    truth : array, shape (known,)
    """

    rows: Floats
    truth: Bools

    def scores(self, rows: Floats, neighbours: int = NEIGHBOURS) -> Floats:
        """Share of the class among the nearest examples, each weighing as much as it is alike: shape (n,).

        Source: Dudani, The distance-weighted k-nearest-neighbor rule, 1976, with cosine for distance.
        """
        alike = np.maximum(rows @ self.rows.T, 0.0)
        nearest = np.argsort(-alike, axis=1, kind="stable")[:, :neighbours]
        weights = np.take_along_axis(alike, nearest, axis=1)
        total = weights.sum(axis=1)
        shares: Floats = (weights * self.truth[nearest]).sum(axis=1) / np.where(total > 0, total, 1.0)
        return np.where(total > 0, shares, self.truth.mean())


@dataclass(frozen=True)
class Line:
    """Logistic regression on unit vectors, side by side.

    Attributes
    ----------
    weights : array, shape (dim,), in log odds
    calibrator : Calibrator or None
        What turns log odds into probabilities; None for the logistic curve itself.
    """

    weights: Floats
    offset: float
    calibrator: Calibrator | None = None

    def log_odds(self, rows: Floats) -> Floats:
        """Exact sums, shape (n,): the same in any batch."""
        odds: Floats = stepped(rows) @ self.weights + self.offset
        return odds

    def scores(self, rows: Floats) -> Floats:
        """Probabilities, shape (n,)."""
        odds = self.log_odds(rows)
        if self.calibrator:
            return self.calibrator.chances(odds)
        return 1 / (1 + np.exp(-np.clip(odds, -500, 500)))


def fit_line(rows: Floats, truth: Bools, *, groups: Groups, calibrated: bool = False) -> Line:
    """Choose the penalty on held-out groups, and learn the line on all rows.

    Parameters
    ----------
    rows : array, shape (n, dim), as `side_by_side` gives them
    calibrated : bool
        Learn an S-curve on the log odds out of fold.

    Raises
    ------
    TrainingImpossible
        Not one example of the class, or none without it.

    Source: Cox, The regression analysis of binary sequences, 1958.
    """
    if truth.all() or not truth.any():
        raise TrainingImpossible(
            f"expected examples with and without the class, got {int(truth.sum())} of {len(truth)}"
        )
    folds = _usable(group_folds(groups, INNER_FOLDS), truth)
    strength, odds = _best_strength(rows, truth, folds)
    line = _fitted(rows, truth, strength)
    if not calibrated or not folds:
        return line
    known = ~np.isnan(odds)
    return Line(line.weights, line.offset, learn_sigmoid(odds[known], truth[known]))


def _usable(folds: tuple[Fold, ...], truth: Bools) -> tuple[Fold, ...]:
    return tuple(fold for fold in folds if truth[fold.taught].any() and not truth[fold.taught].all())


def _best_strength(rows: Floats, truth: Bools, folds: tuple[Fold, ...]) -> tuple[float, Floats]:
    """The inverse penalty with the least log loss out of fold, and its log odds there."""
    odds = np.full((len(STRENGTHS), len(truth)), np.nan)
    for fold in folds:
        for place, strength in enumerate(STRENGTHS):
            odds[place, fold.held] = _fitted(rows[fold.taught], truth[fold.taught], strength).log_odds(rows[fold.held])
    if not folds:
        return 1.0, odds[0]
    losses = np.nanmean(np.logaddexp(0.0, np.where(truth, -odds, odds)), axis=1)
    best = int(losses.argmin())
    return STRENGTHS[best], odds[best]


def _fitted(rows: Floats, truth: Bools, strength: float) -> Line:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=MOST_STEPS).fit(rows, truth)
    return Line(weights_for(model.coef_[0], largest=1.0), float(model.intercept_[0]))


def side_by_side(examples: Examples) -> Floats:
    """All vectors of each example at length 1, one beside the other; a missing one is zeros: shape (n, dim)."""
    blocks = [number for number, block in enumerate(examples.layout.blocks) if block.size > 1]
    found = [unit_rows(examples, block) for block in blocks]
    return np.hstack([np.where(present[:, None], rows, 0.0) for rows, present in found])


@dataclass(frozen=True)
class ClassScores:
    """One method's figures for one class; `name` is ``macro`` for their mean over classes."""

    method: str
    name: str
    figures: dict[str, float]


def compare(
    rows: Floats, truth: Mapping[str, Bools], *, groups: Groups, split: Callable[[Bools], Sequence[Fold]]
) -> list[ClassScores]:
    """Judge neighbours and lines on held-out rows, each class alone and in the mean.

    Parameters
    ----------
    truth : mapping
        Class name -> array of shape (n,).
    split : callable
        The folds to judge a class by; most splits do not look at it.
    """
    table: list[ClassScores] = []
    for method in ("neighbours", "line", "calibrated line"):
        scores = {
            name: _out_of_fold(method, rows, known, groups=groups, folds=split(known)) for name, known in truth.items()
        }
        table += table_of(method, scores, truth)
    return table


def table_of(method: str, scores: Mapping[str, Floats], truth: Mapping[str, Bools]) -> list[ClassScores]:
    """Figures of one method, whatever its scores come from."""
    each = [ClassScores(method, name, classification_measures(truth[name], scores[name])) for name in scores]
    mean = {key: float(np.mean([one.figures[key] for one in each])) for key in each[0].figures}
    return [*each, ClassScores(method, "macro", mean)]


def _out_of_fold(method: str, rows: Floats, truth: Bools, *, groups: Groups, folds: Sequence[Fold]) -> Floats:
    scores = np.full(len(truth), truth.mean())
    for fold in folds:
        taught, known = rows[fold.taught], truth[fold.taught]
        if known.all() or not known.any():
            continue
        if method == "neighbours":
            scores[fold.held] = Neighbours(taught, known).scores(rows[fold.held])
        else:
            dense = np.unique(groups[fold.taught], return_inverse=True)[1]
            line = fit_line(taught, known, groups=dense, calibrated=method == "calibrated line")
            scores[fold.held] = line.scores(rows[fold.held])
    return scores
