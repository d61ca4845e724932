"""LightGBM's trees as plain arrays, which a whole batch walks at once and without LightGBM."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ReleaseInvalid

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Bools = NDArray[np.bool_]
Missed = NDArray[np.unsignedinteger]
_Number = TypeVar("_Number", int, float)

ROWS_AT_ONCE = 256
"""So many rows are walked together: what is known of each leaf then takes a few megabytes."""

MOST_ON_A_PATH = 63
"""Features that the way to a leaf asks about; each has its bit in a whole number."""

_DEFAULT_LEFT = 2
_UNKNOWN_HAS_A_SIDE = 2 << 2
"""Bits of a decision type: to which side a missing value goes, and whether it does; else it counts as zero."""


@dataclass(frozen=True)
class Asked:
    """A feature on the way to a leaf, and the share of the training rows that would have gone on without its answer."""

    feature: int
    share: float


@dataclass(frozen=True)
class Leaf:
    """Where a row ends, and what was asked on the way: each feature once, in the order of its bit."""

    value: float
    asked: tuple[Asked, ...]


@dataclass(frozen=True)
class _Cuts:
    """Columns of all cuts, shape (cuts,)."""

    features: Places
    thresholds: Floats
    left_if_unknown: Bools

    def go_left(self, rows: Floats) -> Bools:
        """Whether each row goes left at each cut: shape (cuts, n)."""
        columns = np.ascontiguousarray(rows.T)
        left = columns[self.features] <= self.thresholds[:, None]
        unknown = np.isnan(columns)
        if unknown.any():
            left |= unknown[self.features] & self.left_if_unknown[:, None]
        return left


@dataclass(frozen=True)
class _Level:
    """Places equally far from their roots: which, and for each what leads to it."""

    places: slice
    parents: Places
    cuts: Places
    is_left: Bools
    bits: Missed


@dataclass(frozen=True)
class TreeArrays:
    """An ensemble of trees.

    Attributes
    ----------
    leaves : tuple of Leaf
        Of one tree after the other.
    trees : int
    averages : bool
        Whether the trees' values are averaged, or added up.
    base : float
        What is expected of a row that nothing is known of.
    """

    leaves: tuple[Leaf, ...]
    trees: int
    averages: bool
    base: float
    _values: Floats
    _cuts: _Cuts
    _levels: tuple[_Level, ...]
    _places: Places
    _bits: np.dtype[np.unsignedinteger]

    def predict(self, rows: Floats) -> Floats:
        """Predict, shape (n,): the trees one after the other, so that the sum has one order."""
        parts = [self.ends(missed) for _, missed in self.walks(rows)]
        return np.concatenate([np.zeros(0), *parts])

    def ends(self, missed: Missed) -> Floats:
        """Values of the leaves that rows end in, put together: shape (n,)."""
        if not self.trees:
            return np.zeros(missed.shape[1])
        _, leaves = np.nonzero(missed.T == 0)  # of each tree one, in the order of the trees
        total: Floats = np.cumsum(self._values[leaves.reshape(-1, self.trees)], axis=1)[:, -1]
        return total / self.trees if self.averages else total

    def walks(self, rows: Floats) -> Iterator[tuple[slice, Missed]]:
        """Send rows through all trees, a few at a time.

        Yields
        ------
        tuple of slice and array, shape (leaves, rows of the slice)
            The features on the way to each leaf whose answer leads elsewhere, a bit for each of `Leaf.asked`.
        """
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(first, min(first + ROWS_AT_ONCE, len(rows)))
            yield some, self._missed(rows[some])

    def _missed(self, rows: Floats) -> Missed:
        left = self._cuts.go_left(rows)
        missed = np.zeros((len(self._places) + len(left), len(rows)), self._bits)
        for level in self._levels:
            is_wrong = left[level.cuts] != level.is_left[:, None]
            missed[level.places] = missed[level.parents] | (is_wrong * level.bits[:, None])
        reached: Missed = missed[self._places]
        return reached


def read_trees(model: bytes) -> TreeArrays:
    """Read LightGBM's text form, version 4; `tree_text.check_tree_text` says whether it is one.

    Raises
    ------
    ReleaseInvalid
        The way to a leaf asks about too many features.
    """
    head, *blocks = model.decode("ascii").partition("\nend of trees")[0].split("Tree=")
    trees = [_Tree.read(block) for block in blocks]
    averages = "\naverage_output\n" in head
    walk = _Walk(trees)
    scale = 1 / len(trees) if averages and trees else 1.0
    return TreeArrays(
        leaves=tuple(Leaf(leaf.value * scale, leaf.asked) for leaf in walk.leaves),
        trees=len(trees),
        averages=averages,
        base=sum(tree.expected for tree in trees) * scale,
        _values=np.array([leaf.value for leaf in walk.leaves], np.float64),
        _cuts=_Cuts(
            np.concatenate([np.zeros(0, np.int64), *(tree.features for tree in trees)]),
            np.concatenate([np.zeros(0), *(tree.thresholds for tree in trees)]),
            np.concatenate([np.zeros(0, bool), *(tree.left_if_unknown for tree in trees)]),
        ),
        _levels=walk.levels,
        _places=walk.places,
        _bits=walk.bits,
    )


@dataclass(frozen=True)
class _Tree:
    """One tree as it is written; children below zero are leaves, counted from -1 down."""

    features: Places
    thresholds: Floats
    left_if_unknown: Bools
    children: tuple[tuple[int, int], ...]
    counts: tuple[float, ...]
    leaf_values: tuple[float, ...]
    leaf_counts: tuple[float, ...]

    @staticmethod
    def read(block: str) -> "_Tree":
        fields = {name: value for name, _, value in (line.partition("=") for line in block.split("\n"))}
        values = _numbers(fields, "leaf_value", float)
        if len(values) == 1:
            return _Tree(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool), (), (), values, (1.0,))
        thresholds, kinds = np.array(_numbers(fields, "threshold", float)), _numbers(fields, "decision_type", int)
        sides = [bool(kind & _DEFAULT_LEFT) for kind in kinds]
        has_side = [bool(kind & _UNKNOWN_HAS_A_SIDE) for kind in kinds]
        return _Tree(
            features=np.array(_numbers(fields, "split_feature", int), np.int64),
            thresholds=thresholds,
            left_if_unknown=np.where(has_side, sides, thresholds >= 0),
            children=tuple(zip(_numbers(fields, "left_child", int), _numbers(fields, "right_child", int), strict=True)),
            counts=_numbers(fields, "internal_count", float),
            leaf_values=values,
            leaf_counts=_numbers(fields, "leaf_count", float),
        )

    @property
    def expected(self) -> float:
        """The mean over the training rows."""
        if not self.counts:
            return self.leaf_values[0]
        return sum(
            count / self.counts[0] * value for count, value in zip(self.leaf_counts, self.leaf_values, strict=True)
        )

    def count(self, child: int) -> float:
        """Training rows that came by."""
        return self.counts[child] if child >= 0 else self.leaf_counts[~child]


@dataclass(frozen=True)
class _Stop:
    """A place on the way through a tree: a cut (or from -1 down a leaf), what leads to it, and what was asked before."""

    tree: int
    node: int
    parent: int = 0
    cut: int = 0
    is_left: bool = True
    bit: int = 0
    asked: tuple[Asked, ...] = ()


class _Walk:
    """All places of all trees, those nearer to the roots first."""

    def __init__(self, trees: Sequence[_Tree]) -> None:
        self._trees = trees
        self._first_cut = [0, *accumulate(len(tree.children) for tree in trees)]
        self._ends: list[tuple[int, int, int, Leaf]] = []
        self._count = 0
        stops = list(self._levels())
        self.bits = _dtype(max((len(leaf.asked) for *_, leaf in self._ends), default=0))
        self.levels = tuple(self._level(level, first) for first, level in stops[1:])
        ends = sorted(self._ends, key=lambda end: end[:2])
        self.leaves = tuple(leaf for *_, leaf in ends)
        self.places: Places = np.array([place for _, _, place, _ in ends], np.int64)

    def _levels(self) -> Iterator[tuple[int, list[_Stop]]]:
        level = [_Stop(tree=n, node=0 if tree.children else -1) for n, tree in enumerate(self._trees)]
        while level:
            first = self._count
            self._count += len(level)
            yield first, level
            level = [below for place, stop in enumerate(level, first) for below in self._below(stop, place)]

    def _below(self, stop: _Stop, place: int) -> Iterator[_Stop]:
        tree = self._trees[stop.tree]
        if stop.node < 0:
            leaf = Leaf(tree.leaf_values[~stop.node], stop.asked)
            self._ends.append((stop.tree, ~stop.node, place, leaf))
            return
        feature = int(tree.features[stop.node])
        for child, is_left in zip(tree.children[stop.node], (True, False), strict=True):
            bit, asked = _asked(stop.asked, feature, tree.count(child) / tree.count(stop.node))
            yield _Stop(
                tree=stop.tree,
                node=child,
                parent=place,
                cut=self._first_cut[stop.tree] + stop.node,
                is_left=is_left,
                bit=bit,
                asked=asked,
            )

    def _level(self, stops: Sequence[_Stop], first: int) -> _Level:
        return _Level(
            places=slice(first, first + len(stops)),
            parents=np.array([stop.parent for stop in stops], np.int64),
            cuts=np.array([stop.cut for stop in stops], np.int64),
            is_left=np.array([stop.is_left for stop in stops], bool),
            bits=np.array([1 << stop.bit for stop in stops], self.bits),
        )


def _asked(before: tuple[Asked, ...], feature: int, share: float) -> tuple[int, tuple[Asked, ...]]:
    """Ask about a feature, maybe once more: the number of its bit, and everything that was asked."""
    for bit, one in enumerate(before):
        if one.feature == feature:
            return bit, (*before[:bit], Asked(feature, one.share * share), *before[bit + 1 :])
    if len(before) == MOST_ON_A_PATH:
        raise ReleaseInvalid(f"a tree asks about more than {MOST_ON_A_PATH} features on one path; train again")
    return len(before), (*before, Asked(feature, share))


def _dtype(most: int) -> np.dtype[np.unsignedinteger]:
    return np.dtype(np.uint16 if most <= 16 else np.uint64)


def _numbers(fields: Mapping[str, str], name: str, kind: Callable[[str], _Number]) -> tuple[_Number, ...]:
    return tuple(kind(part) for part in fields[name].split(" ") if part)
