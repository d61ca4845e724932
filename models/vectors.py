"""Vectors between numpy and events."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.errors import PoolingOverflow, Unreadable
from schemas.features import Vector

VectorType: TypeAlias = Literal["float16", "float32"]

_LITTLE_ENDIAN: dict[VectorType, str] = {"float16": "<f2", "float32": "<f4"}


def to_vector(array: ArrayLike, dtype: VectorType = "float32") -> Vector:
    """Pack a vector for an event.

    Parameters
    ----------
    array : array, shape (dim,)
    dtype : "float16" or "float32"
        What travels; float16 keeps about three decimal digits.

    Raises
    ------
    PoolingOverflow
        Not one row of at least one number, or an entry that is not finite in `dtype`.

    >>> to_vector([1.0, 0.5]).dim
    2
    """
    with np.errstate(over="ignore"):  # an overflow becomes inf, and is refused below
        numbers = np.asarray(array).astype(_LITTLE_ENDIAN[dtype])
    if numbers.ndim != 1 or numbers.size == 0:
        raise PoolingOverflow(f"expected a vector of shape (dim,) with dim > 0, got shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise PoolingOverflow(
            f"entry {_first_bad(numbers)} of {numbers.size} is not a finite {dtype}; mend the model's output"
        )
    return Vector(dim=numbers.size, dtype=dtype, data=numbers.tobytes())


def from_vector(vector: Vector) -> NDArray[np.float32]:
    """Unpack an event's vector.

    Returns
    -------
    array, shape (dim,), float32, native byte order, read-only when it shares the event's bytes

    Raises
    ------
    Unreadable
        No entries, more or fewer bytes than `dim` numbers of `dtype`, or an entry that is not finite.
    """
    little_endian = np.dtype(_LITTLE_ENDIAN[vector.dtype])
    expected_bytes = vector.dim * little_endian.itemsize
    if vector.dim < 1 or len(vector.data) != expected_bytes:
        raise Unreadable(
            f"a {vector.dtype} vector of {vector.dim} numbers has {expected_bytes} bytes, but {len(vector.data)} came"
        )
    numbers = np.frombuffer(vector.data, little_endian)
    if not np.isfinite(numbers).all():
        raise Unreadable(f"entry {_first_bad(numbers)} of {vector.dim} is not a finite number")
    return numbers.astype(np.float32, copy=False)


def _first_bad(numbers: NDArray[np.floating]) -> int:
    return int(np.flatnonzero(~np.isfinite(numbers))[0])
