"""The whole of learning a target: choice, interval, probability, and what they are worth."""

import numpy as np
import pytest
import schooling

from models.estimators.curve import Point, examples_needed, learning_curve
from models.estimators.examples import Examples
from models.estimators.folds import group_folds, time_folds
from models.estimators.learned import Task, judge_elsewhere, learn, measure
from models.estimators.linear import RidgeRegression
from models.estimators.phrasing import Phrasing
from models.estimators.selection import (
    AVERAGE,
    STACK,
    HeldOut,
    choose,
    error_over_groups,
    held_out_choice,
)
from models.estimators.stack import learned_weights, mixed

MEMBERS = (RidgeRegression(), Phrasing())


def task(count: int = 400, noise: float = 0.5, seed: int = 0, makers: int = 80) -> Task:
    examples = schooling.examples(count, seed)
    truth = schooling.truth(examples, noise, seed + 1)
    groups = schooling.groups(count, makers)
    threshold = float(np.quantile(truth, 0.8))
    return Task(examples=examples, truth=truth, groups=groups, folds=group_folds(groups), threshold=threshold)


def noise_only(seed: int) -> Task:
    plain = task(seed=seed)
    truth = np.random.default_rng(seed).normal(size=400)
    return Task(examples=plain.examples, truth=truth, groups=plain.groups, folds=plain.folds, threshold=1.0)


TASK = task()
LEARNED = learn(TASK, members=MEMBERS)


def test_a_clear_signal_beats_the_constant_and_noise_does_not():
    assert LEARNED.beats_constant
    assert LEARNED.metrics["r2"] > 0.3
    assert not learn(noise_only(3), members=MEMBERS[:1]).beats_constant


def test_noise_gets_the_constant_or_something_as_good():
    learned = learn(noise_only(4), members=MEMBERS[:1])
    assert abs(learned.metrics["r2"]) < 0.05


def test_intervals_and_probabilities_hold_on_makers_never_seen():
    assert 0.85 <= LEARNED.metrics["coverage_90"] <= 0.95
    assert LEARNED.metrics["interval_width"] < LEARNED.metrics["interval_width_constant"]
    assert LEARNED.metrics["ece"] < 0.08
    assert LEARNED.metrics["brier"] < LEARNED.metrics["brier_constant"]


def test_what_was_promised_holds_on_a_table_of_its_own():
    fresh = task(count=1000, seed=50, makers=200)
    metrics = measure(fresh, judge_elsewhere(LEARNED, fresh))
    assert metrics["mse"] < metrics["mse_constant"]
    assert 0.84 <= metrics["coverage_90"] <= 0.96


def test_learning_twice_gives_the_same_figures_and_predictions():
    again = learn(TASK, members=MEMBERS)
    assert again.metrics == LEARNED.metrics
    assert again.fitted.predict(TASK.examples).tobytes() == LEARNED.fitted.predict(TASK.examples).tobytes()


def test_the_past_is_judged_by_what_came_before():
    plain = task()
    folds = time_folds(np.arange(400.0))
    chained = Task(
        examples=plain.examples, truth=plain.truth, groups=plain.groups, folds=folds, threshold=plain.threshold
    )
    learned = learn(chained, members=MEMBERS)
    assert learned.judged.rows.min() > 0
    assert learned.metrics["r2"] > 0


def held_out(*errors: float) -> tuple[HeldOut, np.ndarray, np.ndarray]:
    """Members whose predictions miss by so much, each in its own way."""
    random = np.random.default_rng(0)
    groups = np.arange(500) % 50
    truth = random.normal(size=500)
    said = np.stack([truth + error * random.normal(size=500) for error in errors], axis=1)
    names = tuple(f"member {place}" for place in range(len(errors)))
    return HeldOut(names, group_folds(groups), said, np.zeros(500)), truth, groups


@pytest.mark.parametrize(
    ("errors", "chosen"),
    [((0.1, 0.1001), {"member 0", AVERAGE, STACK}), ((9.0, 0.01), {"member 1"}), ((9.0, 9.0), {"constant", STACK})],
)
def test_the_simplest_that_is_not_clearly_worse_is_chosen(errors, chosen):
    said, truth, groups = held_out(*errors)
    assert choose(said, truth, groups=groups, rows=np.arange(500)).name in chosen


def test_equal_members_are_not_stacked():
    random = np.random.default_rng(2)
    groups, known = np.arange(500) % 50, random.normal(size=500)
    truth = known + random.normal(size=500)
    twice = HeldOut(("one", "same"), group_folds(groups), np.stack([known, known], axis=1), np.zeros(500))
    assert choose(twice, truth, groups=groups, rows=np.arange(500)).name == "one"


def test_weights_for_a_fold_do_not_depend_on_its_truth():
    said, truth, groups = held_out(0.6, 0.8, 0.7)
    fold = said.folds[0]
    altered = truth.copy()
    altered[fold.held] = -altered[fold.held] * 3
    before, after = (held_out_choice(said, one, groups=groups)[fold.held] for one in (truth, altered))
    assert before.tobytes() == after.tobytes()


def test_weights_are_never_negative_and_find_the_better_member():
    said, truth, _ = held_out(0.3, 3.0)
    weights = learned_weights(np.hstack([said.predictions, -said.predictions[:, :1]]), truth, mean=0.0)
    assert min(weights) >= 0
    assert weights[0] > 0.8 > weights[1]
    assert weights[2] == 0


def test_a_mix_without_weights_is_the_mean():
    assert mixed([np.arange(3.0)], [0.0], mean=2.5).tolist() == [2.5] * 3


def test_the_error_of_a_mean_grows_when_whole_groups_go_together():
    random = np.random.default_rng(1)
    alone, together = random.normal(size=600), np.repeat(random.normal(size=60), 10)
    groups = np.repeat(np.arange(60), 10)
    assert error_over_groups(together, groups) > 2 * error_over_groups(alone, groups)
    assert error_over_groups(alone, np.arange(600)) == pytest.approx(alone.std() / np.sqrt(600), rel=0.02)


def points(gain_at) -> list[Point]:
    return [Point(n, 1.0, 1.0, gain_at(n), spread=1.0) for n in (50, 100, 200, 400, 800)]


def test_the_curve_says_how_many_examples_are_missing():
    # a gain of .1 with errors of spread 1 is clear when 1.645 / sqrt(n) < .1
    assert examples_needed(points(lambda n: 0.1)) == pytest.approx(271, rel=0.05)
    later = examples_needed(points(lambda n: 0.1 - 5 / n))
    assert later is not None
    assert later > 271


def test_no_number_of_examples_helps_where_nothing_can_be_learned():
    assert examples_needed(points(lambda n: -0.01)) is None


def test_more_examples_give_smaller_errors_on_the_same_rows():
    curve = learning_curve(
        TASK.examples, TASK.truth, groups=TASK.groups, folds=TASK.folds, estimator=RidgeRegression(), seed=1
    )
    assert [point.examples for point in curve.points] == sorted({point.examples for point in curve.points})
    assert curve.points[-1].mse < curve.points[0].mse
    assert curve.needed is not None
    assert curve.more_than(10**6) == 0
    assert isinstance(TASK.examples, Examples)
