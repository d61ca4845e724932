"""Fitted classifiers of several classes at once: by words, by labelled neighbours, by lines.

Each gives scores whose order counts; what turns them into chances is learned beside them. Sums are exact,
so that a row's scores have the same bytes alone and in any batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibrator
from models.class_examples import ClassExamples
from models.classification import NEIGHBOURS, ClassDefinition, match_words
from models.estimators.exact import stepped
from models.estimators.examples import settled
from models.estimators.kernel import unit_rows
from models.estimators.words import WordWeights, learn_words
from schemas.errors import ReleaseInvalid

Floats = NDArray[np.float64]
Arrays = Mapping[str, NDArray[np.generic]]

TEXT_MATCH, NEAREST, LINES = "text match", "neighbours", "line"
METHODS = (TEXT_MATCH, NEAREST, LINES)
"""The simplest first."""

UNKNOWN = -1
"""Stands for a class that nobody has judged of a labelled example."""

MOST_WORDS = 2000
"""Of the words and pairs of words that may be read, the most widely used."""


class Classifier(Protocol):
    """Scores every class of every row; higher is likelier."""

    @property
    def method(self) -> str:
        """One of `METHODS`."""

    def scores(self, seen: ClassExamples) -> Floats:
        """Scores of shape (n, classes)."""

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything that `restored_classifier` needs beside the definitions."""


@dataclass(frozen=True)
class Sight:
    """How examples become rows: all vectors at length 1 side by side, then the words.

    Attributes
    ----------
    words : WordWeights or None
        None where no words are read.
    """

    words: WordWeights | None = None

    def rows(self, seen: ClassExamples) -> Floats:
        """In exact steps, shape (n, dim)."""
        blocks = [number for number, block in enumerate(seen.examples.layout.blocks) if block.size > 1]
        found = [unit_rows(seen.examples, block) for block in blocks]
        parts = [np.where(present[:, None], rows, 0.0) for rows, present in found]
        if self.words is not None:
            parts.append(stepped(self.words.rows(seen.examples.texts).toarray()))
        return np.hstack([np.zeros((len(seen), 0)), *parts])

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        if self.words is None:
            return {}
        return {"buckets": self.words.buckets, "rarity": self.words.rarity}


def learn_sight(seen: ClassExamples) -> Sight:
    """Learn which words to read; there are none where the examples have none."""
    if not any(text.text for text in seen.examples.texts):
        return Sight()
    words = learn_words(seen.examples.texts, runs=False)
    widest = np.sort(np.argsort(words.rarity, kind="stable")[:MOST_WORDS])
    return Sight(WordWeights(False, words.buckets[widest], words.rarity[widest]))


@dataclass(frozen=True)
class TextMatch:
    """The best tag that shares a word with the class."""

    wanted: tuple[ClassDefinition, ...]
    method: str = field(default=TEXT_MATCH, init=False)

    def scores(self, seen: ClassExamples) -> Floats:
        return np.stack([match_words(seen.tags, one) for one in self.wanted], axis=1)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        return {}


@dataclass(frozen=True)
class NearestLabelled:
    """The share of each class among the labelled examples that are most alike.

    Attributes
    ----------
    rows : array, shape (known, dim)
    truth : array of int8, shape (known, classes)
        1, 0, or `UNKNOWN`.

    Source: Dudani, The distance-weighted k-nearest-neighbor rule, 1976, with cosine for distance.
    """

    sight: Sight
    rows: Floats
    truth: NDArray[np.int8]
    method: str = field(default=NEAREST, init=False)

    def scores(self, seen: ClassExamples) -> Floats:
        return self.scores_of(self.sight.rows(seen))

    def scores_of(self, rows: Floats) -> Floats:
        """The same, of rows that were made already."""
        alike = np.maximum(stepped(rows) @ self.rows.T, 0.0)
        by_judged: dict[bytes, tuple[NDArray[np.int64], Floats]] = {}
        columns = [self._one_class(alike, place, by_judged) for place in range(self.truth.shape[1])]
        return np.stack(columns, axis=1)

    def _one_class(self, alike: Floats, place: int, by_judged: dict[bytes, tuple[NDArray[np.int64], Floats]]) -> Floats:
        """Classes that the same examples were judged for have the same neighbours: these are looked up once."""
        judged = np.flatnonzero(self.truth[:, place] != UNKNOWN)
        nearest, weights = by_judged.setdefault(judged.tobytes(), _nearest(alike, judged))
        total = weights.sum(axis=1)
        shares = (weights * (self.truth[nearest, place] == 1)).sum(axis=1) / np.where(total > 0, total, 1.0)
        return np.where(total > 0, shares, float((self.truth[judged, place] == 1).mean()) if len(judged) else 0.0)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        # Steps of 2**-22 up to 1 are exact in float32.
        return {**self.sight.to_arrays(), "rows": self.rows.astype(np.float32), "truth": self.truth}


def _nearest(alike: Floats, judged: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    order = np.argsort(-alike[:, judged], axis=1, kind="stable")[:, :NEIGHBOURS]
    nearest = judged[order]
    return nearest, np.take_along_axis(alike, nearest, axis=1)


@dataclass(frozen=True)
class Lines:
    """A logistic regression for each class; its scores are log odds.

    Attributes
    ----------
    weights : array, shape (dim, classes), in steps as `weights_for` makes them
    offsets : array, shape (classes,)
    """

    sight: Sight
    weights: Floats
    offsets: Floats
    method: str = field(default=LINES, init=False)

    def scores(self, seen: ClassExamples) -> Floats:
        odds: Floats = stepped(self.sight.rows(seen)) @ self.weights + self.offsets
        return odds

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        return {**self.sight.to_arrays(), "weights": self.weights, "offsets": self.offsets}


def restored_classifier(method: str, arrays: Arrays, wanted: Sequence[ClassDefinition]) -> Classifier:
    """Make the classifier that gave the arrays.

    Raises
    ------
    ReleaseInvalid
        No such method is known, or an array is missing.
    """
    try:
        if method == TEXT_MATCH:
            return TextMatch(tuple(wanted))
        if method == NEAREST:
            rows, truth = np.asarray(arrays["rows"], np.float64), np.asarray(arrays["truth"], np.int8)
            return NearestLabelled(_sight(arrays), rows, truth)
        if method == LINES:
            weights, offsets = (np.asarray(arrays[name], np.float64) for name in ("weights", "offsets"))
            return Lines(_sight(arrays), weights, offsets)
    except KeyError as error:
        raise ReleaseInvalid(f"the release lacks array {error}; train again") from error
    raise ReleaseInvalid(f"expected one of {', '.join(METHODS)}, got {method!r}; update Groundswell")


def chances_of(classifier: Classifier, calibrators: tuple[Calibrator, ...], seen: ClassExamples) -> Floats:
    """Calibrated chances, shape (n, classes), settled so that every batch gives the same bytes."""
    scores = classifier.scores(seen)
    columns = [calibrator.chances(scores[:, place]) for place, calibrator in enumerate(calibrators)]
    return settled(np.stack(columns, axis=1))


def _sight(arrays: Arrays) -> Sight:
    if "buckets" not in arrays:
        return Sight()
    rarity = np.asarray(arrays["rarity"], np.float64)
    return Sight(WordWeights(False, np.asarray(arrays["buckets"], np.int32), rarity))
