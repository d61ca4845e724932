"""How wrong a prediction may be, learned from groups it was not taught on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRID = 400
"""Points of the stored distribution of errors: probabilities come in steps of 0.25 %."""


@dataclass(frozen=True)
class ErrorDistribution:
    """Errors (truth minus prediction) for a video of a group never seen; divided by its scale where it has one.

    Attributes
    ----------
    quantiles : array, shape (GRID,), ascending
        At levels (i + 0.5) / GRID.
    low, high : float
        Offsets of an interval that holds the truth in `level` of cases; infinite where too few groups were seen
        to say so much.
    """

    quantiles: Floats
    low: float
    high: float
    level: float


def learn_scaled_errors(
    errors: Floats, scales: Floats, groups: NDArray[np.int64], *, level: float = 0.9
) -> ErrorDistribution:
    """Describe errors in units of how large they were expected to be, so that each group counts once.

    The offsets are those of one group more than were seen, so that few groups give wide intervals; with
    fewer than 19 at 90 % nothing can be said, and they are infinite.

    Parameters
    ----------
    errors : array, shape (n,)
        Truth minus the prediction of a fit that saw nothing of the row's group.
    scales : array, shape (n,), above zero
        The error expected of each row, by a fit that saw nothing of its group either.

    Source: Papadopoulos, Vovk and Gammerman, Regression conformal prediction with nearest neighbours, 2011 (normalised);
    Vovk, Cross-conformal predictors, 2015; Dunn, Wasserman and Ramdas, Distribution-free prediction sets for two-layer
    hierarchical models, 2022 (each group weighs the same).
    """
    count = len(np.unique(groups))
    outer = math.ceil((count + 1) * (1 + level) / 2) / count
    levels = np.array([1 - min(outer, 1.0), min(outer, 1.0), *((np.arange(GRID) + 0.5) / GRID)])
    weights = 1.0 / np.bincount(groups)[groups]
    low, high, *quantiles = _weighted_quantiles(errors / scales, weights, levels)
    if outer > 1:
        low, high = -math.inf, math.inf
    return ErrorDistribution(np.array(quantiles), float(low), float(high), level)


def intervals(
    values: Floats, scales: Floats, errors: ErrorDistribution, *, limits: tuple[float, float] | None
) -> tuple[Floats, Floats]:
    """Lower and upper ends for predictions, each of shape (n,), inside the target's limits."""
    low, high = values + errors.low * scales, values + errors.high * scales
    smallest, largest = limits or (-math.inf, math.inf)
    return np.clip(low, smallest, largest), np.clip(high, smallest, largest)


def _weighted_quantiles(values: Floats, weights: Floats, levels: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order])
    places = np.searchsorted(shares, levels * shares[-1])
    quantiles: Floats = values[order][np.minimum(places, len(values) - 1)]
    return quantiles


def probability_above(values: Floats, threshold: float, errors: ErrorDistribution) -> Floats:
    """Chance that the truth is above `threshold`, for each predicted value: shape (n,), in [0, 1]."""
    below = np.searchsorted(errors.quantiles, threshold - values, side="right")
    chance: Floats = 1.0 - below / len(errors.quantiles)
    return chance


def coverage(truth: Floats, values: Floats, errors: ErrorDistribution) -> float:
    """Share of cases in which the interval held the truth."""
    inside = (values + errors.low <= truth) & (truth <= values + errors.high)
    return float(inside.mean())
