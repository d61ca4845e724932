"""Which way of telling classes apart to keep: the simplest that does not find them clearly worse than the best."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Groups = NDArray[np.int64]

DRAWS = 200
"""Of groups with replacement; a standard error needs no more."""

SEED = 20171114
"""Fixed, so that the same table gives the same choice."""


@dataclass(frozen=True)
class ClassCandidate:
    """One way to tell classes apart, judged on held-out groups.

    Attributes
    ----------
    ap : float
        Average precision, mean over classes.
    worse_by, worse_by_error : float
        How much less that is than the best candidate's, and the standard error of this difference over groups.
    """

    name: str
    ap: float
    worse_by: float
    worse_by_error: float


def choose_method(
    scores: Mapping[str, Floats], truth: Floats, *, groups: Groups
) -> tuple[ClassCandidate, tuple[ClassCandidate, ...]]:
    """Choose by the one-standard-error rule on mean average precision.

    Parameters
    ----------
    scores : mapping
        By method, the simplest first: shape (n, classes), of rows that were held out.
    truth : array, shape (n, classes)
        1, 0, or NaN where nobody judged.

    Returns
    -------
    The chosen, and all candidates in their order.

    Source: Breiman, Friedman, Olshen and Stone, Classification and regression trees, 1984, section 3.4.3.
    """
    draws = _draws(groups)
    found = {name: _macro(own, truth, np.ones((1, len(truth)))) for name, own in scores.items()}
    drawn = {name: _macro(own, truth, draws) for name, own in scores.items()}
    best = max(found, key=lambda name: float(found[name][0]))
    candidates = tuple(
        ClassCandidate(
            name,
            float(found[name][0]),
            float(found[best][0] - found[name][0]),
            float(np.nan_to_num(drawn[best] - drawn[name]).std()),
        )
        for name in scores
    )
    return next(one for one in candidates if one.worse_by <= one.worse_by_error), candidates


def drawn_precision(truth: Bools, scores: Floats, times: Floats) -> Floats:
    """Average precision when each row counts so many times; NaN without any success.

    Parameters
    ----------
    truth, scores : array, shape (n,)
        Ties are taken together.
    times : array, shape (draws, n)

    Returns
    -------
    array, shape (draws,)
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    taken = np.cumsum(times[:, order], axis=1)[:, ends]
    right = np.cumsum(times[:, order] * truth[order], axis=1)[:, ends]
    precision = right / np.where(taken > 0, taken, 1.0)
    gained = np.diff(right, axis=1, prepend=0.0)
    successes = right[:, -1]
    found: Floats = (gained * precision).sum(axis=1) / np.where(successes > 0, successes, np.nan)
    return found


def _macro(scores: Floats, truth: Floats, times: Floats) -> Floats:
    """Mean over the classes that a draw has successes of: shape (draws,)."""
    each = []
    for place in range(truth.shape[1]):
        known = ~np.isnan(truth[:, place])
        if (truth[known, place] == 1).any():
            each.append(drawn_precision(truth[known, place] == 1, scores[known, place], times[:, known]))
    if not each:
        return np.zeros(len(times))
    stacked = np.stack(each)
    there = ~np.isnan(stacked)
    means: Floats = np.where(there, stacked, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return means


def _draws(groups: Groups) -> Floats:
    """How often each row is drawn with its group: shape (draws, n).

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, cluster bootstrap.
    """
    dense = np.unique(groups, return_inverse=True)[1]
    count = int(dense.max()) + 1
    times = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    drawn: Floats = times[:, dense].astype(np.float64)
    return drawn
