"""Past videos that a release carries, so that a new one can be compared with those like it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.levers import LEVERS, SHAPE, choices_of, lever_numbers
from models.pooling import sums
from schemas.errors import ReleaseInvalid
from schemas.summaries import Summarised
from schemas.targets import Measure

Floats = NDArray[np.float64]
Scale = Literal["log10", "ratio", "points"]

MOST = 5000
"""Videos that a release carries: 2.0 MB, nearly all of it topics (384 bytes each)."""

SEED = 20171114
"""Fixed, so that the same rows leave the same comparables."""

TOPIC_STEPS = 127
"""A topic of length 1 is kept in so many steps: sums of its products stay far below 2**24, so float32 adds them exactly."""

RESIDUAL_STEPS = 2**20
"""The largest residual in steps, so that sums over videos and weights are exact in float64."""

TOPIC_BLOCKS = ("video/text", "segments/text")

_SHAPES = {"topics": np.int8, "residuals": np.float32, "groups": np.int32, "choices": np.int8, "categories": np.int16}


@dataclass(frozen=True)
class Facets:
    """What of each video is compared.

    Attributes
    ----------
    topics : array of int8, shape (n, dim)
        What it is about; all zero when nobody knows.
    choices : array of int8, shape (n, levers)
    categories : tuple of str
    """

    topics: NDArray[np.int8]
    choices: NDArray[np.int8]
    categories: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.topics)


class ComparableFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What of the comparables is no array.

    Attributes
    ----------
    levers : tuple
        Name and number of choices of each column of choices.
    topic_block : str
        The pooled vector that says what a video is about.
    low_below : float
        A prediction below it is a low score: the median of the training truth, or the share of yes among yes and no.
    scale : str
        How a difference becomes per cent: ``log10``, ``ratio`` to `typical`, or not at all (``points``).
    typical : float
        The training mean.
    step : float
        Residuals are whole numbers of it.
    rows : int
        Training rows that the comparables were drawn from.
    told_share, luck_share : float
        Of the comparables, the share that is told anything, and the same where outcomes were dealt out by chance.
    beats_luck : bool
        Whether more are told than in each of these deals.
    """

    levers: tuple[tuple[str, int], ...]
    topic_block: str
    categories: tuple[str, ...]
    low_below: float
    scale: Scale
    unit: str
    typical: float
    step: float
    rows: int
    told_share: float = 0.0
    luck_share: float = 0.0
    beats_luck: bool = False

    @property
    def caveat(self) -> str:
        """What whoever reads a suggestion should know; empty when luck is no likely explanation."""
        if self.beats_luck:
            return ""
        real, lucky = (f"{share * 100:.1f} %" for share in (self.told_share, self.luck_share))
        return (
            f"suggestions may be luck: {real} of past videos would get one, and {lucky} would if outcomes "
            "had been dealt out by chance"
        )


@dataclass(frozen=True)
class Comparables:
    """Past videos, those of one group next to each other; `n` at most `MOST`.

    Attributes
    ----------
    topics : array of int8, shape (n, dim)
    residuals : array of float32, shape (n,)
        How much better each did than was expected of it by fits that saw neither its group nor any lever.
    groups : array of int32, shape (n,), ascending
    choices : array of int8, shape (n, levers)
    categories : array of int16, shape (n,)
        Places in `facts.categories`.
    """

    facts: ComparableFacts
    topics: NDArray[np.int8]
    residuals: NDArray[np.float32]
    groups: NDArray[np.int32]
    choices: NDArray[np.int8]
    categories: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.topics)

    @cached_property
    def directions(self) -> NDArray[np.float32]:
        """Topics ready to be multiplied, shape (n, dim)."""
        return self.topics.astype(np.float32)

    @cached_property
    def squares(self) -> NDArray[np.int64]:
        """Each topic by itself, shape (n,)."""
        squares: NDArray[np.int64] = (self.topics.astype(np.int64) ** 2).sum(axis=1)
        return squares

    @cached_property
    def steps(self) -> Floats:
        """Residuals in whole steps, shape (n,)."""
        return np.rint(self.residuals.astype(np.float64) / self.facts.step)

    @cached_property
    def membership(self) -> Floats:
        """1 where a video has made a choice: shape (n, choices of all levers)."""
        columns = [self.choices[:, i] == c for i, lever in enumerate(LEVERS) for c in range(len(lever.choices))]
        return np.stack(columns, axis=1).astype(np.float64)

    @cached_property
    def by_category(self) -> dict[str, NDArray[np.int64]]:
        """Places of the videos of each category."""
        return {name: np.flatnonzero(self.categories == i) for i, name in enumerate(self.facts.categories)}


def scale_of(measure: Measure) -> Scale:
    """Say how differences in a measure become per cent.

    >>> scale_of(Measure(name="views", formula="log_count", unit="log10 of views"))
    'log10'
    """
    if measure.scale != "none":
        return "points"
    scales: dict[str, Scale] = {"log_count": "log10", "engagement": "ratio"}
    return scales.get(measure.formula, "points")


def topic_block_of(summaries: Sequence[Summarised]) -> str:
    """The vector that most videos have: the title's words before the spoken ones."""
    counts = {name: sum(name in summary.pooled for summary in summaries) for name in TOPIC_BLOCKS}
    return max(TOPIC_BLOCKS, key=lambda name: counts[name])


