"""What each part of an example adds to what trees say: Shapley values, looked up instead of worked out for each row.

What a leaf adds depends only on which of the few features on its way lead elsewhere. So it is worked out once
for each such case, and a row only looks its cases up.

Source: Lundberg, Erion and Lee, Consistent individualized feature attribution for tree ensembles, 2018, for what is
meant (path-dependent TreeSHAP); Yang, Fast TreeSHAP, 2021, for the table of cases; Owen, Multilinear extensions of
games, 1972, for the integral.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.estimators.exact import EXACT_BITS
from models.estimators.tree_arrays import MOST_ON_A_PATH, Floats, Leaf, Missed, TreeArrays

MOST_IN_A_TABLE = 14
"""Features on a path: sixteen thousand cases. Of longer paths the cases that rows have are worked out when they come."""

MOST_CASES = 2**22
"""In all tables together: about 100 MB; a forest as we teach it has a third of it."""

CASES_AT_ONCE = 2**13
"""Leaves times cases: what is worked out at once fits into a processor's cache."""

NEWTON_STEPS = 8


@dataclass(frozen=True)
class _Table:
    """What leaves add to one part, case after case.

    Attributes
    ----------
    leaves, starts : array, shape (some leaves,)
        Where in `values` the cases of a leaf begin.
    """

    leaves: NDArray[np.int64]
    starts: NDArray[np.int64]
    values: Floats

    def of(self, missed: Missed) -> Floats:
        """The part of each row, shape (n,); whole steps, whose sum has no order."""
        cases = missed[self.leaves].astype(np.int64) + self.starts[:, None]
        part: Floats = self.values.take(cases).sum(axis=0)
        return part


@dataclass(frozen=True)
class Shares:
    """Looks up what the parts of a prediction are.

    Attributes
    ----------
    tables : dict
        By part.
    deep : tuple of int
        Leaves at the end of long paths.
    step : float
        Everything is a whole number of it.
    """

    trees: TreeArrays
    owners: NDArray[np.int64]
    tables: dict[int, _Table]
    deep: tuple[int, ...]
    step: float

    def add_to(self, parts: Floats, missed: Missed) -> None:
        """Add what the trees say to parts, shape (n, parts), given where rows went (`TreeArrays.walks`)."""
        for part, table in self.tables.items():
            parts[:, part] += table.of(missed)
        for number in self.deep:
            self._add_deep(parts, self.trees.leaves[number], missed[number])

    def _add_deep(self, parts: Floats, leaf: Leaf, missed: Missed) -> None:
        cases, which = np.unique(missed, return_inverse=True)
        shares = np.array([[one.share] for one in leaf.asked])
        for part, values in _joined(leaf, _added(shares, cases.astype(np.int64))[:, 0], self.owners):
            parts[:, part] += _stepped(values, self.step)[which]


def shares_of(trees: TreeArrays, owners: NDArray[np.int64], *, longest: int = MOST_IN_A_TABLE) -> Shares:
    """Work out the tables.

    Parameters
    ----------
    owners : array, shape (features,)
        The part that each feature belongs to.
    longest : int
        Features on a path that a table is made for; what comes out does not depend on it.
    """
    step = _step(trees)
    found: defaultdict[int, list[tuple[int, Floats]]] = defaultdict(list)
    tabled, deep = _sorted_out(trees.leaves, longest)
    for asked, numbers in tabled.items():
        for number, each in _cases(trees.leaves, numbers, np.arange(2**asked)):
            for part, values in _joined(trees.leaves[number], each, owners):
                found[part].append((number, _stepped(values, step)))
    return Shares(trees, owners, {part: _table(entries) for part, entries in sorted(found.items())}, deep, step)


def _sorted_out(leaves: Sequence[Leaf], longest: int) -> tuple[dict[int, list[int]], tuple[int, ...]]:
    """Leaves by how many features their ways ask about, as long as tables stay small; and all the others."""
    tabled: defaultdict[int, list[int]] = defaultdict(list)
    deep, cases = [], 0
    for number in sorted(range(len(leaves)), key=lambda number: len(leaves[number].asked)):
        asked = len(leaves[number].asked)
        cases += 2 ** min(asked, MOST_ON_A_PATH)
        if asked > longest or cases > MOST_CASES:
            deep.append(number)
        elif asked:
            tabled[asked].append(number)
    return tabled, tuple(deep)


