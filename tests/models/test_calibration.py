import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import (
    Isotonic,
    Sigmoid,
    calibration_error,
    cross_calibrated,
    learn_isotonic,
    learn_sigmoid,
    reliability,
    restored_calibrator,
)
from schemas.errors import ReleaseInvalid

RANDOM = np.random.default_rng(5)
SCORES = RANDOM.normal(size=4000)
CHANCES = 1 / (1 + np.exp(-(1.5 * SCORES - 1.2)))
TRUTH = RANDOM.random(4000) < CHANCES
FOLDS = np.arange(4000) % 5


def test_the_curve_that_made_the_truth_is_found():
    learned = learn_sigmoid(SCORES, TRUTH)
    assert learned.slope == pytest.approx(1.5, abs=0.15)
    assert learned.offset == pytest.approx(-1.2, abs=0.15)


@pytest.mark.parametrize("learn", [learn_sigmoid, learn_isotonic])
@pytest.mark.parametrize("scale", [1.0, 0.01, 1000.0])
def test_probabilities_mean_what_they_say_whatever_the_scale_of_the_scores(learn, scale):
    fresh = RANDOM.normal(size=4000)
    came = RANDOM.random(4000) < 1 / (1 + np.exp(-(1.5 * fresh - 1.2)))
    assert calibration_error(learn(SCORES * scale, TRUTH).chances(fresh * scale), came) < 0.04


def test_raw_scores_that_promise_too_much_are_found_out():
    assert calibration_error(np.clip(CHANCES * 1.5, 0, 1), TRUTH) > 0.1


def test_each_row_is_calibrated_by_the_other_folds():
    odd = TRUTH.copy()
    odd[FOLDS == 0] = ~odd[FOLDS == 0]
    honest = cross_calibrated(SCORES, odd, FOLDS)[FOLDS == 0]
    untouched = cross_calibrated(SCORES, np.where(FOLDS == 0, TRUTH, odd), FOLDS)[FOLDS == 0]
    assert honest.tobytes() == untouched.tobytes()


def test_a_score_that_misleads_says_nothing():
    chances = learn_sigmoid(-SCORES, TRUTH).chances(SCORES)
    assert np.ptp(chances) == 0
    assert chances[0] == pytest.approx(TRUTH.mean(), abs=0.01)


@pytest.mark.parametrize("truth", [np.zeros(6, bool), np.ones(6, bool)])
def test_nothing_is_impossible_and_nothing_certain(truth):
    chances = learn_sigmoid(np.arange(6.0), truth).chances(np.array([-1e9, 0.0, 1e9]))
    assert ((chances > 0) & (chances < 1)).all()


@settings(max_examples=25)
@given(st.integers(2, 60), st.integers(0, 1000))
def test_a_higher_score_never_has_a_lower_chance(count, seed):
    random = np.random.default_rng(seed)
    scores, truth = random.normal(size=count), random.random(count) < 0.4
    for learned in (learn_sigmoid(scores, truth), learn_isotonic(scores, truth)):
        assert (np.diff(learned.chances(np.sort(scores))) >= 0).all()


@pytest.mark.parametrize("learned", [Sigmoid(1.5, -0.25), learn_isotonic(SCORES[:300], TRUTH[:300])])
def test_a_calibrator_comes_back_from_its_arrays(learned):
    again = restored_calibrator(learned.to_arrays())
    assert again.chances(SCORES).tobytes() == learned.chances(SCORES).tobytes()


def test_unknown_arrays_are_refused():
    with pytest.raises(ReleaseInvalid, match="train again"):
        restored_calibrator({"spline": np.zeros(3)})


def test_bins_hold_equally_many_rows_from_the_least_likely_on():
    bins = reliability(CHANCES, TRUTH)
    assert [one.rows for one in bins] == [400] * 10
    assert [one.said for one in bins] == sorted(one.said for one in bins)
    assert isinstance(learn_isotonic(SCORES, TRUTH), Isotonic)
