"""Learning a target from what scoring reads: examples, the choice of an estimator, and what the release is worth."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from models.comparables import Comparables
from models.estimators.curve import Curve, learning_curve
from models.estimators.early import early_members
from models.estimators.examples import Estimator, Floats
from models.estimators.folds import group_folds
from models.estimators.later import measure_later
from models.estimators.learned import SEED, Judged, Learned, Task, judge_elsewhere, learn, measure
from models.estimators.linear import RidgeRegression
from models.estimators.selection import everyone
from models.estimators.unexplained import comparables_of
from models.measures import regression_measures
from models.release import save
from models.release_learned import Facts, release_of, with_card
from schemas.errors import TrainingImpossible
from schemas.targets import TargetDefined
from streams.training_card import card_of, caveats_of
from streams.training_rows import Rows, facets_like, rows_like, rows_of, topic_block
from streams.training_source import Source

DATED_SHARE = 0.9
"""So many of the videos must have a date before a split by time says something."""

Progress = Callable[[str, int, int | None], None]


def silent(what: str, done: int, total: int | None) -> None:
    """Show no progress."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to train.

    Attributes
    ----------
    release_id : str
        Empty for one after the moment of the newest example.
    members : tuple of Estimator
        What is compared, the simplest first.
    """

    target: TargetDefined
    release_id: str = ""
    seed: int = SEED
    members: tuple[Estimator, ...] = field(default_factory=everyone)


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """How the release does on examples that nothing was learned from."""

    words: str
    rows: Rows
    judged: Judged
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came out of a training run, for reports to show and for `publish` to decide.

    Attributes
    ----------
    source : str
        Where the examples come from, in words.
    later : mapping or None
        Figures on videos later than all that was learned from; None where dates are missing.
    """

    order: Order
    source: str
    rows: Rows
    task: Task
    learned: Learned
    later: Mapping[str, float] | None = None

    @property
    def target(self) -> TargetDefined:
        return self.order.target

    @property
    def release_id(self) -> str:
        return self.order.release_id or time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.rows.newest_s))

    @cached_property
    def curve(self) -> Curve:
        """Error by number of examples, of the ridge: it takes seconds, and bends as the others do."""
        task = self.task
        return learning_curve(
            task.examples,
            task.truth,
            groups=task.groups,
            folds=task.folds,
            estimator=RidgeRegression(),
            seed=self.order.seed,
        )


def train(order: Order, source: Source, *, on_progress: Progress = silent) -> Trained:
    """Learn a target, and judge it on groups that were held out.

    Raises
    ------
    TrainingImpossible
        Examples or groups are missing, or the target is of a kind that is not learned here.
    """
    check_kind(order.target)
    rows = rows_of(source, order.target, on_read=lambda done: on_progress("reading", done, None))
    order = replace(order, members=(*early_members(rows.examples.layout), *order.members))
    task = task_of(rows, order.target)
    learned = learn(
        task,
        members=order.members,
        seed=order.seed,
        on_fit=lambda done, total: on_progress("learning", done, total),
    )
    learned = replace(learned, metrics=figures(order.target, task, learned.judged))
    later = _later(order, task, learned, moments=rows.moments)
    return Trained(order=order, source=source.words, rows=rows, task=task, learned=learned, later=later)


def check_kind(target: TargetDefined) -> None:
    """See that a target is one number.

    Raises
    ------
    TrainingImpossible
        It has several classes.
    """
    if target.kind == "multilabel":
        raise TrainingImpossible(
            f"{target.name} has several classes; expected a target that is one number, a regression or a probability"
        )


def task_of(rows: Rows, target: TargetDefined, *, threshold: float | None = None) -> Task:
    """Put rows the way learning reads them."""
    return Task(
        examples=rows.examples,
        truth=rows.truth,
        groups=rows.groups,
        folds=group_folds(rows.groups) if threshold is None else (),
        threshold=_threshold(rows, target) if threshold is None else threshold,
        limits=limits_of(rows),
    )


def limits_of(rows: Rows) -> tuple[float, float] | None:
    """Smallest and largest possible truth, where there are both."""
    low, high = rows.measure.low, rows.measure.high
    return None if low is None or high is None else (low, high)


def _threshold(rows: Rows, target: TargetDefined) -> float:
    return 0.5 if target.kind == "probability" else float(np.quantile(rows.truth, 1 - target.top_share))