def facets_of(summaries: Sequence[Summarised], topic_block: str) -> Facets:
    """Read what is compared off summaries; each row depends on its own summary only.

    Raises
    ------
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    vectors = [_topic_of(summary, topic_block) for summary in summaries]
    dim = max(map(len, vectors), default=0)
    topics = np.array([v if len(v) == dim else np.zeros(dim, np.int8) for v in vectors], np.int8)
    choices = choices_of([lever_numbers(summary) for summary in summaries])
    return Facets(topics.reshape(len(summaries), dim), choices, tuple(s.metadata.category for s in summaries))


def _topic_of(summary: Summarised, topic_block: str) -> NDArray[np.int8]:
    pooled = summary.pooled.get(topic_block)
    return np.zeros(0, np.int8) if pooled is None else topic(sums(pooled).astype(np.float64))


def topic(vector: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.int8]:
    """Bring a vector to length 1 and to few steps, shape (dim,); zeros stay zeros."""
    floats = vector.astype(np.float64)
    length = float(np.sqrt((floats**2).sum()))
    return np.rint(floats * (TOPIC_STEPS / length if length else 0.0)).astype(np.int8)


def learn_comparables(
    facets: Facets,
    residuals: Floats,
    *,
    truth: Floats,
    groups: NDArray[np.int64],
    topic_block: str,
    scale: Scale,
    unit: str,
) -> Comparables:
    """Keep what later videos are compared with: at most `MOST` rows, drawn with a fixed seed.

    Parameters
    ----------
    residuals : array, shape (n,)
        See `models.estimators.unexplained`; NaN where no fold held the row out, and such rows are left out.
    truth, groups : array, shape (n,)
    """
    usable = np.flatnonzero(~np.isnan(residuals) & facets.topics.any(axis=1))
    drawn = np.random.default_rng(SEED).permutation(usable)[:MOST]
    kept = drawn[np.lexsort((drawn, groups[drawn]))]
    names = tuple(sorted({facets.categories[place] for place in kept} - {""}))
    step = _step(residuals[kept])
    facts = ComparableFacts(
        levers=SHAPE,
        topic_block=topic_block,
        categories=names,
        low_below=_low_below(truth),
        scale=scale,
        unit=unit,
        typical=float(truth.mean()) if len(truth) else 0.0,
        step=step,
        rows=len(residuals),
    )
    numbers = {name: number for number, name in enumerate(names)}
    return Comparables(
        facts=facts,
        topics=facets.topics[kept],
        residuals=(np.rint(residuals[kept] / step) * step).astype(np.float32),
        groups=np.unique(groups[kept], return_inverse=True)[1].astype(np.int32),
        choices=facets.choices[kept],
        categories=np.array([numbers.get(facets.categories[place], -1) for place in kept], np.int16),
    )


def _low_below(truth: Floats) -> float:
    if not len(truth):
        return 0.0
    is_yes_or_no = np.isin(truth, (0.0, 1.0)).all()
    return float(truth.mean() if is_yes_or_no else np.median(truth))


def _step(residuals: Floats) -> float:
    """A power of two of which the largest residual is at most `RESIDUAL_STEPS`."""
    largest = float(np.abs(residuals).max(initial=0.0)) or 1.0
    return float(2.0 ** np.ceil(np.log2(largest / RESIDUAL_STEPS)))


def to_arrays(comparables: Comparables) -> dict[str, NDArray[np.generic]]:
    """Plain arrays for a release; `Comparables.facts` goes beside them as JSON."""
    return {name: getattr(comparables, name) for name in _SHAPES}


def restored_comparables(facts: ComparableFacts, arrays: Mapping[str, NDArray[np.generic]]) -> Comparables:
    """Make the comparables that gave the arrays.

    Raises
    ------
    ReleaseInvalid
        An array is absent or of another shape or type, or the levers are those of another version.
    """
    if facts.levers != SHAPE:
        raise ReleaseInvalid("the release compares videos by other features than this version does; train again")
    absent = sorted(_SHAPES.keys() - arrays.keys())
    if absent:
        raise ReleaseInvalid(f"the release's comparables lack {', '.join(absent)}; train again")
    for name, wanted in _SHAPES.items():
        _check(name, arrays[name], np.dtype(wanted), len(arrays["groups"]))
    # `_check` has looked at every type; mypy cannot see that
    comparables = Comparables(facts, **{name: arrays[name] for name in _SHAPES})  # type: ignore[arg-type]
    _check_contents(comparables)
    return comparables


def _check(name: str, array: NDArray[np.generic], dtype: np.dtype[np.generic], count: int) -> None:
    dims = 2 if name in ("topics", "choices") else 1
    if array.dtype != dtype or array.ndim != dims or len(array) != count or count > MOST:
        raise ReleaseInvalid(
            f"comparables {name!r}: expected {dims} dimensions of {dtype} for at most {MOST} videos, "
            f"got {array.shape} {array.dtype}; train again"
        )


def _check_contents(comparables: Comparables) -> None:
    groups, step = comparables.groups, comparables.facts.step
    is_sound = (
        np.isfinite(comparables.residuals).all()
        and step > 0
        and np.abs(comparables.residuals).max(initial=0.0) <= RESIDUAL_STEPS * step
        and comparables.choices.shape[1] == len(LEVERS)
        and (np.diff(groups) >= 0).all()
        and (comparables.categories < len(comparables.facts.categories)).all()
        and ((groups >= 0) & (groups < len(groups))).all()
    )
    if not is_sound:
        raise ReleaseInvalid("the release's comparables hold numbers that are not possible; train again")
