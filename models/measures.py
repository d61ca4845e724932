"""How good predictions are: every error beside the constant's, with an interval over groups."""

import numpy as np
from numpy.typing import NDArray

from models.calibration import calibration_error

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Groups = NDArray[np.int64]

BOOTSTRAPS = 1000
SEED = 20171114
"""Fixed, so that the same table gives the same report."""


def regression_measures(truth: Floats, values: Floats, *, constants: Floats, groups: Groups) -> dict[str, float]:
    """Errors of values and of the constant, and how much of the constant's is gone.

    Parameters
    ----------
    constants : array, shape (n,)
        What the training side's mean says of each row.

    Returns
    -------
    dict
        ``r2_low`` and ``r2_high`` hold 90 % of resamplings of whole groups.
    """
    squared, constant = (truth - values) ** 2, (truth - constants) ** 2
    low, high = r2_interval(squared, constant, groups)
    return {
        "mse": float(squared.mean()),
        "mse_constant": float(constant.mean()),
        "mae": float(np.abs(truth - values).mean()),
        "mae_constant": float(np.abs(truth - constants).mean()),
        "r2": float(1 - squared.mean() / constant.mean()) if constant.any() else 0.0,
        "r2_low": low,
        "r2_high": high,
        "rho": rank_correlation(truth, values),
    }


def r2_interval(squared: Floats, constant: Floats, groups: Groups) -> tuple[float, float]:
    """5 % and 95 % quantiles of R2 over resampled groups.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, cluster bootstrap.
    """
    dense = np.unique(groups, return_inverse=True)[1]
    ours, theirs = np.bincount(dense, squared), np.bincount(dense, constant)
    times = np.random.default_rng(SEED).multinomial(len(ours), np.full(len(ours), 1 / len(ours)), size=BOOTSTRAPS)
    bottom = times @ theirs
    low, high = np.quantile(1 - (times @ ours)[bottom > 0] / bottom[bottom > 0], (0.05, 0.95))
    return float(low), float(high)


def rank_correlation(truth: Floats, values: Floats) -> float:
    """Spearman's rho; 0 where one side never varies."""
    from scipy.stats import spearmanr

    if not np.ptp(truth) or not np.ptp(values):
        return 0.0
    return float(spearmanr(truth, values).statistic)


def interval_measures(truth: Floats, low: Floats, high: Floats) -> dict[str, float]:
    """How often intervals held the truth, and how wide they were."""
    inside = (low <= truth) & (truth <= high)
    return {"coverage_90": float(inside.mean()), "interval_width": float((high - low).mean())}


def probability_measures(truth: Bools, chances: Floats) -> dict[str, float]:
    """Brier score beside that of saying the share always, calibration error, area under the ROC curve."""
    share = float(truth.mean())
    brier, constant = float(((chances - truth) ** 2).mean()), share * (1 - share)
    return {
        "success_share": share,
        "success_auc": area_under_curve(truth, chances),
        "brier": brier,
        "brier_constant": constant,
        "brier_skill": 1 - brier / constant if constant else 0.0,
        "ece": calibration_error(chances, truth),
    }


def area_under_curve(truth: Bools, scores: Floats) -> float:
    """Chance that a success scores above a failure; half where there is only one kind."""
    from scipy.stats import rankdata

    wins = int(truth.sum())
    losses = len(truth) - wins
    if not wins or not losses:
        return 0.5
    return float((rankdata(scores)[truth].sum() - wins * (wins + 1) / 2) / (wins * losses))


def average_precision(truth: Bools, scores: Floats) -> float:
    """Mean of the precisions at each found success, ties taken together; 0 where there is none."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, scores)) if truth.any() else 0.0


def classification_measures(truth: Bools, scores: Floats, *, threshold: float = 0.5) -> dict[str, float]:
    """The figures of the WarnerMedia table for one class."""
    said = scores >= threshold
    right = int((said & truth).sum())
    recall = right / max(int(truth.sum()), 1)
    return {
        "ap": average_precision(truth, scores),
        "auc": area_under_curve(truth, scores),
        "accuracy": float((said == truth).mean()),
        "recall": recall,
        "f1": 2 * right / max(int(said.sum()) + int(truth.sum()), 1),
        "ece": calibration_error(scores, truth) if (scores.min() >= 0 and scores.max() <= 1) else float("nan"),
    }
