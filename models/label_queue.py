"""Which segments to show a person next, so that few labels teach a class much.

Every round of five is made of three kinds: two that the classifier is least sure of (it learns where the border
is), one that looks most like the class (of a rare one the border is not known before some are found), and two that
are like nothing judged so far (they find what the classifier has no idea of). Within each, segments unlike each
other and unlike what was judged come first. Before anything is known the class's own words choose.

Source: Lewis and Gale, A sequential algorithm for training text classifiers, 1994 (uncertainty); Sener and Savarese,
Active learning for convolutional neural networks: a core-set approach, 2018 (farthest first).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Odds = NDArray[np.float64]
Places = NDArray[np.int64]
Bools = NDArray[np.bool_]

Why = Literal["words", "unlike", "unsure", "likely", "new"]

ROUND: tuple[Why, ...] = ("unsure", "likely", "new", "unsure", "new")
"""What a round consists of, in the order of asking: the best of five mixtures tried (``benchmarks/labelling.py``)."""

ROUND_AT_FIRST: tuple[Why, ...] = ("words", "words", "words", "words", "new")
ROUND_FOR_CONTRAST: tuple[Why, ...] = ("unlike", "unlike", "unlike", "unlike", "new")
"""Everything so far was of the class: something that is not is wanted."""

WIDTH = 3
"""Farthest first chooses among so many times as many as are wanted; among 8 times it went too far from
the border on titles of trending videos (``benchmarks/labelling.py``)."""

NEW_AMONG = 1000
"""What is like nothing judged is looked for among so many, drawn by lot: a second in a large pool, and not
always the oddest one out."""

INVERSE_PENALTY = 10.0
"""Of the logistic regression, on vectors of length 1 side by side."""

MOST_STEPS = 500
ODDS_STEPS = 2**20
"""Log odds are rounded, so that another order of addition cannot change the queue."""

AT_ONCE = 4096


@dataclass(frozen=True)
class Pool:
    """Everything that could be asked about.

    Attributes
    ----------
    keys : sequence of str
        What each row is; the order of rows is theirs.
    rows : array, shape (n, dim)
        Vectors of length 1, side by side.
    """

    keys: Sequence[str]
    rows: Floats


@dataclass(frozen=True)
class Judged:
    """What people have said so far: places in the pool, and whether the class is there; both of shape (m,)."""

    places: Places
    truth: Bools

    @property
    def teaches(self) -> bool:
        """Whether there are examples of both kinds to learn from."""
        return bool(self.truth.any() and not self.truth.all())


@dataclass(frozen=True)
class Asked:
    """One place to ask about, and why; `chance` in [0, 1] is what the classifier says, None before it can."""

    place: int
    why: Why
    chance: float | None


def next_round(
    pool: Pool, judged: Judged, *, closed: Bools, match: Odds | None = None, shown: Sequence[int] = ()
) -> list[Asked]:
    """Choose what to ask next: at most five, fewer when fewer are left.

    Parameters
    ----------
    closed : array, shape (n,)
        What is not to be asked: judged already, skipped, or asked just now.
    match : array, shape (n,), optional
        How well each fits the class's words; wanted until there are judgements of both kinds.
    shown : sequence of int
        Places asked about and not yet answered.
    """
    odds = log_odds(pool, judged) if judged.teaches else None
    likely = odds if odds is not None else match if match is not None else np.zeros(len(pool.rows))
    chosen: list[Asked] = []
    for why, count in _kinds(judged):
        order = _order(why, likely, pool.keys)
        taken = [a.place for a in chosen]
        free = order[~closed[order] & ~np.isin(order, taken)]
        known = np.concatenate([judged.places, np.array([*shown, *taken], np.int64)])
        among = free[: NEW_AMONG if why == "new" else count * WIDTH]
        places = farthest_first(pool.rows, among, known, count=count)
        chosen += [Asked(int(p), why, None if odds is None else _chance(float(odds[p]))) for p in places]
    return _interleaved(chosen, _plan(judged))


def log_odds(pool: Pool, judged: Judged) -> Odds:
    """Say how likely each is of the class, by logistic regression on what was judged; shape (n,).

    Both kinds weigh the same, however few there are of one.

    Source: Cox, The regression analysis of binary sequences, 1958.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_STEPS, class_weight="balanced")
    model.fit(pool.rows[judged.places].astype(np.float64), judged.truth)
    weights, offset = model.coef_[0], float(model.intercept_[0])
    starts = range(0, len(pool.rows), AT_ONCE)
    odds = [pool.rows[start : start + AT_ONCE].astype(np.float64) @ weights for start in starts]
    rounded: Odds = np.rint((np.concatenate(odds) + offset) * ODDS_STEPS) / ODDS_STEPS
    return rounded


