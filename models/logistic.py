"""Many logistic regressions on the same rows, in a space that holds nearly all of what they say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_AXES = 512
"""The penalty sees lengths only, so that with fewer rows or columns nothing at all is lost."""

LEAST_SHARE = 1e-10
"""Axes along which next to nothing varies are noise of the sums."""

MOST_STEPS = 500


@dataclass(frozen=True)
class Line:
    """Log odds as a sum: `weights` of shape (axes,)."""

    weights: Floats
    offset: float


def reduced(rows: Floats, most: int = MOST_AXES) -> Floats:
    """The axes along which rows reach farthest, shape (dim, axes), each of length 1.

    Source: Pearson, On lines and planes of closest fit to systems of points in space, 1901, without centring.
    """
    from scipy.linalg import eigh

    count, dim = rows.shape
    size = min(count, dim)
    if not size:
        return np.zeros((dim, 0))
    square = rows.T @ rows if dim <= count else rows @ rows.T
    lengths, axes = eigh(square, subset_by_index=[max(size - most, 0), size - 1])
    kept = lengths > max(float(lengths[-1]) * LEAST_SHARE, 0.0)
    if dim <= count:
        return np.asarray(axes[:, kept], np.float64)
    return np.asarray(rows.T @ (axes[:, kept] / np.sqrt(lengths[kept])), np.float64)


def fit_lines(rows: Floats, truth: Bools, strengths: Sequence[float]) -> list[Line]:
    """Learn one line for each inverse penalty, each beginning where the one before it ended.

    Source: Cox, The regression analysis of binary sequences, 1958.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    model = LogisticRegression(max_iter=MOST_STEPS, warm_start=True)
    found = []
    with threadpool_limits(1, user_api="blas"):  # threads wait for each other longer than these products take
        for strength in strengths:
            model.set_params(C=strength).fit(rows, truth)
            found.append(Line(model.coef_[0].copy(), float(model.intercept_[0])))
    return found
