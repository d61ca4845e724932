"""Vectors survive the trip through an event, and broken ones are refused on both sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.vectors import from_vector, to_vector
from schemas.errors import PoolingOverflow, Unreadable
from schemas.features import Vector

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(hnp.arrays(np.float32, st.integers(1, 400), elements=FINITE))
def test_a_float32_vector_comes_back_bit_for_bit(array: np.ndarray) -> None:
    assert from_vector(to_vector(array)).tobytes() == array.tobytes()


@given(hnp.arrays(np.float32, 16, elements=st.floats(-1, 1, width=32)))
def test_a_float16_vector_comes_back_within_half_a_step(array: np.ndarray) -> None:
    back = from_vector(to_vector(array, "float16"))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, array, atol=2**-12)


def test_the_bytes_are_little_endian_whatever_comes_in() -> None:
    for incoming in (">f4", "<f8", "<i4"):
        assert to_vector(np.array([1, -2], incoming)).data == bytes.fromhex("0000803f000000c0")


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        ([1.0, float("nan")], "float32"),
        ([float("-inf")], "float32"),
        ([1e39], "float32"),
        ([70000.0], "float16"),
        ([], "float32"),
        ([[1.0, 2.0]], "float32"),
        (1.0, "float32"),
    ],
)
def test_what_is_not_a_finite_vector_is_refused_before_it_travels(array: object, dtype: str) -> None:
    with pytest.raises(PoolingOverflow):
        to_vector(array, dtype)  # type: ignore[arg-type]  # wrong shapes on purpose


@pytest.mark.parametrize(
    ("vector", "says"),
    [
        (Vector(dim=2, dtype="float32", data=bytes(7)), "has 8 bytes, but 7 came"),
        (Vector(dim=2, dtype="float16", data=bytes(8)), "has 4 bytes, but 8 came"),
        (Vector(dim=0, dtype="float32", data=b""), "of 0 numbers"),
        (Vector(dim=-1, dtype="float32", data=b""), "of -1 numbers"),
        (Vector(dim=2, dtype="float32", data=np.array([0, np.nan], "<f4").tobytes()), "entry 1 of 2"),
        (Vector(dim=1, dtype="float16", data=np.array([np.inf], "<f2").tobytes()), "entry 0 of 1"),
    ],
)
def test_a_vector_that_lies_about_itself_is_unreadable(vector: Vector, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        from_vector(vector)
