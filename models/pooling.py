"""Sums that come out the same whatever the order: fixed point in 64-bit integers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.errors import PoolingOverflow, Unreadable
from schemas.summaries import PooledVector

STEPS = 2**24
"""Steps a unit: float16 and float32 entries of our encoders lose nothing that matters (6e-8)."""

LIMIT = 32.0
"""Largest entry; LIMIT * STEPS * MAX_COUNT = 2**60 stays inside an int64."""

MAX_COUNT = 2**31
"""Most vectors in one sum."""

NUMBER_STEPS = 2**20
NUMBER_LIMIT = float(2**22)
"""Named numbers may be larger and fewer: 2**22 * 2**20 steps * 10**6 segments = 2**62."""

FIXED = np.dtype("<i8")


def to_fixed(vector: ArrayLike) -> NDArray[np.int64]:
    """Round a vector to fixed point, so that adding is exact.

    Parameters
    ----------
    vector : array, any shape, each entry in [-32, 32]

    Returns
    -------
    array, same shape, int64 in steps of 2**-24

    Raises
    ------
    PoolingOverflow
        An entry outside the range, or not finite.

    Source: Kulisch accumulation (Kulisch, Advanced Arithmetic for the Digital Computer, 2002), reduced to the
    range our encoders produce.

    >>> to_fixed([1.0, -0.5]).tolist()
    [16777216, -8388608]
    """
    numbers = np.array(vector, np.float64)  # a copy, scaled in place below
    largest = float(np.abs(numbers).max(initial=0.0))
    if not largest <= LIMIT:  # also true of NaN
        raise PoolingOverflow(
            f"expected entries in [-{LIMIT:g}, {LIMIT:g}], largest is {largest:g}; mend the model's output"
        )
    numbers *= STEPS
    fixed: NDArray[np.int64] = np.rint(numbers, out=numbers).astype(FIXED)
    return fixed


def pool_one(vector: ArrayLike) -> PooledVector:
    """Make the sum of a single vector, shape (dim,); raises `PoolingOverflow` like `to_fixed`."""
    fixed = to_fixed(vector)
    return PooledVector(dim=fixed.size, count=1, sums=fixed.tobytes())


def add(left: PooledVector, right: PooledVector) -> PooledVector:
    """Add two sums exactly: any order and any grouping gives the same bytes.

    Raises
    ------
    PoolingOverflow
        Vectors of different models, or more than 2**31 of them.
    Unreadable
        A sum whose bytes are not `dim` int64 numbers.
    """
    count = left.count + right.count
    if left.dim != right.dim:
        raise PoolingOverflow(f"cannot add a vector of {right.dim} numbers to one of {left.dim}: another model?")
    if count > MAX_COUNT:
        raise PoolingOverflow(f"expected at most {MAX_COUNT} vectors in one sum, got {count}")
    return PooledVector(dim=left.dim, count=count, sums=(sums(left) + sums(right)).tobytes())


def sums(pooled: PooledVector) -> NDArray[np.int64]:
    """Read a sum's numbers: array, shape (dim,), int64, read-only.

    Raises
    ------
    Unreadable
        The bytes are not `dim` int64 numbers.
    """
    if pooled.dim < 1 or pooled.count < 1 or len(pooled.sums) != pooled.dim * FIXED.itemsize:
        raise Unreadable(
            f"a sum of {pooled.dim} numbers has {pooled.dim * FIXED.itemsize} bytes and a count of at least 1, "
            f"got {len(pooled.sums)} bytes and a count of {pooled.count}"
        )
    return np.frombuffer(pooled.sums, FIXED)


def mean(pooled: PooledVector) -> NDArray[np.float64]:
    """Divide a sum by its count: array, shape (dim,), float64; raises `Unreadable` like `sums`."""
    average: NDArray[np.float64] = sums(pooled) / (pooled.count * float(STEPS))
    return average


def number_to_fixed(value: float) -> int:
    """Round a named number to steps of 2**-20, so that adding is exact.

    Raises
    ------
    PoolingOverflow
        Not finite, or larger than 2**22 either way.

    >>> number_to_fixed(0.5)
    524288
    """
    if not -NUMBER_LIMIT <= value <= NUMBER_LIMIT:  # also true of NaN
        raise PoolingOverflow(f"expected a number in [-{NUMBER_LIMIT:g}, {NUMBER_LIMIT:g}], got {value}")
    return round(value * NUMBER_STEPS)


def mean_number(total: int, count: int) -> float:
    """Mean of `count` fixed-point numbers that add up to `total`."""
    return total / (count * NUMBER_STEPS)