def _table(entries: Sequence[tuple[int, Floats]]) -> _Table:
    ends = np.cumsum([len(values) for _, values in entries])
    return _Table(
        leaves=np.array([leaf for leaf, _ in entries], np.int64),
        starts=np.concatenate([[0], ends[:-1]]),
        values=np.concatenate([values for _, values in entries]),
    )


def _cases(leaves: Sequence[Leaf], numbers: Sequence[int], cases: NDArray[np.int64]) -> Iterator[tuple[int, Floats]]:
    """Work out leaves of equally many features, some at once; of each what the features add, shape (features, cases)."""
    lot = max(CASES_AT_ONCE // len(cases), 1)
    for first in range(0, len(numbers), lot):
        some = numbers[first : first + lot]
        shares = np.array([[one.share for one in leaves[number].asked] for number in some])
        yield from zip(some, np.moveaxis(_added(shares.T, cases), 1, 0), strict=True)


def _joined(leaf: Leaf, each: Floats, owners: NDArray[np.int64]) -> Iterator[tuple[int, Floats]]:
    """What a leaf adds to each part, shape (cases,)."""
    parts: dict[int, Floats] = {}
    for one, values in zip(leaf.asked, each, strict=True):
        owner = int(owners[one.feature])
        parts[owner] = parts[owner] + values if owner in parts else values
    yield from ((owner, leaf.value * values) for owner, values in parts.items())


def _added(shares: Floats, cases: NDArray[np.int64]) -> Floats:
    """What each feature adds to a leaf of value 1, on average over all orders in which features become known.

    Parameters
    ----------
    shares : array, shape (features, leaves)
        Of the rows that go on where the feature is not known.
    cases : array, shape (cases,)
        The features whose answer leads elsewhere, a bit for each.

    Returns
    -------
    array, shape (features, leaves, cases)
    """
    count = len(shares)
    hit = ((cases >> np.arange(count)[:, None]) & 1 == 0).astype(np.float64)[:, None, :]
    total = np.zeros((count, shares.shape[1], len(cases)))
    for moment, weight in _moments((count + 1) // 2):
        total += _others(moment * hit + (1 - moment) * shares[:, :, None], weight)
    total *= hit - shares[:, :, None]
    return total


def _others(factors: Floats, weight: float) -> Floats:
    """Of each factor the product of all the others and a weight, along the first axis."""
    products = np.empty_like(factors)
    products[0] = weight
    for place in range(1, len(factors)):
        np.multiply(products[place - 1], factors[place - 1], out=products[place])
    after = factors[-1].copy()
    for place in range(len(factors) - 2, -1, -1):
        products[place] *= after
        after *= factors[place]
    return products


@cache
def _moments(count: int) -> tuple[tuple[float, float], ...]:
    """Moments in [0, 1] and weights that integrate polynomials of a degree below twice their count.

    Worked out with sums and products only, so that every machine has the same.

    Source: Gauss and Legendre; Newton's method as in Press et al., Numerical recipes, section 4.6.
    """
    return tuple(_moment(number, count) for number in range(count))


def _moment(number: int, count: int) -> tuple[float, float]:
    place = round(math.cos(math.pi * (number + 0.75) / (count + 0.5)), 6)
    slope = 1.0
    for _ in range(NEWTON_STEPS):
        value, before = place, 1.0
        for degree in range(2, count + 1):
            value, before = ((2 * degree - 1) * place * value - (degree - 1) * before) / degree, value
        slope = count * (place * value - before) / (place * place - 1)
        place -= value / slope
    return (1 + place) / 2, 1 / ((1 - place * place) * slope * slope)


def _step(trees: TreeArrays) -> float:
    """So coarse that all that leaves may add to a part is added up exactly: none adds more than its value."""
    worst = sum(abs(leaf.value) for leaf in trees.leaves)
    return float(2.0 ** (math.ceil(math.log2(worst)) - EXACT_BITS)) if worst else 1.0


def _stepped(values: Floats, step: float) -> Floats:
    rounded: Floats = np.rint(values / step) * step
    return rounded
