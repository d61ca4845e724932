"""Which words are used: counts of pieces, hashed so that a vocabulary need not be kept."""

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]

BUCKETS = 2**18
"""Pieces that fall into one bucket by chance count as one."""

MOST_BUCKETS = 30_000
"""The most widely used are kept: a release stays a few megabytes."""

MAX_CHARACTERS = 20_000
"""Of longer texts the beginning is read: twenty minutes of speech."""

MAX_RUN_CHARACTERS = 4_000
"""Runs of characters are thrice as many as characters; for them less of the beginning is read."""

RUN_SIZES = (2, 3, 4, 5)

WORDS_REMEMBERED = 2**15
"""Most words of a text were in the ones before it; their runs need not be hashed again."""

_WORD = re.compile(r"\w+(?:'\w+)?")


@dataclass(frozen=True)
class Pieces:
    """How often each bucket is there: both arrays of shape (different buckets,), buckets ascending."""

    buckets: NDArray[np.int32]
    times: NDArray[np.float32]


@dataclass(frozen=True)
class Text:
    """A text whose pieces are counted once, however often it is learned from."""

    text: str

    @cached_property
    def by_word(self) -> Pieces:
        """Whole words, and pairs that stand together."""
        words = _WORD.findall(self.text[:MAX_CHARACTERS].lower())
        return counted([*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))])

    @cached_property
    def by_run(self) -> Pieces:
        """Runs of 2 to 5 characters inside words, the spaces around them included."""
        words = Counter(self.text[:MAX_RUN_CHARACTERS].lower().split())
        runs = [_hashed_runs(word) for word in words]
        if not runs:
            return counted(())
        times = np.repeat(np.array(list(words.values()), np.float64), [len(hashed) for hashed in runs])
        return _by_bucket(np.concatenate(runs), times)

    def pieces(self, *, runs: bool) -> Pieces:
        """Either reading."""
        return self.by_run if runs else self.by_word


@lru_cache(WORDS_REMEMBERED)
def _hashed_runs(word: str) -> NDArray[np.int32]:
    """The bucket of each run in a word, the spaces around it included: shape (runs,)."""
    return np.array([_bucket(run) for run in _runs(f" {word} ")], np.int32)


def _runs(padded: str) -> Iterator[str]:
    for size in RUN_SIZES:
        yield from (padded[start : start + size] for start in range(max(len(padded) - size, 0) + 1))


def counted(pieces: Iterable[str]) -> Pieces:
    """Count pieces by bucket."""
    different = Counter(pieces)
    hashed = np.array([_bucket(piece) for piece in different], np.int32)
    return _by_bucket(hashed, np.array(list(different.values()), np.float64))


def _by_bucket(hashed: NDArray[np.int32], times: Floats) -> Pieces:
    buckets, places = np.unique(hashed, return_inverse=True)
    return Pieces(buckets, np.bincount(places, times, len(buckets)).astype(np.float32))


def _bucket(piece: str) -> int:
    return zlib.crc32(piece.encode()) % BUCKETS


@dataclass(frozen=True)
class WordWeights:
    """Tf-idf, its document counts learned on the training rows.

    Attributes
    ----------
    runs : bool
        Of runs of characters; else of words.
    buckets : array of int32, shape (kept,), ascending
    rarity : array, shape (kept,)
        The logarithm of how rare each is.
    """

    runs: bool
    buckets: NDArray[np.int32]
    rarity: Floats

    def rows(self, texts: Sequence[Text]) -> "csr_matrix":
        """Weigh the pieces of texts: sparse, shape (n, kept), rows of length 1 or 0.

        Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988, sublinear counts.
        """
        from scipy.sparse import csr_matrix

        weighed = [self._row(text.pieces(runs=self.runs)) for text in texts]
        ends = np.cumsum([0, *(len(places) for places, _ in weighed)])
        places = np.concatenate([np.empty(0, np.int64), *(places for places, _ in weighed)])
        values = np.concatenate([np.empty(0), *(values for _, values in weighed)])
        return csr_matrix((values, places, ends), shape=(len(weighed), len(self.buckets)))

    def _row(self, pieces: Pieces) -> tuple[NDArray[np.int64], Floats]:
        places = np.searchsorted(self.buckets, pieces.buckets)
        known = places < len(self.buckets)
        known[known] = self.buckets[places[known]] == pieces.buckets[known]
        values = (1 + np.log(pieces.times[known].astype(np.float64))) * self.rarity[places[known]]
        length = math.sqrt(math.fsum((values * values).tolist()))
        return places[known], values / (length or 1.0)


def learn_words(texts: Sequence[Text], *, runs: bool, fewest: int = 3) -> WordWeights:
    """Learn which pieces are there in at least `fewest` rows, and how rare they are."""
    held = np.zeros(BUCKETS, np.int64)
    for text in texts:
        held[text.pieces(runs=runs).buckets] += 1
    widest = np.argsort(-held, kind="stable")[:MOST_BUCKETS]
    buckets = np.sort(widest[held[widest] >= fewest]).astype(np.int32)
    return WordWeights(runs, buckets, np.log((1 + len(texts)) / (1 + held[buckets])) + 1)
