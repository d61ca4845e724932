"""Learning several classes from labelled examples: judged on held-out groups, chosen, calibrated.

Choice, penalties and calibrators that are judged on a fold were made on the other folds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibrator, Sigmoid, cross_calibrated, learn_calibrator
from models.class_choice import ClassCandidate, choose_method
from models.class_examples import ClassExamples
from models.classification import STRENGTHS, ClassDefinition
from models.classifiers import (
    LINES,
    NEAREST,
    TEXT_MATCH,
    UNKNOWN,
    Classifier,
    Lines,
    NearestLabelled,
    Sight,
    TextMatch,
    learn_sight,
)
from models.estimators.exact import weights_for
from models.estimators.folds import Fold
from models.logistic import Line, fit_lines, reduced

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Groups = NDArray[np.int64]

MOST_NEIGHBOUR_NUMBERS = 8_000_000
"""Rows times columns that a release of neighbours carries: 32 MB. Of more examples a fixed part is compared with."""

SURE = 0.999
"""A class that all or none of the taught rows have is said with this chance or its opposite."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class ClassTask:
    """What to learn, and how to judge it.

    Attributes
    ----------
    truth : array, shape (n, classes)
        1, 0, or NaN where nobody judged.
    folds : tuple of Fold
        Whole groups are held out.
    """

    seen: ClassExamples
    truth: Floats
    classes: tuple[ClassDefinition, ...]
    groups: Groups
    folds: tuple[Fold, ...]


@dataclass(frozen=True)
class ClassJudged:
    """What was said of rows whose group had not been seen.

    Attributes
    ----------
    scores : dict
        By method: shape (n, classes).
    chances, base_rates : array, shape (n, classes)
        Calibrated, and the class's share on the side that was learned from.
    """

    scores: dict[str, Floats]
    chances: Floats
    base_rates: Floats


@dataclass(frozen=True)
class ClassesLearned:
    """A classifier of all classes, a calibrator for each, and what they were chosen from."""

    classifier: Classifier
    calibrators: tuple[Calibrator, ...]
    chosen: ClassCandidate
    candidates: tuple[ClassCandidate, ...]
    judged: ClassJudged


def learn_classes(task: ClassTask, *, on_fit: Progress = lambda done, total: None) -> ClassesLearned:
    """Judge every method, keep one by the one-standard-error rule, and teach it all there is.

    Parameters
    ----------
    on_fit : callable
        Hears how many of the folds are done; the last step is the fit on all rows.
    """
    scores, odds = _held_out(task, on_fit)
    strengths = _best_strengths(odds, task.truth)
    scores[LINES] = _own_strengths(odds, task)
    chosen, candidates = choose_method(scores, task.truth, groups=task.groups)
    numbers = fold_numbers(task)
    judged = ClassJudged(scores, *_judged(task, scores, numbers))
    calibrators = tuple(
        _calibrated(scores[chosen.name][:, place], task.truth[:, place], numbers) for place in range(len(task.classes))
    )
    learned = ClassesLearned(_fitted(task, chosen.name, strengths), calibrators, chosen, candidates, judged)
    on_fit(len(task.folds) + 1, len(task.folds) + 1)
    return learned


def _held_out(task: ClassTask, on_fit: Progress) -> tuple[dict[str, Floats], Floats]:
    """Scores by method, and the lines' log odds by strength: shape (strengths, n, classes)."""
    near = np.zeros(task.truth.shape)
    odds = np.zeros((len(STRENGTHS), *task.truth.shape))
    for number, fold in enumerate(task.folds, 1):
        taught, held = task.seen.rows(fold.taught), task.seen.rows(fold.held)
        sight, truth = learn_sight(taught), task.truth[fold.taught]
        rows, asked = sight.rows(taught), sight.rows(held)
        near[fold.held] = _nearest(sight, rows, truth).scores_of(asked)
        odds[:, fold.held] = _odds(rows, truth, asked)
        on_fit(number, len(task.folds) + 1)
    return {TEXT_MATCH: TextMatch(task.classes).scores(task.seen), NEAREST: near}, odds


def _nearest(sight: Sight, rows: Floats, truth: Floats) -> NearestLabelled:
    most = max(MOST_NEIGHBOUR_NUMBERS // max(rows.shape[1], 1), 1)
    kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64))
    judged = np.where(np.isnan(truth[kept]), UNKNOWN, truth[kept]).astype(np.int8)
    return NearestLabelled(sight, rows[kept], judged)


