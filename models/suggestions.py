"""What a creator might change: how videos like this one did that were made otherwise.

An observation of the past, not a promise: nobody changed those videos to see what happens. On outcomes
dealt out by chance `benchmarks.suggestions` counts how often something is suggested all the same.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.comparables import ComparableFacts, Comparables, Facets, Scale, facets_of
from models.levers import LEVERS, UNKNOWN, Lever
from schemas.summaries import Summarised

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

NEAREST = 200
FEWEST_VIDEOS = 30
FEWEST_GROUPS = 10
FALSE_SHARE = 0.05
"""Of all that is suggested for a video, at most so much by luck."""

LEVEL = 0.9
DRAWS = 400
SEED = 20171114
"""Fixed: the same video and release give the same words."""

WEIGHT_STEPS = 256
_LOT = 256
_STARTS = np.concatenate([[0], np.cumsum([len(lever.choices) for lever in LEVERS])])


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """How videos like this one did that made another choice.

    Attributes
    ----------
    feature : str
        The lever's name.
    present, suggested : str
        The choice of this video and the other one, in words that follow "those".
    change, low, high : float
        How much better the others did than expected, beside those with the present choice; in `unit`, with the
        ends of its interval of `level`.
    change_percent, low_percent, high_percent : float or None
        The same in per cent, where the unit has a zero.
    videos, groups : int
        How many similar videos it rests on, of both choices together, and of how many channels they are.
    """

    feature: str
    present: str
    suggested: str
    change: float
    low: float
    high: float
    unit: str
    level: float
    videos: int
    groups: int
    change_percent: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None

    @property
    def words(self) -> str:
        """The suggestion as a sentence that promises nothing."""
        return (
            f"of {self.videos} similar videos from {self.groups} channels, those {self.suggested} "
            f"did {self._measured}, compared with those {self.present}"
        )

    @property
    def _measured(self) -> str:
        if self.change_percent is None or self.low_percent is None or self.high_percent is None:
            return f"{self.change:.3g} better than expected ({self.low:.3g} to {self.high:.3g}; {self.unit})"
        low, high = round(self.low_percent), round(self.high_percent)
        return f"{round(self.change_percent)} % better than expected ({low} to {high} %)"


@dataclass(frozen=True)
class _Sums:
    """Of the videos near one: how many of each group made each choice, and what their residuals add up to.

    Both have the shape (groups, choices of all levers).
    """

    groups: NDArray[np.int32]
    counts: Floats
    totals: Floats


@dataclass(frozen=True)
class _Finding:
    lever: int
    present: int
    other: int
    surprise: float


def suggest_to(
    summaries: Sequence[Summarised], values: Floats, comparables: Comparables
) -> list[tuple[Suggestion, ...]]:
    """Compare each summarised video whose score is low; one that is still being processed has to wait.

    Parameters
    ----------
    values : array, shape (n,)
        Predictions, in the order of the summaries.

    Raises
    ------
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    told: list[tuple[Suggestion, ...]] = [()] * len(summaries)
    is_low = (values < comparables.facts.low_below).tolist()
    places = [place for place, summary in enumerate(summaries) if is_low[place] and summary.final]
    facets = facets_of([summaries[place] for place in places], comparables.facts.topic_block)
    for place, suggestions in zip(places, suggest(facets, values[places], comparables), strict=True):
        told[place] = suggestions
    return told


def suggest(facets: Facets, values: Floats, comparables: Comparables) -> list[tuple[Suggestion, ...]]:
    """Compare each video whose score is low with those like it; the other videos do not change its answer.

    Parameters
    ----------
    values : array, shape (n,)
        Predictions; at or above `ComparableFacts.low_below` nothing is suggested.

    Returns
    -------
    list of tuples, the largest change first
    """
    told: list[tuple[Suggestion, ...]] = [()] * len(facets)
    if not len(comparables) or facets.topics.shape[1] != comparables.topics.shape[1]:
        return told
    low = np.flatnonzero((values < comparables.facts.low_below) & facets.topics.any(axis=1))
    for first in range(0, len(low), _LOT):
        lot = low[first : first + _LOT]
        likeness = facets.topics[lot].astype(np.float32) @ comparables.directions.T
        for place, row in zip(lot.tolist(), likeness.astype(np.int64), strict=True):
            near = _nearest(row, facets.categories[place], facets.topics[place], comparables)
            told[place] = _suggestions(facets.choices[place], near, comparables)
    return told


def _nearest(likeness: Places, category: str, topic: NDArray[np.int8], comparables: Comparables) -> Places:
    """Places of the nearest within the category, or among all where it has few; ties go to the earlier place.

    A video of the very same topic is left out: it is the video itself, or a copy.

    Source: Cauchy and Schwarz: only the same vector gives the product of both lengths.
    """
    pool = comparables.by_category.get(category, np.zeros(0, np.int64))
    pool = pool if len(pool) >= NEAREST else np.arange(len(comparables))
    square = int((topic.astype(np.int64) ** 2).sum())
    pool = pool[(likeness[pool] != square) | (comparables.squares[pool] != square)]
    keys = likeness[pool] * len(comparables) - pool
    if len(pool) > NEAREST:
        pool = pool[np.argpartition(keys, len(keys) - NEAREST)[-NEAREST:]]
    return np.sort(pool)


def _suggestions(choices: NDArray[np.int8], near: Places, comparables: Comparables) -> tuple[Suggestion, ...]:
    sums = _sums(near, comparables)
    findings = _lasting(_findings(choices, sums))
    best: dict[int, _Finding] = {}
    for finding in sorted(findings, key=lambda f: -f.surprise):
        best.setdefault(finding.lever, finding)
    told = (_told(finding, sums, comparables.facts) for finding in best.values())
    kept = [suggestion for suggestion in told if suggestion.low > 0]
    return tuple(sorted(kept, key=lambda suggestion: (-suggestion.change, suggestion.feature)))


