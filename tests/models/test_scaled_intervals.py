import math

import numpy as np
import pytest
import schooling

from models.conformal import intervals, learn_scaled_errors
from models.estimators.constant import Constant
from models.estimators.difficulty import expected_sizes, learn_difficulty
from models.estimators.folds import group_folds
from models.estimators.linear import RidgeRegression


def drawn(makers: int, seed: int):
    """Errors that are alike within a maker, and larger where the scale is."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(makers), 5)
    scales = random.uniform(0.5, 2.0, len(groups))
    errors = scales * (random.normal(size=makers)[groups] + random.normal(size=len(groups)))
    return errors, scales, groups


def test_intervals_hold_as_promised_for_makers_never_seen():
    inside = []
    for seed in range(30):
        known = learn_scaled_errors(*drawn(60, seed))
        errors, scales, _ = drawn(60, 1000 + seed)
        low, high = intervals(np.zeros(len(errors)), scales, known, limits=None)
        inside.append(((low <= errors) & (errors <= high)).mean())
    assert 0.87 <= np.mean(inside) <= 0.95


def test_with_too_few_makers_nothing_is_promised():
    errors, scales, groups = drawn(18, 1)
    known = learn_scaled_errors(errors, scales, groups)
    assert (known.low, known.high) == (-math.inf, math.inf)
    low, high = intervals(np.array([40.0]), np.ones(1), known, limits=(0.0, 100.0))
    assert (low[0], high[0]) == (0.0, 100.0)


def test_fewer_makers_give_wider_intervals():
    def width(makers: int) -> float:
        known = [learn_scaled_errors(*drawn(makers, seed)) for seed in range(40)]
        return float(np.mean([one.high - one.low for one in known]))

    assert width(20) > width(60) > width(400)


def test_a_maker_with_many_rows_counts_once():
    errors = np.concatenate([np.linspace(-1, 1, 100), np.full(500, 9.0)])
    groups = np.concatenate([np.arange(100), np.full(500, 100)])
    assert learn_scaled_errors(errors, np.ones(600), groups).high <= 1.0


def tasks(noise_follows: bool):
    examples = schooling.examples(600)
    random = np.random.default_rng(2)
    size = np.exp(0.8 * examples.table.values[:, 18]) if noise_follows else np.ones(600)
    return examples, random.normal(size=600) * size, schooling.groups(600, 120)


@pytest.mark.parametrize(("noise_follows", "kind"), [(True, RidgeRegression), (False, Constant)])
def test_intervals_vary_only_where_errors_can_be_foreseen(noise_follows, kind):
    examples, errors, groups = tasks(noise_follows)
    sizes = expected_sizes(examples, errors, groups=groups, folds=group_folds(groups), seed=1)
    assert isinstance(sizes.estimator, kind)
    scales = learn_difficulty(examples, errors, sizes, groups=groups, seed=1).of(examples)
    assert (scales > 0).all()
    assert (np.ptp(scales) > 0) == noise_follows
