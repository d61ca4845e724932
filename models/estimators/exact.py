"""Matrix products whose every bit is the same in a batch, alone, and on another machine.

A product adds floats in an order that depends on the batch and the processor. Here both sides are first
rounded to whole steps so coarse that float64 holds every partial sum exactly; exact sums have no order.

Source: the splitting in Ozaki, Ogita, Oishi and Rump, Error-free transformations of matrix
multiplication, Numerical Algorithms 2012, with one slice of each side.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXACT_BITS = 52
"""Whole numbers below 2**53 are exact in float64; one bit is kept for the rounding up."""

ROW_BITS = 22
"""Steps of 2**-22 for entries up to 1 in size: finer than the float32 that vectors come in mean anything."""


def stepped(values: Floats, bits: int = ROW_BITS) -> Floats:
    """Round to steps of 2**-bits."""
    steps = 2.0**bits
    rounded: Floats = np.rint(values * steps) / steps
    return rounded


def weights_for(weights: Floats, *, largest: float, bits: int = ROW_BITS) -> Floats:
    """Round weights so that products with rows of steps 2**-bits and size up to `largest` are exact.

    Parameters
    ----------
    weights : array, shape (columns,) or (columns, outputs)

    Returns
    -------
    array of the same shape, in a step that is a power of two for all entries
    """
    worst = float(np.abs(weights).sum(axis=0).max(initial=0.0)) * max(largest, 2.0**-bits)
    if worst == 0.0:
        return weights
    step = 2.0 ** (np.ceil(np.log2(worst)) + bits - EXACT_BITS)
    rounded: Floats = np.rint(weights / step) * step
    return rounded
