"""Arrays of a published weights file by name: shapes checked, sizes read from the arrays themselves."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.errors import WeightsMissing

Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]

ANY = -1
"""In a shape: as many as there are."""


class NamedArrays:
    """The arrays of one network under a prefix.

    Parameters
    ----------
    arrays : mapping of name to array
    network : str
        As ``groundswell weights fetch`` knows it, to say what to do.
    """

    def __init__(self, arrays: Arrays, network: str, prefix: str = "") -> None:
        self._arrays, self._network, self._prefix = arrays, network, prefix

    def under(self, prefix: str) -> "NamedArrays":
        """Give the arrays whose names go on with a prefix."""
        return NamedArrays(self._arrays, self._network, self._prefix + prefix)

    def has(self, name: str) -> bool:
        """Whether there is an array of this name."""
        return self._prefix + name in self._arrays

    def count(self, pattern: str) -> int:
        """Count from 0 on: how many ``pattern.format(0)``, ``pattern.format(1)`` ... there are without a gap."""
        number = 0
        while self.has(pattern.format(number)):
            number += 1
        return number

    def array(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Give an array.

        Parameters
        ----------
        shape : int
            The size of each axis, or `ANY`.

        Raises
        ------
        WeightsMissing
            It is absent, or has another shape or type than float32.
        """
        full_name = self._prefix + name
        array = self._arrays.get(full_name)
        if array is None:
            raise self.refusal(f"the weights hold no array {full_name}")
        is_as_wanted = len(array.shape) == len(shape) and all(
            wanted in (ANY, size) for wanted, size in zip(shape, array.shape, strict=True)
        )
        if not is_as_wanted or array.dtype != np.float32:
            raise self.refusal(f"expected {full_name} as float32 {shape}, got {array.dtype} {array.shape}")
        return array.astype(np.float32, copy=False)

    def refusal(self, reason: str) -> WeightsMissing:
        """Say what is wrong with the file, and what to do."""
        return WeightsMissing(f"{reason}; fetch it again: groundswell weights fetch {self._network}")
