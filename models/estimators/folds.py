"""Honest splits: what is judged has nothing in common with what was learned from."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import TrainingImpossible

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]

FOLDS = 5
BLOCKS = 10


@dataclass(frozen=True)
class Fold:
    """Places of the rows to learn from, and of those to judge on; rows in neither are a margin."""

    taught: NDArray[np.int64]
    held: NDArray[np.int64]


def group_folds(groups: Groups, count: int = FOLDS) -> tuple[Fold, ...]:
    """Deal whole groups out to folds of about equal size, the largest groups first.

    Raises
    ------
    TrainingImpossible
        Fewer than two groups: nothing could be held out.
    """
    sizes = np.bincount(groups)
    present = np.flatnonzero(sizes)
    if len(present) < 2:
        raise TrainingImpossible(f"expected at least 2 groups (channels) to hold some out, got {len(present)}")
    count = min(count, len(present))
    loads, homes = np.zeros(count, np.int64), np.zeros(len(sizes), np.int64)
    for group in present[np.argsort(-sizes[present], kind="stable")]:
        homes[group] = loads.argmin()
        loads[homes[group]] += sizes[group]
    return tuple(_held_out(homes[groups] == number) for number in range(count))


def time_folds(moments: Floats, count: int = FOLDS) -> tuple[Fold, ...]:
    """Chain forward: learn from what came before, judge on the next stretch of equally many rows.

    Rows of the very same moment stay on one side.

    Raises
    ------
    TrainingImpossible
        Too few different moments to have a before and an after.
    """
    edges = np.quantile(moments, np.linspace(0, 1, count + 2)[1:], method="higher")
    folds = []
    for start, end in itertools.pairwise(edges):
        last = end == edges[-1]
        held = (moments >= start) & ((moments <= end) if last else (moments < end))
        folds.append(Fold(np.flatnonzero(moments < start), np.flatnonzero(held)))
    kept = tuple(fold for fold in folds if len(fold.taught) and len(fold.held))
    if not kept:
        raise TrainingImpossible("expected rows of different days to learn from the past, got one moment only")
    return kept


def block_folds(order: NDArray[np.int64], *, margin: int, count: int = BLOCKS) -> tuple[Fold, ...]:
    """Cut rows into contiguous blocks of their row numbers; neighbours up to `margin` numbers away are not learned from.

    Parameters
    ----------
    order : array, shape (n,)
        Row numbers in the source, where neighbours may be alike.
    """
    blocks = np.array_split(np.sort(order), count)
    return tuple(_block(order, int(block[0]), int(block[-1]), margin) for block in blocks if len(block))


def _block(order: NDArray[np.int64], first: int, last: int, margin: int) -> Fold:
    held = (order >= first) & (order <= last)
    near = (order >= first - margin) & (order <= last + margin)
    return Fold(np.flatnonzero(~near), np.flatnonzero(held))


def _held_out(held: NDArray[np.bool_]) -> Fold:
    return Fold(np.flatnonzero(~held), np.flatnonzero(held))


def without(folds: tuple[Fold, ...], outer: Fold) -> Iterator[Fold]:
    """The other folds, each without what `outer` holds out: for choices made inside `outer`."""
    for fold in folds:
        if fold is not outer:
            taught = np.intersect1d(fold.taught, outer.taught, assume_unique=True)
            held = np.intersect1d(fold.held, outer.taught, assume_unique=True)
            if len(taught) and len(held):
                yield Fold(taught, held)