def figures(target: TargetDefined, task: Task, judged: Judged) -> dict[str, float]:
    """Every figure of the report; of a probability the errors are those of the calibrated chance."""
    found = measure(task, judged)
    if target.kind != "probability":
        return found
    said = regression_measures(
        task.truth[judged.rows], judged.chances, constants=judged.constants, groups=task.groups[judged.rows]
    )
    intervals = ("coverage_90", "interval_width", "interval_width_constant")  # the truth is 0 or 1
    return {name: value for name, value in (found | said).items() if name not in intervals}


def judge_on(trained: Trained, source: Source, *, on_progress: Progress = silent) -> Elsewhere:
    """Predict a table that nothing was learned from; videos that were are left out.

    Raises
    ------
    TrainingImpossible
        Nothing in it can be judged on.
    """
    rows = rows_like(source, trained.target, trained.rows, on_read=lambda done: on_progress("reading", done, None))
    task = task_of(rows, trained.target, threshold=trained.task.threshold)
    judged = judge_elsewhere(trained.learned, task)
    return Elsewhere(words=source.words, rows=rows, judged=judged, metrics=figures(trained.target, task, judged))


def too_weak(trained: Trained) -> str:
    """Say why a release is not worth publishing, and what it would take."""
    metrics = trained.learned.metrics
    missing = trained.curve.more_than(len(trained.rows.truth))
    hope = (
        "the learning curve says that no number of examples of this kind will do"
        if missing is None
        else f"the learning curve suggests about {max(missing, 1)} more examples"
    )
    return (
        f"on unseen groups the error is {metrics['mse']:.4g} and the constant's {metrics['mse_constant']:.4g} "
        f"(R2 {metrics['r2_low']:.3f} to {metrics['r2_high']:.3f} with 90 % confidence): no better than saying the "
        f"same for every video; {hope}. Publish it all the same with --force."
    )


def comparables_from(trained: Trained, source: Source, *, on_progress: Progress = silent) -> Comparables | None:
    """Make what suggestions rest on, from the source that was learned from; None where nobody knows what videos say."""
    rows = trained.rows
    block = topic_block(rows)
    if block is None:
        return None
    facets = facets_like(source, rows, block, on_read=lambda done: on_progress("comparing", done, None))
    return comparables_of(trained.task, facets, rows.measure, topic_block=block, seed=trained.order.seed)


def write_release(
    trained: Trained, folder: Path, *, stages: Mapping[str, str], comparables: Comparables | None = None
) -> None:
    """Write the release into an empty or new folder; the same examples and seed give the same bytes.

    Parameters
    ----------
    stages : mapping
        Versions of the stages that the features came from.
    comparables : Comparables or None
        See `comparables_from`; without them the release suggests nothing.
    """
    rows, target = trained.rows, trained.target
    facts = Facts(
        target=target,
        release_id=trained.release_id,
        measure=rows.measure.name,
        unit=rows.measure.unit,
        layout=rows.examples.layout,
        threshold=trained.task.threshold,
        trained_at_s=float(round(rows.newest_s)),
        rows=len(rows.truth),
        groups=int(rows.groups.max()) + 1,
        limits=limits_of(rows),
        window_s=window_s(rows.moments),
        training=_training(trained),
        stages=stages,
        taught_on=rows.taught_on,
        caveats=caveats_of(trained.source, target, trained.learned.metrics),
        reference=rows.reference if rows.measure.scale == "percentile" else None,
        comparables=comparables,
        bars=rows.bars,
    )
    release = release_of(trained.learned, facts)
    save(with_card(release, card_of(release.manifest)), folder)


def _training(trained: Trained) -> dict[str, str]:
    said = {"source": trained.source, "split": f"5 folds of whole {trained.target.group_by}s"}
    if trained.later is not None:
        said["r2_later"] = f"{trained.later['r2']:.4f}"
    if len(trained.rows.reference) > len(trained.rows.truth):
        said["part"] = f"{len(trained.rows.truth)} of {len(trained.rows.reference)} examples"
    return said


def window_s(moments: Floats) -> tuple[float, float] | None:
    """When the earliest and the latest example were published; None where nobody knows of any."""
    known = moments[~np.isnan(moments)]
    return (float(known.min()), float(known.max())) if len(known) else None


def _later(order: Order, task: Task, learned: Learned, *, moments: Floats) -> Mapping[str, float] | None:
    """The second figure; None without dates, or where the constant was chosen."""
    if np.isnan(moments).mean() > 1 - DATED_SHARE or not any(learned.choice.weights):
        return None
    middle = float(np.nanmedian(moments))
    try:
        dated = np.nan_to_num(moments, nan=middle)
        return measure_later(task, learned, dated, members=order.members, seed=order.seed)
    except TrainingImpossible:  # all of one day
        return None
