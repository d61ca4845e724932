"""Numbers that trees can cut: a vector's main directions, and those of the words used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estimators.exact import stepped, weights_for
from models.estimators.examples import Examples, Floats
from models.estimators.kernel import unit_rows
from models.estimators.words import WordWeights, learn_words

DIRECTIONS = 30
"""Of each vector; trees find little in the many directions that hardly vary."""

WORD_DIRECTIONS = 40
FEWEST_ROWS = 20
"""With fewer rows directions are noise."""

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class VectorDirections:
    """The main directions of a block's unit vectors.

    Attributes
    ----------
    axes : array, shape (size, directions)
    centre : array, shape (directions,)
        Where the training mean lies on each.
    """

    block: int
    axes: Floats
    centre: Floats

    def of(self, examples: Examples) -> Floats:
        """Where each row lies, shape (n, directions); NaN where the block is missing."""
        rows, present = unit_rows(examples, self.block)
        return np.where(present[:, None], rows @ self.axes - self.centre, np.nan)


@dataclass(frozen=True)
class WordDirections:
    """The main directions of tf-idf rows.

    Source: Deerwester et al., Indexing by latent semantic analysis, 1990.
    """

    words: WordWeights
    axes: Floats

    def of(self, examples: Examples) -> Floats:
        """Where each row lies, shape (n, directions); NaN where there are no words."""
        rows = self.words.rows(examples.texts)
        places: Floats = stepped(rows @ self.axes)
        return np.where((np.diff(rows.indptr) > 0)[:, None], places, np.nan)


@dataclass(frozen=True)
class Projection:
    """Everything that trees read of examples."""

    vectors: tuple[VectorDirections, ...]
    words: WordDirections | None

    def of(self, examples: Examples) -> Floats:
        """Numbers as they are, vectors and words by their directions; NaN is missing. Shape (n, features)."""
        numbers = _numbers(examples)
        said = [self.words.of(examples)] if self.words else []
        return np.hstack([numbers, *(vector.of(examples) for vector in self.vectors), *said])

    def once_of(self, examples: Examples) -> Floats:
        """The same, worked out once for all members of a stack that share this projection (`shared`)."""
        if id(self) not in examples.seen_by:
            examples.seen_by[id(self)] = self, self.of(examples)
        return examples.seen_by[id(self)][1]

    def owners(self, examples: Examples) -> NDArray[np.int64]:
        """For each feature the part of the prediction it belongs to: shape (features,)."""
        numbers = [number for number, block in enumerate(examples.layout.blocks) if block.size == 1]
        vectors = [vector.block for vector in self.vectors for _ in range(vector.axes.shape[1])]
        said = [len(examples.layout.blocks)] * (self.words.axes.shape[1] if self.words else 0)
        return np.array([*numbers, *vectors, *said], np.int64)

    def shared(self, others: Iterable["Projection"]) -> "Projection":
        """One of the others if it says the same of everything, else this one."""
        mine = self.to_arrays()
        return next((other for other in others if _is_same(mine, other.to_arrays())), self)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Plain arrays for a release."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for vector in self.vectors:
            arrays |= {f"axes_{vector.block}": vector.axes, f"centre_{vector.block}": vector.centre}
        if self.words:
            weights = self.words.words
            arrays |= {"buckets": weights.buckets, "rarity": weights.rarity}
            arrays["word_axes"] = self.words.axes.astype(np.float32)
        return arrays

    @staticmethod
    def from_arrays(arrays: Arrays) -> "Projection":
        """What `to_arrays` gave."""
        blocks = sorted(int(name.removeprefix("axes_")) for name in arrays if name.startswith("axes_"))
        vectors = tuple(
            VectorDirections(block, _floats(arrays[f"axes_{block}"]), _floats(arrays[f"centre_{block}"]))
            for block in blocks
        )
        if "word_axes" not in arrays:
            return Projection(vectors, None)
        weights = WordWeights(False, np.asarray(arrays["buckets"], np.int32), _floats(arrays["rarity"]))
        return Projection(vectors, WordDirections(weights, _floats(arrays["word_axes"])))


def learn_projection(examples: Examples, *, seed: int) -> Projection:
    """Find the main directions of the training rows."""
    blocks = [number for number, block in enumerate(examples.layout.blocks) if block.size > 1]
    vectors = [_learn_vectors(examples, block) for block in blocks]
    return Projection(tuple(v for v in vectors if v is not None), _learn_words(examples, seed))


def _learn_vectors(examples: Examples, block: int) -> VectorDirections | None:
    rows, present = unit_rows(examples, block)
    known = rows[present]
    if len(known) < FEWEST_ROWS:
        return None
    mean = known.mean(axis=0)
    centred = known - mean
    _, directions = np.linalg.eigh(centred.T @ centred)
    axes = weights_for(_upright(directions[:, ::-1][:, :DIRECTIONS]), largest=1.0)
    return VectorDirections(block, axes, mean @ axes)


def _learn_words(examples: Examples, seed: int) -> WordDirections | None:
    from sklearn.utils.extmath import randomized_svd

    if not examples.words:
        return None
    words = learn_words(examples.words, runs=False)
    rows = words.rows(examples.words)
    count = min(WORD_DIRECTIONS, len(words.buckets) - 1, len(examples) - 1)
    if count < 1 or len(examples) < FEWEST_ROWS:
        return None
    _, _, directions = randomized_svd(rows, count, n_iter=4, random_state=seed)
    return WordDirections(words, _upright(directions.T).astype(np.float32).astype(np.float64))


def _upright(directions: Floats) -> Floats:
    """Turn each direction so that its largest entry is positive: a solver may give either."""
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    turned: Floats = directions * np.where(largest < 0, -1.0, 1.0)
    return turned


def _numbers(examples: Examples) -> Floats:
    numbers = [number for number, block in enumerate(examples.layout.blocks) if block.size == 1]
    columns = np.flatnonzero(np.isin(examples.layout.owners, numbers))
    return np.where(examples.table.present[:, numbers], examples.table.values[:, columns], np.nan)


def _is_same(left: Arrays, right: Arrays) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def _floats(array: NDArray[np.generic]) -> Floats:
    return np.asarray(array, np.float64)
