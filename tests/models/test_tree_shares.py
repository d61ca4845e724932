"""Trees without LightGBM: they say what LightGBM says, bit for bit, and give each feature its Shapley value."""

import itertools
import math

import lightgbm
import numpy as np
import pytest

from models.estimators.tree_arrays import MOST_ON_A_PATH, ROWS_AT_ONCE, TreeArrays, read_trees
from models.estimators.tree_shares import shares_of
from models.estimators.trees import FIXED, gradient_boosting, random_forest
from schemas.errors import ReleaseInvalid

FEATURES = 7
SETTINGS = {"boosted": dict(gradient_boosting().settings), "forest": dict(random_forest().settings)}
of_both = pytest.mark.parametrize("kind", SETTINGS)


def rows(count: int, seed: int = 1):
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, FEATURES)).round(2)
    values[random.random(values.shape) < 0.1] = np.nan
    values[:, 5] = np.nan_to_num(values[:, 5])  # never missing while learning
    values[:, 6] = np.where(values[:, 6] > 0, 0.0, values[:, 6])
    return values


def booster(kind: str, trees: int = 20) -> lightgbm.Booster:
    given = rows(800)
    truth = 3 * np.nan_to_num(given[:, 0]) - np.isnan(given[:, 1]) + np.nan_to_num(given[:, 2] * given[:, 3])
    settings = {**FIXED, **SETTINGS[kind], "seed": 3}
    return lightgbm.train(settings, lightgbm.Dataset(given, truth + given[:, 5], params=FIXED), trees)


def arrays(kind: str) -> TreeArrays:
    return read_trees(booster(kind).model_to_string().encode())


def explained(trees: TreeArrays, given, owners=None, **changes):
    owners = np.arange(FEATURES) if owners is None else owners
    parts = np.zeros((len(given), int(owners.max()) + 1))
    shares = shares_of(trees, owners, **changes)
    for some, missed in trees.walks(given):
        shares.add_to(parts[some], missed)
    return parts


@of_both
def test_trees_say_what_lightgbm_says_bit_for_bit(kind):
    strange = np.array([[np.nan] * FEATURES, [0.0] * FEATURES, [1e300] * FEATURES, [-1e300] * FEATURES])
    given = np.vstack([rows(ROWS_AT_ONCE * 2 + 5, seed=2), strange])
    assert (arrays(kind).predict(given) == booster(kind).predict(given, num_threads=1)).all()


@of_both
def test_each_feature_gets_its_treeshap_value(kind):
    given, trees = rows(300, seed=2), arrays(kind)
    theirs = booster(kind).predict(given, pred_contrib=True)
    scale = 1 / trees.trees if trees.averages else 1.0  # LightGBM forgets to average a forest's
    np.testing.assert_allclose(explained(trees, given), theirs[:, :-1] * scale, atol=1e-8)
    assert trees.base == pytest.approx(theirs[0, -1] * scale)


@of_both
def test_parts_and_base_add_up_to_the_prediction(kind):
    given, trees = rows(300, seed=2), arrays(kind)
    np.testing.assert_allclose(explained(trees, given).sum(axis=1) + trees.base, trees.predict(given), atol=1e-9)


def test_a_single_tree_is_explained_as_by_the_definition_over_all_orders():
    given, trees = rows(4, seed=2), read_trees(booster("boosted", 1).model_to_string().encode())
    for row, parts in zip(given, explained(trees, given), strict=True):
        np.testing.assert_allclose(parts, by_definition(trees, row), atol=1e-9)


def by_definition(trees: TreeArrays, row):
    (_, missed), *_ = trees.walks(row[None])

    def value(known: frozenset[int]) -> float:
        return sum(
            leaf.value
            * math.prod(
                (not int(bits) >> place & 1) if one.feature in known else one.share
                for place, one in enumerate(leaf.asked)
            )
            for leaf, bits in zip(trees.leaves, missed[:, 0], strict=True)
        )

    found = np.zeros(FEATURES)
    for size, feature in itertools.product(range(FEATURES), range(FEATURES)):
        weight = math.factorial(size) * math.factorial(FEATURES - size - 1) / math.factorial(FEATURES)
        for others in itertools.combinations([f for f in range(FEATURES) if f != feature], size):
            found[feature] += weight * (value(frozenset(others) | {feature}) - value(frozenset(others)))
    return found


@of_both
def test_a_row_is_explained_alike_alone_and_in_any_batch(kind):
    given, trees = rows(40, seed=4), arrays(kind)
    together = explained(trees, given)
    assert all((explained(trees, given[place : place + 1]) == together[place]).all() for place in range(40))
    assert (explained(trees, given[::-1])[::-1] == together).all()


@of_both
def test_long_paths_without_a_table_give_the_same_bits(kind):
    given, trees = rows(60, seed=4), arrays(kind)
    assert (explained(trees, given, longest=2) == explained(trees, given)).all()


@of_both
def test_features_of_one_owner_are_added_up(kind):
    given, trees = rows(60, seed=4), arrays(kind)
    owners = np.array([0, 0, 1, 1, 1, 2, 2])
    each = explained(trees, given)
    joined = np.stack([each[:, owners == owner].sum(axis=1) for owner in range(3)], axis=1)
    np.testing.assert_allclose(explained(trees, given, owners), joined, atol=1e-9)


def test_a_tree_that_is_a_single_leaf_says_its_value_and_blames_nobody():
    flat = lightgbm.train(FIXED, lightgbm.Dataset(rows(100), np.full(100, 5.0), params=FIXED), 2)
    trees, given = read_trees(flat.model_to_string().encode()), rows(3, seed=2)
    assert trees.predict(given).tolist() == [5.0] * 3
    assert trees.base == 5.0
    assert not explained(trees, given).any()


def test_a_path_that_asks_about_too_many_features_is_refused():
    cuts = MOST_ON_A_PATH + 1
    chain = {
        "leaf_value": [1] * (cuts + 1),
        "threshold": [0] * cuts,
        "decision_type": [2] * cuts,
        "split_feature": range(cuts),
        "left_child": [*range(1, cuts), -1],
        "right_child": range(-2, -2 - cuts, -1),
        "internal_count": [9] * cuts,
        "leaf_count": [1] * (cuts + 1),
    }
    lines = [f"{name}={' '.join(map(str, values))}" for name, values in chain.items()]
    with pytest.raises(ReleaseInvalid, match="features on one path"):
        read_trees("\n".join(["tree", "", "Tree=0", *lines, "", "end of trees"]).encode())
