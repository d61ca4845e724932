"""Points of a gallery on a GPU, where everyone is measured however many they are."""

from collections.abc import Sequence
from typing import Any  # faiss is untyped

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

STALE_ROWS = 1024
"""So many changed rows are measured on the host before all are copied to the GPU again: a million in 0.5 GB. FAISS
gives at most 2048 neighbours on a GPU, and every stale row may take the place of one."""

_FIRST_ROOM = 1024


class GpuRows:
    """A copy of all rows on the GPU, and those that changed since on the host.

    FAISS's index on a GPU can neither move nor remove a row. What is proposed is the same as if it could.

    Parameters
    ----------
    index : FAISS index
        Exact, by L2, empty; cleared and filled again as rows change.
    """

    def __init__(self, dim: int, index: Any) -> None:
        self._index = index
        self._matrix: Float32 = np.full((_FIRST_ROOM, dim), np.inf, np.float32)
        self._copied = np.zeros(0, np.int64)
        self._stale: set[int] = set()

    def put(self, rows: Sequence[int], points: Float32) -> None:
        """Set rows; the host's matrix doubles when it is full."""
        while max(rows) >= len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.full_like(self._matrix, np.inf)])
        self._matrix[list(rows)] = points
        self._stale.update(rows)

    def drop(self, rows: Sequence[int]) -> None:
        """Clear rows."""
        self._matrix[list(rows)] = np.inf
        self._stale.update(rows)

    def propose(self, point: Float32, count: int) -> list[int]:
        """Give the nearest rows of the copy, and the nearest of those that changed since."""
        if len(self._stale) > STALE_ROWS:
            self._copy()
        return [*self._on_gpu(point, count), *self._on_host(point, count)]

    def points(self, rows: Sequence[int]) -> Float32:
        """Give rows as they were put."""
        return self._matrix[list(rows)]

    def _copy(self) -> None:
        self._copied = np.flatnonzero(np.isfinite(self._matrix[:, 0]))
        self._index.reset()
        self._index.add(np.ascontiguousarray(self._matrix[self._copied]))
        self._stale.clear()

    def _on_gpu(self, point: Float32, count: int) -> list[int]:
        asked = min(count + len(self._stale), len(self._copied))
        if not asked:
            return []
        _, places = self._index.search(point[None, :], asked)
        found = [int(self._copied[place]) for place in places[0] if place >= 0]
        return [row for row in found if row not in self._stale][:count]

    def _on_host(self, point: Float32, count: int) -> list[int]:
        rows = np.array(sorted(self._stale), np.int64)
        rows = rows[np.isfinite(self._matrix[rows, 0])]
        away = ((self._matrix[rows] - point) ** 2).sum(axis=1)
        return [int(row) for row in rows[np.argsort(away, kind="stable")[:count]]]