def _odds(rows: Floats, truth: Floats, asked: Floats) -> Floats:
    """Log odds by strength of rows that were not learned from: shape (strengths, asked, classes)."""
    axes = reduced(rows)
    short, short_asked = rows @ axes, asked @ axes
    odds = np.empty((len(STRENGTHS), len(asked), truth.shape[1]))
    for place in range(truth.shape[1]):
        for number, line in enumerate(_lines(short, truth[:, place], STRENGTHS)):
            odds[number, :, place] = short_asked @ line.weights + line.offset
    return odds


def _lines(rows: Floats, truth: Floats, strengths: tuple[float, ...]) -> list[Line]:
    known = ~np.isnan(truth)
    yes = truth[known] == 1
    if not yes.any() or yes.all():
        sure = np.log(SURE / (1 - SURE))
        return [Line(np.zeros(rows.shape[1]), float(sure if len(yes) and yes.all() else -sure))] * len(strengths)
    return fit_lines(rows[known], yes, strengths)


def _own_strengths(odds: Floats, task: ClassTask) -> Floats:
    """Each fold's log odds by the strengths that were best on the others: shape (n, classes)."""
    own = np.empty(task.truth.shape)
    for fold in task.folds:
        best = _best_strengths(odds[:, fold.taught], task.truth[fold.taught])
        for place, number in enumerate(best):
            own[fold.held, place] = odds[number, fold.held, place]
    return own


def _best_strengths(odds: Floats, truth: Floats) -> list[int]:
    """For each class the place of the strength with the least log loss."""
    losses = np.logaddexp(0.0, np.where(truth == 1, -odds, odds))
    known = ~np.isnan(truth)
    means = np.where(known, losses, 0.0).sum(axis=1) / np.maximum(known.sum(axis=0), 1)
    return [int(place) for place in means.argmin(axis=0)]


def fold_numbers(task: ClassTask) -> NDArray[np.int64]:
    """For each row the number of the fold that held it out, shape (n,)."""
    numbers = np.zeros(len(task.truth), np.int64)
    for number, fold in enumerate(task.folds):
        numbers[fold.held] = number
    return numbers


def _judged(task: ClassTask, scores: Mapping[str, Floats], numbers: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Chances and base rates of each fold, everything chosen and calibrated on the others."""
    chances, base_rates = np.empty(task.truth.shape), np.empty(task.truth.shape)
    for fold in task.folds:
        others = fold.taught
        truth = task.truth[others]
        chosen, _ = choose_method({n: s[others] for n, s in scores.items()}, truth, groups=task.groups[others])
        said = scores[chosen.name]
        for place in range(len(task.classes)):
            calibrator = _calibrated(said[others, place], truth[:, place], numbers[others])
            chances[fold.held, place] = calibrator.chances(said[fold.held, place])
        base_rates[fold.held] = np.nanmean(truth, axis=0)
    return chances, base_rates


def _calibrated(scores: Floats, truth: Floats, numbers: NDArray[np.int64]) -> Calibrator:
    """A curve, or the class's share for every row where held-out folds say that scores mislead."""
    known = ~np.isnan(truth)
    scores, yes, numbers = scores[known], truth[known] == 1, numbers[known]
    if len(np.unique(numbers)) > 1 and not _helps(scores, yes, numbers):
        share = (yes.sum() + 1) / (len(yes) + 2)
        return Sigmoid(0.0, float(np.log(share / (1 - share))))
    return learn_calibrator(scores, yes, numbers)


def _helps(scores: Floats, yes: Bools, numbers: NDArray[np.int64]) -> bool:
    """Whether chances are nearer to the truth than the share of the other folds, out of fold."""
    shares = np.array([yes[numbers != number].mean() for number in range(numbers.max() + 1)])[numbers]
    chances = cross_calibrated(scores, yes, numbers)
    return bool(((chances - yes) ** 2).sum() < ((shares - yes) ** 2).sum())


def _fitted(task: ClassTask, method: str, strengths: list[int]) -> Classifier:
    if method == TEXT_MATCH:
        return TextMatch(task.classes)
    sight = learn_sight(task.seen)
    rows = sight.rows(task.seen)
    if method == NEAREST:
        return _nearest(sight, rows, task.truth)
    axes = reduced(rows)
    short = rows @ axes
    lines = [_lines(short, task.truth[:, c], (STRENGTHS[number],))[0] for c, number in enumerate(strengths)]
    weights = np.stack([axes @ line.weights for line in lines], axis=1)
    return Lines(sight, weights_for(weights, largest=1.0), np.array([line.offset for line in lines]))
