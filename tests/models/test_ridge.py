import fitted
import numpy as np
import pytest
from first_format import group_folds, learn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as SklearnRidge

from models.layout import Table
from models.ridge import cross_predict, fit, predict, rows, standardise, terms
from schemas.errors import TrainingImpossible

LESSON = fitted.lesson()
RIDGE = fit(LESSON.table, LESSON.target, LESSON.layout, penalty=30.0)


def test_the_fit_is_that_of_scikit_learn():
    columns = standardise(LESSON.table, LESSON.layout).columns
    theirs = SklearnRidge(alpha=30.0).fit(columns, LESSON.target).predict(columns)
    assert np.allclose(predict(LESSON.table, RIDGE, LESSON.layout), theirs, atol=1e-6)


@given(st.lists(st.integers(0, 239), min_size=1, max_size=70))
def test_a_prediction_is_the_same_bytes_in_any_batch(numbers):
    chosen = Table(LESSON.table.values[numbers], LESSON.table.present[numbers])
    together = predict(chosen, RIDGE, LESSON.layout)
    for place, number in enumerate(numbers):
        alone = predict(rows(LESSON.table, np.arange(240) == number), RIDGE, LESSON.layout)
        assert together[place].tobytes() == alone[0].tobytes()


def test_a_missing_block_says_what_the_average_says():
    nothing = Table(np.full_like(LESSON.table.values, 9.0), np.zeros_like(LESSON.table.present))
    assert not terms(nothing, RIDGE, LESSON.layout).any()
    assert predict(nothing, RIDGE, LESSON.layout)[0] == pytest.approx(RIDGE.intercept, abs=1e-9)


def test_values_beyond_those_seen_count_as_the_most_extreme_seen():
    absurd = Table(np.full_like(LESSON.table.values[:1], 1e300), LESSON.table.present[:1])
    extreme = Table(RIDGE.high[None, :], LESSON.table.present[:1])
    assert predict(absurd, RIDGE, LESSON.layout) == predict(extreme, RIDGE, LESSON.layout)


def test_no_group_is_on_both_sides_of_a_fold():
    folds = group_folds(LESSON.groups)
    assert set(folds) == set(range(5))
    for group in np.unique(LESSON.groups):
        assert len(set(folds[LESSON.groups == group])) == 1


def test_too_few_groups_cannot_be_held_out():
    with pytest.raises(TrainingImpossible, match="groups"):
        group_folds(np.zeros(100, np.int64))


def test_noise_gets_the_strongest_penalty_and_a_clear_signal_a_weak_one():
    folds = group_folds(LESSON.groups)
    noise = np.random.default_rng(1).normal(size=240)
    clear = cross_predict(LESSON.table, LESSON.target, LESSON.layout, folds=folds)
    vague = cross_predict(LESSON.table, noise, LESSON.layout, folds=folds)
    assert clear.penalty < vague.penalty


def test_learning_finds_what_is_there():
    learned = learn(LESSON)
    assert learned.beats_constant
    assert learned.metrics["r2"] > 0.5
    assert learned.metrics["mse"] < learned.metrics["mse_constant"]
    assert learned.metrics["rho"] > 0.7
    assert learned.metrics["brier"] < learned.metrics["brier_constant"]


def test_learning_does_not_find_what_is_not_there():
    learned = learn(fitted.lesson(signal=0.0))
    assert not learned.beats_constant
    assert learned.metrics["r2_low"] < 0


def test_the_same_lesson_is_learned_the_same_twice():
    first, second = learn(LESSON), learn(LESSON)
    assert first.metrics == second.metrics
    assert first.ridge.weights.tobytes() == second.ridge.weights.tobytes()
