import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.conformal import GRID, ErrorDistribution, coverage, learn_scaled_errors, probability_above


def grouped_errors(seed: int, groups: int = 100, most: int = 30):
    """Errors that are alike inside a group; some groups have many more rows than others."""
    random = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(groups), random.integers(1, most, groups))
    return random.normal(size=groups)[numbers] + 0.3 * random.normal(size=len(numbers)), numbers


def learn_errors(errors, groups, *, level: float = 0.9) -> ErrorDistribution:
    """Of rows that are all alike hard to foresee."""
    return learn_scaled_errors(errors, np.ones(len(errors)), groups, level=level)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_the_interval_holds_the_truth_of_unseen_groups_as_often_as_it_says(level):
    shares = []
    for seed in range(60):
        errors = learn_errors(*grouped_errors(seed), level=level)
        fresh, numbers = grouped_errors(seed + 1000)
        one_each = fresh[np.unique(numbers, return_index=True)[1]]
        shares.append(coverage(one_each, np.zeros_like(one_each), errors))
    assert level - 0.01 < np.mean(shares) < level + 0.04


def test_each_group_counts_once_however_many_rows_it_has():
    errors = np.array([*np.full(1000, 100.0), *np.linspace(-1, 1, 99)])
    groups = np.array([*np.zeros(1000, int), *range(1, 100)])
    assert learn_errors(errors, groups).quantiles[int(0.95 * GRID)] < 1.0


def test_few_groups_get_the_widest_interval_there_is_evidence_for():
    errors = learn_errors(np.linspace(-1, 1, 20), np.arange(20))
    assert (errors.low, errors.high) == (-1.0, 1.0)


def test_with_too_few_groups_the_interval_has_no_ends():
    errors = learn_errors(np.zeros(18), np.arange(18))
    assert (errors.low, errors.high) == (-np.inf, np.inf)


def test_chances_are_calibrated():
    errors = learn_errors(*grouped_errors(5, groups=2000, most=2))
    random = np.random.default_rng(8)
    values = random.normal(size=20_000)
    truth = values + random.normal(size=20_000) + 0.3 * random.normal(size=20_000)
    chances = probability_above(values, 0.5, errors)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = (chances >= low) & (chances < low + 0.2)
        assert abs((truth > 0.5)[inside].mean() - chances[inside].mean()) < 0.05


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50), st.floats(-100, 100))
def test_a_chance_is_a_share_rises_with_the_value_and_does_not_see_the_batch(values, threshold):
    errors = learn_errors(*grouped_errors(1))
    chances = probability_above(np.sort(values), threshold, errors)
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (np.diff(chances) >= 0).all()
    alone = [float(probability_above(np.array([v]), threshold, errors)[0]) for v in np.sort(values)]
    assert alone == chances.tolist()
