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

TEXTS_AT_ONCE = 2048
"""So that what is held beside the rows themselves stays small, however many texts there are."""

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
        alone, spaced = zip(*words, strict=True) if words else ((), ())
        pairs = map(zlib.crc32, spaced[1:], alone)  # the hash of a pair goes on where its first word's ends
        buckets, times = np.unique(_buckets([*alone, *pairs]), return_counts=True)
        return Pieces(buckets, times.astype(np.float32))

    @cached_property
    def by_run(self) -> Pieces:
        """Runs of 2 to 5 characters inside words, the spaces around them included."""
        hashed, times = self.hashed_runs()
        buckets, places = np.unique(hashed, return_inverse=True)
        return Pieces(buckets, np.bincount(places, times, len(buckets)).astype(np.float32))

    def hashed_runs(self) -> tuple[NDArray[np.int32], Floats]:
        """The buckets of all runs of all different words, and how often the word is there: buckets may come again."""
        words = Counter(self.text[:MAX_RUN_CHARACTERS].lower().split())
        runs = [_hashed_runs(word) for word in words]
        times = np.repeat(np.array(list(words.values()), np.float64), [len(hashed) for hashed in runs])
        return np.concatenate([np.zeros(0, np.int32), *runs]), times

    @property
    def runs_are_counted(self) -> bool:
        """Whether `by_run` has been asked for: what is read once only need not be sorted first."""
        return "by_run" in self.__dict__

    def pieces(self, *, runs: bool) -> Pieces:
        """Either reading."""
        return self.by_run if runs else self.by_word


@lru_cache(WORDS_REMEMBERED)
def _hashed_word(word: str) -> tuple[int, bytes]:
    """A word's hash, and the word as it goes on after another."""
    return zlib.crc32(word.encode()), f" {word}".encode()


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

        lots = [self._weighed(texts[first : first + TEXTS_AT_ONCE]) for first in range(0, len(texts), TEXTS_AT_ONCE)]
        places = np.concatenate([np.empty(0, np.int32), *(lot.places for lot in lots)])
        values = np.concatenate([np.empty(0), *(lot.values for lot in lots)])
        ends = np.cumsum([0, *(count for lot in lots for count in lot.counts)])
        return csr_matrix((values, places, ends), shape=(len(texts), len(self.buckets)))

    def _weighed(self, texts: Sequence[Text]) -> "_Weighed":
        counted = [self._counted(text) for text in texts]
        counts = [len(held) for held, _ in counted]
        places = np.concatenate([held for held, _ in counted])
        values = 1 + np.log(np.concatenate([times for _, times in counted]))
        values *= self.rarity[places]
        values /= np.repeat(_lengths(values * values, np.cumsum([0, *counts])), counts)
        return _Weighed(places.astype(np.int32), values, counts)

    def _counted(self, text: Text) -> tuple[NDArray[np.int64], Floats]:
        """Places of the kept buckets that a text has, ascending, and how often it has them."""
        if self.runs and not text.runs_are_counted:
            buckets, times = text.hashed_runs()
            places = self._places[buckets]
            sums = np.bincount(places + 1, times, len(self.buckets) + 1)[1:]
            held = np.flatnonzero(sums > 0)
            return held.astype(np.int64), np.asarray(sums[held], np.float64)
        pieces = text.pieces(runs=self.runs)
        places = self._places[pieces.buckets]
        known = places >= 0
        return places[known], pieces.times[known].astype(np.float64)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Where in `buckets` each bucket stands, -1 where it does not: shape (BUCKETS,)."""
        places = np.full(BUCKETS, -1, np.int64)
        places[self.buckets] = np.arange(len(self.buckets))
        return places


class _Weighed(NamedTuple):
    """Some rows: the places and values of one after the other, and how many each has."""

    places: NDArray[np.int32]
    values: Floats
    counts: list[int]


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
