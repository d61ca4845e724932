"""Learning a target from rows, and measuring honestly how well on groups never seen."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.conformal import ErrorDistribution, learn_errors, probability_above
from models.layout import Layout, Table, full_layout, named_numbers
from models.ridge import Ridge, cross_predict, fit, predict, rows
from schemas.errors import TrainingImpossible
from schemas.summaries import Summarised

FOLDS = 5
MIN_SHARE = 0.05
"""A block that fewer rows have teaches nothing that lasts."""

SUCCESS_QUANTILE = 0.8
"""A success is to be among the best fifth."""

BOOTSTRAPS = 1000
SEED = 20171114
"""Fixed, so that the same table gives the same report."""

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]


@dataclass(frozen=True)
class Lesson:
    """What is to be learned: rows, the truth about each, and who made them.

    Attributes
    ----------
    target : array, shape (n,)
    groups : array, shape (n,)
        The row's channel as a number from 0.
    threshold : float
        A value above it is a success.
    """

    table: Table
    layout: Layout
    target: Floats
    groups: Groups
    threshold: float


@dataclass(frozen=True)
class Judged:
    """Predictions for rows by fits, intervals and probabilities that saw nothing of the row's group."""

    values: Floats
    constants: Floats
    covered: NDArray[np.bool_]
    widths: Floats
    chances: Floats


@dataclass(frozen=True)
class Learned:
    """The fit on all rows, and what it is worth."""

    ridge: Ridge
    errors: ErrorDistribution
    penalty: float
    metrics: dict[str, float]
    beats_constant: bool


def layout_for(summaries: Sequence[Summarised]) -> Layout:
    """Choose the blocks that enough of the rows have, in a fixed order.

    Raises
    ------
    TrainingImpossible
        Not one block is there often enough.
    """
    names = Counter((name, pooled.dim) for summary in summaries for name, pooled in summary.pooled.items())
    names.update((name, 1) for summary in summaries for name in named_numbers(summary))
    return layout_of(names, rows=len(summaries))


def layout_of(names: Mapping[tuple[str, int], int], *, rows: int) -> Layout:
    """Choose the blocks that enough rows have; of a vector that two networks made, the more frequent size.

    Parameters
    ----------
    names : mapping
        Name and size of a block -> how many rows have it.

    Raises
    ------
    TrainingImpossible
        Not one block is there often enough.
    """
    most: dict[str, tuple[int, int]] = {}
    for (name, size), count in sorted(names.items()):
        most[name] = max(most.get(name, (0, 0)), (count, size))
    sizes = {name: size for name, (_, size) in most.items()}
    everything = full_layout((name for name in sorted(map(_category, most)) if name), sizes=sizes)
    enough = max(MIN_SHARE * rows, 2)
    blocks = tuple(block for block in everything.blocks if most.get(block.name, (0, 0))[0] >= enough)
    if not blocks:
        raise TrainingImpossible(f"none of the {rows} rows has words or metadata to learn from")
    return Layout(blocks)


def _category(name: str) -> str:
    place, _, category = name.partition("/")
    return category if place == "category" else ""


def group_folds(groups: Groups, folds: int = FOLDS) -> NDArray[np.int64]:
    """Deal whole groups out to folds of about equal size; gives each row's fold.

    Raises
    ------
    TrainingImpossible
        Fewer groups than folds.
    """
    from sklearn.model_selection import GroupKFold  # takes seconds to import

    count = len(np.unique(groups))
    if count < folds:
        raise TrainingImpossible(f"expected at least {folds} groups (channels) to hold some out, got {count}")
    dealt = np.empty(len(groups), np.int64)
    for number, (_, held) in enumerate(GroupKFold(folds).split(groups, groups=groups)):
        dealt[held] = number
    return dealt


