"""What chances of classes are worth: for each class beside its base rate, and in the mean."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.calibration import cross_calibrated
from models.class_learning import ClassesLearned, ClassTask, fold_numbers
from models.classification import ClassScores, table_of
from models.classifiers import LINES
from models.measures import classification_measures, r2_interval
from models.release_manifest import ClassFacts

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Groups = NDArray[np.int64]

CALIBRATED_LINE = "calibrated line"

NEVER = 1.0
"""No chance is so high: a class that is told no better than by its base rate is never called likely."""


def facts_of(task: ClassTask, names: Sequence[str], learned: ClassesLearned) -> tuple[ClassFacts, ...]:
    """Judge each class on groups that were held out."""
    judged = learned.judged
    found = []
    for place, name in enumerate(names):
        known = ~np.isnan(task.truth[:, place])
        truth, chances = task.truth[known, place] == 1, judged.chances[known, place]
        threshold = likely_from(truth, chances, at_least=float(truth.mean()))
        measures = class_measures(
            truth, chances, base_rates=judged.base_rates[known, place], groups=task.groups[known], threshold=threshold
        )
        beats = measures["skill_low"] > 0
        facts = ClassFacts(
            name=name,
            definition=task.classes[place].definition,
            base_rate=float(truth.mean()),
            likely_from=threshold if beats else NEVER,
            judged=len(truth),
            found=int(truth.sum()),
            beats_base_rate=beats,
            metrics=measures,
        )
        found.append(facts)
    return tuple(found)


def class_measures(
    truth: Bools, chances: Floats, *, base_rates: Floats, groups: Groups, threshold: float
) -> dict[str, float]:
    """Figures of one class.

    Returns
    -------
    dict
        ``skill`` is the share of the base rate's squared error that is gone; ``skill_low`` and ``skill_high``
        hold 90 % of resamplings of whole groups.
    """
    return {
        **classification_measures(truth, chances, threshold=threshold),
        "base_rate": float(truth.mean()),
        **_beside_base_rates((chances - truth) ** 2, (base_rates - truth) ** 2, groups),
    }


def overall(truth: Floats, chances: Floats, base_rates: Floats, *, groups: Groups) -> dict[str, float]:
    """The squared errors of all classes together, and how much of the base rates' is gone.

    Parameters
    ----------
    truth, chances, base_rates : array, shape (n, classes)
        Truth is NaN where nobody judged.
    """
    known = ~np.isnan(truth)
    squared, constant = ((said - truth)[known] ** 2 for said in (chances, base_rates))
    own = np.broadcast_to(groups[:, None], truth.shape)[known]
    return _beside_base_rates(squared, constant, own)


def macro(classes: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means over the classes of what is measured for each."""
    names = ("ap", "auc", "accuracy", "recall", "f1", "ece", "base_rate")
    return {name: float(np.mean([one[name] for one in classes])) for name in names}


def likely_from(truth: Bools, chances: Floats, *, at_least: float = 0.0) -> float:
    """The chance from which on saying yes gives the best F1; the highest of several that are as good.

    Parameters
    ----------
    at_least : float
        With chances that say little, F1 is best where everything is called likely; below this nothing is.
    """
    thresholds = np.unique(chances[chances >= at_least])
    if not len(thresholds):
        return at_least
    order = np.argsort(chances, kind="stable")
    first = np.searchsorted(chances[order], thresholds)
    said = len(chances) - first
    right = int(truth.sum()) - np.append(0, np.cumsum(truth[order]))[first]
    scores = 2 * right / np.maximum(said + int(truth.sum()), 1)
    best = len(scores) - 1 - int(np.argmax(scores[::-1]))
    return float(thresholds[best])


def four_ways(task: ClassTask, names: Sequence[str], learned: ClassesLearned) -> list[ClassScores]:
    """The table of the workshop: each method alone, and the line with a calibrator, by class and in the mean."""
    ways = dict(learned.judged.scores)
    odds = ways[LINES]
    ways[LINES] = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    ways[CALIBRATED_LINE] = _calibrated(task, odds)
    table: list[ClassScores] = []
    for way, scores in ways.items():
        rows = [_one_class(way, name, task.truth[:, place], scores[:, place]) for place, name in enumerate(names)]
        mean = {key: float(np.mean([one.figures[key] for one in rows])) for key in rows[0].figures}
        table += [*rows, ClassScores(way, "macro", mean)]
    return table


def _beside_base_rates(squared: Floats, constant: Floats, groups: Groups) -> dict[str, float]:
    """What squared errors are beside those of the base rates, both of shape (n,)."""
    low, high = r2_interval(squared, constant, groups)
    return {
        "brier": float(squared.mean()),
        "brier_base_rate": float(constant.mean()),
        "skill": float(1 - squared.mean() / constant.mean()) if constant.any() else 0.0,
        "skill_low": low,
        "skill_high": high,
    }


def _one_class(way: str, name: str, truth: Floats, scores: Floats) -> ClassScores:
    known = ~np.isnan(truth)
    return table_of(way, {name: scores[known]}, {name: truth[known] == 1})[0]


def _calibrated(task: ClassTask, odds: Floats) -> Floats:
    chances, numbers = np.zeros(odds.shape), fold_numbers(task)
    for place in range(odds.shape[1]):
        known = ~np.isnan(task.truth[:, place])
        chances[known, place] = cross_calibrated(odds[known, place], task.truth[known, place] == 1, numbers[known])
    return chances
