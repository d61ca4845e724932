import numpy as np
import pytest

from models.estimators.folds import Fold, block_folds, group_folds, time_folds, without
from schemas.errors import TrainingImpossible


def held_once(folds: tuple[Fold, ...], count: int) -> bool:
    return sorted(np.concatenate([fold.held for fold in folds]).tolist()) == list(range(count))


@pytest.mark.parametrize("makers", [2, 3, 17, 100])
def test_no_group_is_on_both_sides_and_every_row_is_held_out_once(makers: int):
    groups = np.random.default_rng(makers).integers(0, makers, 200)
    folds = group_folds(groups)
    assert held_once(folds, 200)
    for fold in folds:
        assert not set(groups[fold.taught]) & set(groups[fold.held])


def test_groups_are_dealt_out_evenly():
    groups = np.repeat(np.arange(30), np.arange(1, 31))
    sizes = [len(fold.held) for fold in group_folds(groups)]
    assert max(sizes) - min(sizes) <= 2


def test_one_group_cannot_be_held_out_from_itself():
    with pytest.raises(TrainingImpossible, match="at least 2 groups"):
        group_folds(np.zeros(50, np.int64))


def test_the_future_is_never_learned_from():
    moments = np.random.default_rng(3).permutation(np.arange(100) // 4).astype(float)
    folds = time_folds(moments)
    assert len(folds) == 5
    for fold in folds:
        assert moments[fold.taught].max() < moments[fold.held].min()
    assert max(moments[fold.held].max() for fold in folds) == moments.max()


def test_one_moment_has_no_future():
    with pytest.raises(TrainingImpossible, match="one moment"):
        time_folds(np.full(30, 5.0))


def test_neighbours_of_a_held_out_block_are_not_learned_from():
    numbers = np.random.default_rng(4).permutation(np.arange(0, 3000, 3))
    folds = block_folds(numbers, margin=60)
    assert len(folds) == 10
    assert held_once(folds, 1000)
    for fold in folds:
        distance = np.abs(numbers[fold.taught][:, None] - numbers[fold.held][None, :]).min()
        assert distance > 60


def test_choices_inside_a_fold_see_nothing_of_what_it_holds_out():
    folds = group_folds(np.arange(60) % 12)
    for outer in folds:
        inner = list(without(folds, outer))
        assert len(inner) == 4
        for fold in inner:
            assert not {*fold.taught.tolist(), *fold.held.tolist()} & set(outer.held.tolist())
            assert not set(fold.taught.tolist()) & set(fold.held.tolist())