def learn(lesson: Lesson) -> Learned:
    """Fit on all rows, with errors out of fold; judge the whole procedure on held-out groups.

    Raises
    ------
    TrainingImpossible
        Too few rows or groups.
    """
    folds = group_folds(lesson.groups)
    whole = cross_predict(lesson.table, lesson.target, lesson.layout, folds=folds)
    ridge = fit(lesson.table, lesson.target, lesson.layout, penalty=whole.penalty)
    errors = learn_errors(lesson.target - whole.predictions, lesson.groups)
    judged = judge(lesson, folds)
    metrics = measure(lesson, judged)
    return Learned(ridge, errors, whole.penalty, metrics, metrics["r2_low"] > 0)


def judge(lesson: Lesson, folds: NDArray[np.int64]) -> Judged:
    """Repeat everything, the choice of the penalty and the interval included, without each fold in turn."""
    n = len(lesson.target)
    judged = Judged(np.empty(n), np.empty(n), np.empty(n, bool), np.empty(n), np.empty(n))
    for fold in range(FOLDS):
        held = folds == fold
        _judge_fold(lesson, held, judged)
    return judged


def _judge_fold(lesson: Lesson, held: NDArray[np.bool_], judged: Judged) -> None:
    """Fill in the held-out rows of `judged`."""
    taught, truth = rows(lesson.table, ~held), lesson.target[~held]
    groups = np.unique(lesson.groups[~held], return_inverse=True)[1]
    inner = cross_predict(taught, truth, lesson.layout, folds=group_folds(groups))
    errors = learn_errors(truth - inner.predictions, groups)
    ridge = fit(taught, truth, lesson.layout, penalty=inner.penalty)
    values = predict(rows(lesson.table, held), ridge, lesson.layout)
    judged.values[held] = values
    judged.constants[held] = truth.mean()
    judged.covered[held] = np.abs(lesson.target[held] - values - (errors.low + errors.high) / 2) <= _half(errors)
    judged.widths[held] = errors.high - errors.low
    judged.chances[held] = probability_above(values, lesson.threshold, errors)


def _half(errors: ErrorDistribution) -> float:
    return (errors.high - errors.low) / 2


def measure(lesson: Lesson, judged: Judged) -> dict[str, float]:
    """Errors beside the constant's, with a 90 % bootstrap interval over groups."""
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    squared, constant = (lesson.target - judged.values) ** 2, (lesson.target - judged.constants) ** 2
    success = lesson.target > lesson.threshold
    low, high = _r2_interval(squared, constant, lesson.groups)
    return {
        "mse": float(squared.mean()),
        "mse_constant": float(constant.mean()),
        "mae": float(np.abs(lesson.target - judged.values).mean()),
        "mae_constant": float(np.abs(lesson.target - judged.constants).mean()),
        "r2": float(1 - squared.mean() / constant.mean()),
        "r2_low": low,
        "r2_high": high,
        "rho": float(spearmanr(lesson.target, judged.values).statistic) if judged.values.std() else 0.0,
        "coverage_90": float(judged.covered.mean()),
        "interval_width": float(judged.widths.mean()),
        "success_share": float(success.mean()),
        "success_auc": float(roc_auc_score(success, judged.chances)) if 0 < success.mean() < 1 else 0.5,
        "brier": float(((judged.chances - success) ** 2).mean()),
        "brier_constant": float(((success.mean() - success) ** 2).mean()),
    }


def _r2_interval(squared: Floats, constant: Floats, groups: Groups) -> tuple[float, float]:
    """5 % and 95 % quantiles of R2 over resampled groups. Source: Efron and Tibshirani, 1993, cluster bootstrap."""
    ours, theirs = np.bincount(groups, squared), np.bincount(groups, constant)
    random = np.random.default_rng(SEED)
    times = random.multinomial(len(ours), np.full(len(ours), 1 / len(ours)), size=BOOTSTRAPS)
    low, high = np.quantile(1 - (times @ ours) / (times @ theirs), (0.05, 0.95))
    return float(low), float(high)