def farthest_first(rows: Floats, candidates: Places, known: Places, *, count: int) -> list[int]:
    """Choose candidates one by one, each the least like all that are known or chosen.

    Parameters
    ----------
    candidates : array, shape (m,)
        Places in `rows`; of equals the first.

    Source: Gonzalez, Clustering to minimize the maximum intercluster distance, 1985.
    """
    own = rows[candidates]
    likeness = np.full(len(candidates), -np.inf)
    if len(known):
        likeness = np.asarray((own @ rows[known].T).max(axis=1, initial=-np.inf), np.float64)
    chosen: list[int] = []
    for _ in range(min(count, len(candidates))):
        best = int(np.rint(likeness * ODDS_STEPS).argmin())
        chosen.append(int(candidates[best]))
        likeness = np.maximum(likeness, own @ own[best])
        likeness[best] = np.inf
    return chosen


def side_by_side(spaces: Sequence[dict[str, Floats]]) -> Floats:
    """All vectors of each row at length 1, one beside the other; a missing one is zeros.

    Parameters
    ----------
    spaces : sequence of dicts
        For each row: name -> vector. Vectors of one name and another size are of another model, and apart.

    Returns
    -------
    array, shape (n, dim); each row of length 1, or 0 where nothing is there
    """
    blocks = sorted({(name, len(vector)) for own in spaces for name, vector in own.items()})
    starts = dict(zip(blocks, np.cumsum([0, *(size for _, size in blocks)]).tolist(), strict=False))
    rows = np.zeros((len(spaces), sum(size for _, size in blocks)), np.float32)
    for row, own in zip(rows, spaces, strict=True):
        for name, vector in own.items():
            start = starts[name, len(vector)]
            row[start : start + len(vector)] = _unit(vector)
        row[:] = _unit(row)
    return rows


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return vector if length == 0 else (vector / length).astype(np.float32)


def _plan(judged: Judged) -> tuple[Why, ...]:
    if judged.teaches:
        return ROUND
    return ROUND_FOR_CONTRAST if judged.truth.any() else ROUND_AT_FIRST


def _kinds(judged: Judged) -> list[tuple[Why, int]]:
    plan = _plan(judged)
    return [(why, plan.count(why)) for why in dict.fromkeys(plan)]


def _order(why: Why, likely: Odds, keys: Sequence[str]) -> Places:
    match why:
        case "unsure":
            return np.argsort(np.abs(likely), kind="stable")
        case "likely" | "words":
            return np.argsort(-likely, kind="stable")
        case "unlike":
            return np.argsort(likely, kind="stable")
        case "new":
            return np.array(sorted(range(len(keys)), key=lambda place: _lot(keys[place])), np.int64)


def _lot(key: str) -> bytes:
    """The same lot for the same segment, whatever else is there."""
    return hashlib.sha256(key.encode()).digest()


def _chance(odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(odds, -500, 500))))


def _interleaved(chosen: list[Asked], plan: tuple[Why, ...]) -> list[Asked]:
    """Put a round into the order of its plan; kinds that ran short leave no gaps."""
    waiting = {why: [a for a in chosen if a.why == why] for why in plan}
    return [waiting[why].pop(0) for why in plan if waiting[why]]
