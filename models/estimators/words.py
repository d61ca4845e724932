"""Which words are used: counts of pieces, hashed so that a vocabulary need not be kept."""

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
_Characters = TypeVar("_Characters", str, bytes)

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
        words = list(map(_hashed_word, _WORD.findall(self.text[:MAX_CHARACTERS].lower())))
        alone, after = [word.alone for word in words], (word.spaced for word in words[1:])
        hashes = [*alone, *map(zlib.crc32, after, alone)]  # that of a pair goes on where its first word's ends
        return _by_bucket(_buckets(hashes), np.ones(len(hashes)))

    @cached_property
    def by_run(self) -> Pieces:
        """Runs of 2 to 5 characters inside words, the spaces around them included."""
        words = Counter(self.text[:MAX_RUN_CHARACTERS].lower().split())
        runs = [_hashed_runs(word) for word in words]
        if not runs:
            return Pieces(np.zeros(0, np.int32), np.zeros(0, np.float32))
        times = np.repeat(np.array(list(words.values()), np.float64), [len(hashed) for hashed in runs])
        return _by_bucket(np.concatenate(runs), times)

    def pieces(self, *, runs: bool) -> Pieces:
        """Either reading."""
        return self.by_run if runs else self.by_word


class _Word(NamedTuple):
    """A word's hash, and the word as it goes on after another."""

    alone: int
    spaced: bytes


@lru_cache(WORDS_REMEMBERED)
def _hashed_word(word: str) -> _Word:
    return _Word(zlib.crc32(word.encode()), f" {word}".encode())


@lru_cache(WORDS_REMEMBERED)
def _hashed_runs(word: str) -> NDArray[np.int32]:
    """The bucket of each run in a word, the spaces around it included: shape (runs,)."""
    padded = f" {word} "
    return _buckets(
        list(map(zlib.crc32, _runs(padded.encode()) if padded.isascii() else map(str.encode, _runs(padded))))
    )


def _runs(padded: _Characters) -> Iterator[_Characters]:
    for size in RUN_SIZES:
        yield from (padded[start : start + size] for start in range(max(len(padded) - size, 0) + 1))


def _buckets(hashes: Sequence[int]) -> NDArray[np.int32]:
    return (np.array(hashes, np.int64) % BUCKETS).astype(np.int32)


def _by_bucket(hashed: NDArray[np.int32], times: Floats) -> Pieces:
    buckets, places = np.unique(hashed, return_inverse=True)
    return Pieces(buckets, np.bincount(places, times, len(buckets)).astype(np.float32))


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

        pieces = [text.pieces(runs=self.runs) for text in texts]
        buckets = np.concatenate([np.empty(0, np.int32), *(one.buckets for one in pieces)])
        times = np.concatenate([np.empty(0, np.float32), *(one.times for one in pieces)])
        places = self._places[buckets]
        known = places >= 0
        held = np.concatenate([[0], np.cumsum(known)])
        ends = held[np.cumsum([0, *(len(one.buckets) for one in pieces)])]
        values = (1 + np.log(times[known].astype(np.float64))) * self.rarity[places[known]]
        lengths = np.repeat(_lengths(values * values, ends), np.diff(ends))
        return csr_matrix((values / lengths, places[known], ends), shape=(len(pieces), len(self.buckets)))

    @cached_property
    def _places(self) -> NDArray[np.int32]:
        """Where in `buckets` each bucket stands, -1 where it does not: shape (BUCKETS,)."""
        places = np.full(BUCKETS, -1, np.int32)
        places[self.buckets] = np.arange(len(self.buckets))
        return places


def _lengths(squares: Floats, ends: NDArray[np.int64]) -> Floats:
    """Lengths of rows, whatever stands beside them in the batch: their squares are added without rounding."""
    listed, bounds = squares.tolist(), ends.tolist()
    sums = [math.fsum(listed[first:end]) for first, end in itertools.pairwise(bounds)]
    return np.sqrt(np.array(sums, np.float64))


def learn_words(texts: Sequence[Text], *, runs: bool, fewest: int = 3) -> WordWeights:
    """Learn which pieces are there in at least `fewest` rows, and how rare they are."""
    held = np.zeros(BUCKETS, np.int64)
    for text in texts:
        held[text.pieces(runs=runs).buckets] += 1
    widest = np.argsort(-held, kind="stable")[:MOST_BUCKETS]
    buckets = np.sort(widest[held[widest] >= fewest]).astype(np.int32)
    return WordWeights(runs, buckets, np.log((1 + len(texts)) / (1 + held[buckets])) + 1)
