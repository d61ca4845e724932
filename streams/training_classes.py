"""Classes of videos and segments that people have labelled, and hashtags: learned, judged, and made a release."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from models.class_figures import class_measures, facts_of, four_ways, macro, overall
from models.class_learning import ClassesLearned, ClassTask, learn_classes
from models.classification import ClassScores
from models.classifiers import chances_of
from models.estimators.examples import Floats
from models.estimators.folds import group_folds
from models.release import save
from models.release_classes import ClassReleaseFacts, class_release_of, with_class_card
from models.release_manifest import ClassFacts
from schemas.event import WHOLE_VIDEO
from streams.training import Order, Progress, silent, window_s
from streams.training_class_card import caveats_of, class_card
from streams.training_class_rows import ClassRows, class_rows, class_rows_like, reads_words
from streams.training_source import Source


@dataclass(frozen=True, kw_only=True)
class ClassesElsewhere:
    """How the release does on examples that nothing was learned from.

    Attributes
    ----------
    chances : array, shape (n, classes)
    classes : dict
        The figures of each class that somebody judged there both ways.
    """

    words: str
    rows: ClassRows
    chances: Floats
    classes: Mapping[str, Mapping[str, float]]
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrainedClasses:
    """What came out of a training run of several classes.

    Attributes
    ----------
    source : str
        Where the examples come from, in words.
    classes : tuple of ClassFacts
        Each class judged on held-out groups.
    metrics : mapping
        Means over classes, and the errors of all together beside those of the base rates.
    """

    order: Order
    source: str
    rows: ClassRows
    task: ClassTask
    learned: ClassesLearned
    classes: tuple[ClassFacts, ...]
    metrics: Mapping[str, float]

    @property
    def beats_constant(self) -> bool:
        """Whether all classes together are told better than by their base rates, with 90 % confidence."""
        return self.metrics["skill_low"] > 0

    @property
    def release_id(self) -> str:
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.rows.newest_s))
        return self.order.release_id or f"{moment}-{self.rows.digest}"

    @cached_property
    def scores(self) -> list[ClassScores]:
        """Text match, neighbours, a line and a calibrated line on the same examples."""
        return four_ways(self.task, self.rows.names, self.learned)


def train_classes(order: Order, source: Source, *, on_progress: Progress = silent) -> TrainedClasses:
    """Learn a multilabel target, and judge it on groups that were held out.

    Raises
    ------
    TrainingImpossible
        Examples, groups or labels are missing.
    """
    on_progress("reading", 0, None)
    rows = class_rows(source, order.target)
    task = ClassTask(
        seen=rows.seen,
        truth=rows.truth,
        classes=rows.definitions,
        groups=rows.groups,
        folds=group_folds(rows.groups),
    )
    learned = learn_classes(task, on_fit=lambda done, total: on_progress("learning", done, total))
    classes = facts_of(task, rows.names, learned)
    judged = learned.judged
    together = overall(task.truth, judged.chances, judged.base_rates, groups=task.groups)
    metrics = macro([one.metrics for one in classes]) | together
    return TrainedClasses(
        order=order, source=source.words, rows=rows, task=task, learned=learned, classes=classes, metrics=metrics
    )


def judge_classes_on(trained: TrainedClasses, source: Source) -> ClassesElsewhere:
    """Tell the classes of a table that nothing was learned from; videos that were are left out.

    Raises
    ------
    TrainingImpossible
        Nothing in it can be judged on.
    """
    rows = class_rows_like(source, trained.order.target, trained.rows)
    chances = chances_of(trained.learned.classifier, trained.learned.calibrators, rows.seen)
    base_rates = np.broadcast_to([one.base_rate for one in trained.classes], chances.shape)
    classes: dict[str, Mapping[str, float]] = {}
    for place, facts in enumerate(trained.classes):
        known = ~np.isnan(rows.truth[:, place])
        truth = rows.truth[known, place] == 1
        if truth.any() and not truth.all():
            classes[facts.name] = class_measures(
                truth,
                chances[known, place],
                base_rates=base_rates[known, place],
                groups=rows.groups[known],
                threshold=facts.likely_from,
            )
    metrics = overall(rows.truth, chances, base_rates, groups=rows.groups)
    means = macro(list(classes.values())) if classes else {}
    return ClassesElsewhere(words=source.words, rows=rows, chances=chances, classes=classes, metrics=means | metrics)


def classes_too_weak(trained: TrainedClasses) -> str:
    """Say why a release is not worth publishing, and what it would take."""
    metrics = trained.metrics
    fewest = min(trained.classes, key=lambda one: (one.found, one.name))
    return (
        f"on unseen groups the chances' squared error is {metrics['brier']:.4g} and that of the base rates "
        f"{metrics['brier_base_rate']:.4g} (skill {metrics['skill_low']:.3f} to {metrics['skill_high']:.3f} with 90 % "
        f"confidence): no better than saying of every video how common each class is; {fewest.name} has "
        f"{fewest.found} examples only, more labels help. Publish it all the same with --force."
    )


def write_class_release(trained: TrainedClasses, folder: Path, *, stages: Mapping[str, str]) -> None:
    """Write the release into an empty or new folder; the same examples give the same bytes.

    Parameters
    ----------
    stages : mapping
        Versions of the stages that the features came from.
    """
    rows, target = trained.rows, trained.order.target
    facts = ClassReleaseFacts(
        target=target,
        release_id=trained.release_id,
        layout=rows.layout,
        classes=trained.classes,
        trained_at_s=float(round(rows.newest_s)),
        rows=len(rows.truth),
        groups=int(rows.groups.max()) + 1,
        beats_constant=trained.beats_constant,
        metrics=_all_metrics(trained),
        reads_words=reads_words(target),
        window_s=window_s(rows.moments),
        training=_training(trained),
        stages=stages,
        taught_on=rows.taught_on,
        caveats=caveats_of(trained.source, target, rows),
    )
    release = class_release_of(trained.learned, facts)
    save(with_class_card(release, class_card(release.manifest)), folder)


def _all_metrics(trained: TrainedClasses) -> dict[str, float]:
    """Means and sums, then what matters most of each class."""
    each = {
        f"{one.name}/{name}": one.metrics[name] for one in trained.classes for name in ("ap", "auc", "ece", "base_rate")
    }
    return {name: value for name, value in (dict(trained.metrics) | each).items() if np.isfinite(value)}


def _training(trained: TrainedClasses) -> dict[str, str]:
    rows = trained.rows
    wholes = sum(scope == WHOLE_VIDEO for scope in rows.scopes)
    said = {
        "source": trained.source,
        "split": f"{len(trained.task.folds)} folds of whole {trained.order.target.group_by}s",
        "examples": f"{wholes} whole videos and {len(rows.scopes) - wholes} segments",
    }
    if rows.left_out:
        said["left_out"] = "; ".join(f"{name}: {why}" for name, why in sorted(rows.left_out.items()))
    return said
