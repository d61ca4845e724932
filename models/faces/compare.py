"""Whether two faces are the same person's."""

import numpy as np
from numpy.typing import NDArray

from models.faces.likeness import DLIB

SAME_BELOW = DLIB.same_below
"""For vectors of the default encoder."""


def distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How far two embeddings are from each other.

    Parameters
    ----------
    one, other : arrays, shape (128,)

    >>> distance(np.zeros(4, np.float32), np.ones(4, np.float32))
    2.0
    """
    return float(np.linalg.norm(one.astype(np.float64) - other))


def is_same(distance: float, *, same_below: float = SAME_BELOW) -> bool:
    """Whether two faces that far apart are taken for one person."""
    return distance < same_below
