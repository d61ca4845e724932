"""Scores to probabilities that mean what they say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ReleaseInvalid

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BINS = 10
"""Of the calibration error: equally many rows in each."""

STEPS = 20
"""Newton steps; a fit of two numbers takes about six."""

LEAST_CHANCE = 0.001
"""Nothing is impossible and nothing is certain, however the past went."""

FEWEST_FOR_ISOTONIC = 1000
"""With fewer rows its stairs follow noise."""


class Calibrator(Protocol):
    """Turns scores into probabilities, the higher the score the higher the chance."""

    def chances(self, scores: Floats) -> Floats:
        """Probabilities, shape (n,)."""

    def to_arrays(self) -> dict[str, Floats]:
        """Plain arrays for a release."""


@dataclass(frozen=True)
class Sigmoid:
    """An S-curve.

    Source: Platt, Probabilistic outputs for support vector machines, 1999.
    """

    slope: float
    offset: float

    def chances(self, scores: Floats) -> Floats:
        return _bounded(_logistic(self.slope * scores + self.offset))

    def to_arrays(self) -> dict[str, Floats]:
        return {"sigmoid": np.array([self.slope, self.offset])}


@dataclass(frozen=True)
class Isotonic:
    """Straight lines between points of a rising curve.

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, 2002.
    """

    at: Floats
    chance: Floats

    def chances(self, scores: Floats) -> Floats:
        return _bounded(np.interp(scores, self.at, self.chance))

    def to_arrays(self) -> dict[str, Floats]:
        return {"isotonic_at": self.at, "isotonic_chance": self.chance}


def restored_calibrator(arrays: Mapping[str, Floats]) -> Calibrator:
    """Make the calibrator that gave the arrays.

    Raises
    ------
    ReleaseInvalid
        They are of neither kind.
    """
    if "sigmoid" in arrays:
        slope, offset = arrays["sigmoid"].tolist()
        return Sigmoid(slope, offset)
    if "isotonic_at" in arrays:
        return Isotonic(np.asarray(arrays["isotonic_at"]), np.asarray(arrays["isotonic_chance"]))
    raise ReleaseInvalid(f"expected a sigmoid or isotonic calibrator, got arrays {sorted(arrays)}; train again")


def learn_sigmoid(scores: Floats, truth: Bools) -> Sigmoid:
    """Fit an S-curve by maximum likelihood to targets that are a little less sure than 0 and 1.

    Parameters
    ----------
    scores : array, shape (n,)
        Out of fold.
    """
    wins = int(truth.sum())
    hoped = np.where(truth, (wins + 1) / (wins + 2), 1 / (len(truth) - wins + 2))
    middle, spread = float(scores.mean()), float(scores.std()) or 1.0
    columns = np.stack([(scores - middle) / spread, np.ones(len(scores))], axis=1)
    found: Floats = np.array([0.0, np.log(hoped.mean() / (1 - hoped.mean()))])
    for _ in range(STEPS):
        found = _improved(columns, hoped, found)
    slope = max(float(found[0]), 0.0) / spread  # a score that misleads says nothing
    offset = float(found[1]) - slope * middle if slope else float(np.log(hoped.mean() / (1 - hoped.mean())))
    return Sigmoid(slope, offset)


def _improved(columns: Floats, hoped: Floats, found: Floats) -> Floats:
    chance = _logistic(columns @ found)
    curve = columns.T @ (columns * (chance * (1 - chance))[:, None]) + np.eye(2) * 1e-9
    step = np.linalg.solve(curve, columns.T @ (hoped - chance))
    improved: Floats = found + np.clip(step, -4.0, 4.0)
    return improved


def learn_isotonic(scores: Floats, truth: Bools) -> Isotonic:
    """Fit a rising curve by pooling neighbours that fall.

    Source: Ayer et al., An empirical distribution function for sampling with incomplete information, 1955.
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, truth.astype(np.float64))
    return Isotonic(np.asarray(fitted.X_thresholds_), np.asarray(fitted.y_thresholds_))


def learn_calibrator(scores: Floats, truth: Bools, folds: NDArray[np.int64]) -> Calibrator:
    """Keep the S-curve unless there is much data and the free curve is better on held-out folds.

    Parameters
    ----------
    folds : array, shape (n,)
        For each row the number of the fold that held it out.
    """
    if len(scores) < FEWEST_FOR_ISOTONIC:
        return learn_sigmoid(scores, truth)
    losses = [_loss(_out_of_fold(learn, scores, truth, folds), truth) for learn in (learn_sigmoid, learn_isotonic)]
    return learn_isotonic(scores, truth) if losses[1] < losses[0] else learn_sigmoid(scores, truth)


def cross_calibrated(scores: Floats, truth: Bools, folds: NDArray[np.int64]) -> Floats:
    """Probabilities of each row, the calibrator learned on the other folds: shape (n,)."""
    chances = np.empty(len(scores))
    for fold in np.unique(folds):
        held = folds == fold
        chances[held] = learn_calibrator(scores[~held], truth[~held], folds[~held]).chances(scores[held])
    return chances


def _out_of_fold(
    learn: Callable[[Floats, Bools], Calibrator], scores: Floats, truth: Bools, folds: NDArray[np.int64]
) -> Floats:
    chances = np.empty(len(scores))
    for fold in np.unique(folds):
        held = folds == fold
        chances[held] = learn(scores[~held], truth[~held]).chances(scores[held])
    return chances


def _loss(chances: Floats, truth: Bools) -> float:
    return float(-np.log(np.where(truth, chances, 1 - chances)).mean())


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of about the same probability: what was said of them, and what came."""

    rows: int
    said: float
    came: float


def reliability(chances: Floats, truth: Bools, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Sort rows into bins of equally many, from the least likely to the most."""
    order = np.argsort(chances, kind="stable")
    parts = (part for part in np.array_split(order, bins) if len(part))
    return tuple(ReliabilityBin(len(p), float(chances[p].mean()), float(truth[p].mean())) for p in parts)


def calibration_error(chances: Floats, truth: Bools, bins: int = BINS) -> float:
    """Mean distance of what was said and what came, over bins of equally many rows (ECE).

    Source: Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, 2015;
    equal-mass bins as in Nixon et al., Measuring calibration in deep learning, 2019.
    """
    found = reliability(chances, truth, bins)
    return sum(bin.rows * abs(bin.said - bin.came) for bin in found) / max(len(chances), 1)


def _logistic(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(values, -500, 500)))


def _bounded(chances: Floats) -> Floats:
    return np.clip(chances, LEAST_CHANCE, 1 - LEAST_CHANCE)