def _sums(near: Places, comparables: Comparables) -> _Sums:
    groups = comparables.groups[near]
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    member = comparables.membership[near]
    counts = np.add.reduceat(member, starts, axis=0)
    totals = np.add.reduceat(member * comparables.steps[near, None], starts, axis=0)
    return _Sums(groups[starts], counts, totals)


def _findings(choices: NDArray[np.int8], sums: _Sums) -> list[_Finding]:
    """Everything that can be tried for this video, with Student's t of the difference as a normal deviate.

    Source: Cochran, Sampling techniques, 1977: ratio estimators, whole groups being drawn.
    """
    present, other, lever = _pairs(choices, sums)
    if not len(present):
        return []
    size, groups = sums.counts.sum(axis=0), (sums.counts > 0).sum(axis=0)
    means = sums.totals.sum(axis=0) / np.maximum(size, 1)
    pulls = (sums.totals - means * sums.counts) / np.maximum(size, 1)
    all_groups = len(sums.groups)
    spread = ((pulls[:, other] - pulls[:, present]) ** 2).sum(axis=0) * all_groups / (all_groups - 1)
    freedom = np.minimum(groups[present], groups[other]) - 1
    gain = means[other] - means[present]
    measured = zip(lever, present, other, gain, np.sqrt(spread), freedom, strict=True)
    return [_Finding(int(i), int(p), int(o), _deviate(g, s, f)) for i, p, o, g, s, f in measured]


def _pairs(choices: NDArray[np.int8], sums: _Sums) -> tuple[Places, Places, Places]:
    """Columns of the present and of another choice, and the lever, wherever both have enough behind them."""
    enough = (sums.counts.sum(axis=0) >= FEWEST_VIDEOS) & ((sums.counts > 0).sum(axis=0) >= FEWEST_GROUPS)
    found = [
        (present, other, number)
        for number, choice in enumerate(choices.tolist())
        if choice != UNKNOWN and enough[present := int(_STARTS[number]) + choice]
        for other in range(int(_STARTS[number]), int(_STARTS[number + 1]))
        if other != present and enough[other]
    ]
    columns = np.array(found, np.int64).reshape(len(found), 3)
    return columns[:, 0], columns[:, 1], columns[:, 2]


def _deviate(gain: float, error: float, freedom: int) -> float:
    """Turn Student's t into a normal deviate, right to a hundredth from 9 degrees of freedom on.

    Source: Wallace, Bounds on normal approximations to Student's and the chi-square distributions, 1959.
    """
    if not error:
        return 0.0
    t = gain / error
    size = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom))
    return math.copysign(size, t)


def _lasting(findings: list[_Finding]) -> list[_Finding]:
    """What is better by more than luck, all tries counted, the worse ones too.

    Source: Benjamini and Hochberg, Controlling the false discovery rate, 1995.
    """
    ranked = sorted(findings, key=lambda finding: -abs(finding.surprise))
    chances = [math.erfc(abs(finding.surprise) / math.sqrt(2)) for finding in ranked]
    passed = [i for i, chance in enumerate(chances) if chance <= FALSE_SHARE * (i + 1) / len(chances)]
    return [finding for finding in ranked[: max(passed, default=-1) + 1] if finding.surprise > 0]


def _told(finding: _Finding, sums: _Sums, facts: ComparableFacts) -> Suggestion:
    lever: Lever = LEVERS[finding.lever]
    start = int(_STARTS[finding.lever])
    pair = [finding.other, finding.present]
    behind = sums.counts[:, pair].sum(axis=1)
    change, low, high = (facts.step * steps for steps in _interval(sums, pair))
    percents = _percents((change, low, high), facts)
    return Suggestion(
        feature=lever.name,
        present=lever.choices[finding.present - start],
        suggested=lever.choices[finding.other - start],
        change=change,
        low=low,
        high=high,
        unit=facts.unit,
        level=LEVEL,
        videos=int(behind.sum()),
        groups=int((behind > 0).sum()),
        **dict(zip(("change_percent", "low_percent", "high_percent"), percents, strict=False)),
    )


def _interval(sums: _Sums, pair: list[int]) -> Iterator[float]:
    """The difference and the ends of its interval, in steps, whole groups being drawn.

    Each draw weighs groups by chance instead of leaving some out, so no side is ever empty. Sums are of whole
    numbers below 2**53: exact in any order.

    Source: Rubin, The Bayesian bootstrap, 1981.
    """
    counts, totals = sums.counts[:, pair], sums.totals[:, pair]
    yield from _differences(counts.sum(axis=0)[None], totals.sum(axis=0)[None]).tolist()
    weights = _weights()[:, : len(counts)]
    drawn = _differences(weights @ counts, weights @ totals)
    yield from np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()


def _differences(counts: Floats, totals: Floats) -> Floats:
    means = totals / counts
    return means[:, 0] - means[:, 1]


@cache
def _weights() -> Floats:
    """Weights of groups in each draw, in whole steps and never 0: shape (DRAWS, NEAREST)."""
    drawn = np.random.default_rng(SEED).standard_exponential((DRAWS, NEAREST))
    return np.maximum(np.rint(drawn * WEIGHT_STEPS), 1.0)


def _percents(changes: tuple[float, ...], facts: ComparableFacts) -> tuple[float, ...]:
    """The changes in per cent; nothing for a scale without a zero."""
    scale: Scale = facts.scale
    if scale == "log10":
        return tuple((10**change - 1) * 100 for change in changes)
    if scale == "ratio" and facts.typical > 0:
        return tuple(change / facts.typical * 100 for change in changes)
    return ()
