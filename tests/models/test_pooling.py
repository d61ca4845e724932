import functools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models import index_set, pooling
from schemas.errors import PoolingOverflow, Unreadable
from schemas.summaries import PooledVector

VECTORS = st.lists(
    hnp.arrays(np.float32, 5, elements=st.floats(-32, 32, width=32)),
    min_size=1,
    max_size=12,
)


def pool(vectors) -> PooledVector:
    return functools.reduce(pooling.add, vectors)


@given(VECTORS, st.integers(0, 2**32))
def test_any_order_gives_the_same_bytes(vectors, seed):
    ones = [pooling.pool_one(v) for v in vectors]
    shuffled = ones.copy()
    random.Random(seed).shuffle(shuffled)
    assert pool(shuffled) == pool(ones)


@given(VECTORS, st.integers(0, 12))
def test_any_grouping_gives_the_same_bytes(vectors, place):
    ones = [pooling.pool_one(v) for v in vectors]
    left, right = ones[:place], ones[place:]
    groups = [pool(group) for group in (left, right) if group]
    assert pool(groups) == pool(ones)


@given(VECTORS)
def test_the_mean_is_that_of_the_vectors_to_a_step(vectors):
    pooled = pool([pooling.pool_one(v) for v in vectors])
    assert np.allclose(pooling.mean(pooled), np.mean(np.float64(vectors), axis=0), atol=2.0**-24)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 32.001, -33.0])
def test_an_entry_outside_the_range_is_refused(bad):
    with pytest.raises(PoolingOverflow):
        pooling.to_fixed([0.0, bad])


def test_the_largest_sum_fits():
    largest = PooledVector(
        dim=1, count=pooling.MAX_COUNT - 1, sums=np.array([32 * 2**24 * (2**31 - 1)], "<i8").tobytes()
    )
    total = pooling.add(largest, pooling.pool_one([32.0]))
    assert pooling.mean(total).tolist() == [32.0]
    with pytest.raises(PoolingOverflow):
        pooling.add(total, pooling.pool_one([1.0]))


def test_vectors_of_different_models_are_not_added():
    with pytest.raises(PoolingOverflow, match="another model"):
        pooling.add(pooling.pool_one([1.0]), pooling.pool_one([1.0, 2.0]))


@pytest.mark.parametrize(
    "broken",
    [
        PooledVector(dim=2, count=1, sums=b"12345678"),
        PooledVector(dim=1, count=0, sums=b"12345678"),
        PooledVector(dim=0, count=1, sums=b""),
    ],
)
def test_a_sum_with_the_wrong_bytes_is_refused(broken):
    with pytest.raises(Unreadable):
        pooling.mean(broken)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_the_mean_of_numbers_does_not_depend_on_their_order(numbers):
    forward = sum(pooling.number_to_fixed(n) for n in numbers)
    backward = sum(pooling.number_to_fixed(n) for n in reversed(numbers))
    assert pooling.mean_number(forward, len(numbers)) == pooling.mean_number(backward, len(numbers))
    assert pooling.mean_number(forward, len(numbers)) == pytest.approx(np.mean(numbers), abs=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e9])
def test_a_number_outside_the_range_is_refused(bad):
    with pytest.raises(PoolingOverflow):
        pooling.number_to_fixed(bad)


@given(st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300)), st.integers(0, 301))
def test_an_index_set_behaves_like_a_set(inserted, removed, limit):
    mask = functools.reduce(index_set.insert, inserted, b"")
    mask = functools.reduce(index_set.remove, removed, mask)
    expected = inserted - removed
    assert {i for i in range(301) if index_set.contains(mask, i)} == expected
    assert index_set.size(mask) == len(expected)
    assert index_set.size_below(mask, limit) == sum(i < limit for i in expected)
