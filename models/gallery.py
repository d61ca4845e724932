"""Everyone seen so far, as one point each, and who is nearest to a new face.

What a gallery answers depends only on who is in it, not on the order in which they came: FAISS proposes
candidates, exact integer distances decide, and ties go to the smaller id. So a gallery that was rebuilt
from its stored states goes on exactly as the old one would have.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol  # faiss is untyped

import numpy as np
from numpy.typing import NDArray

from models.gallery_gpu import GpuRows
from models.inference import Device
from models.pooling import STEPS as POOL_STEPS
from models.pooling import sums
from schemas.errors import Unreadable
from schemas.gallery import Cells
from schemas.summaries import PooledVector

DISTANCE_STEPS = 2**20
"""Steps a unit in which distances are exact: entries to 32, 128 of them, squared, fit an int64."""

CANDIDATES = 8
"""Proposals for each place that is asked for are at least so many; measured by `benchmarks/gallery.py`."""

CELLS = 4096
"""Cells of a large gallery, drawn when it leaves the flat index; 244 identities each at a million."""

TRAINING_ROUNDS = 8
_FIRST_ROOM = 1024

Float32 = NDArray[np.float32]


class Near(NamedTuple):
    """An identity and how far (L2) it is."""

    distance: float
    identity_id: str


class Rows(Protocol):
    """Where the points lie: rows by number."""

    def put(self, rows: Sequence[int], points: Float32) -> None: ...
    def drop(self, rows: Sequence[int]) -> None: ...
    def propose(self, point: Float32, count: int) -> list[int]: ...
    def points(self, rows: Sequence[int]) -> Float32: ...


def centroid(pooled: PooledVector) -> Float32:
    """Divide an exact sum by its count: array, shape (dim,), the same bytes on every machine."""
    mean: Float32 = (sums(pooled) / (pooled.count * float(POOL_STEPS))).astype(np.float32)
    return mean


def subtract(total: PooledVector, part: PooledVector) -> PooledVector | None:
    """Take a sum out of a sum exactly; None when nothing is left.

    Raises
    ------
    Unreadable
        `part` cannot have been added to `total`.
    """
    if part.dim != total.dim or part.count > total.count:
        raise Unreadable(f"cannot take {part.count} x {part.dim} numbers out of {total.count} x {total.dim}")
    if part.count == total.count:
        return None
    left = sums(total) - sums(part)
    return PooledVector(dim=total.dim, count=total.count - part.count, sums=left.tobytes())


def distances(point: Float32, others: Float32) -> NDArray[np.float64]:
    """Measure from one point to others, in exact integers up to the last square root.

    Parameters
    ----------
    point : array, shape (dim,)
    others : array, shape (n, dim)

    Returns
    -------
    array, shape (n,)

    >>> distances(np.zeros(2, np.float32), np.array([[3, 4]], np.float32)).tolist()
    [5.0]
    """
    away = _steps(others) - _steps(point)
    squared = np.einsum("nd,nd->n", away, away)
    away_l2: NDArray[np.float64] = np.sqrt(squared.astype(np.float64)) / DISTANCE_STEPS
    return away_l2


def _steps(points: Float32) -> NDArray[np.int64]:
    return np.rint(points.astype(np.float64) * DISTANCE_STEPS).astype(np.int64)


def choose(found: Sequence[Near], *, threshold_l2: float, margin_l2: float) -> str | None:
    """Say which identity a face belongs to, if one stands out.

    Parameters
    ----------
    found : sequence of Near
        Nearest first, without those that are ruled out.
    threshold_l2 : float
        Farther is another person.
    margin_l2 : float
        The second nearest must be so much farther than the nearest.

    >>> choose([Near(0.3, "a"), Near(0.5, "b")], threshold_l2=0.55, margin_l2=0.05)
    'a'
    >>> choose([Near(0.30, "a"), Near(0.31, "b")], threshold_l2=0.55, margin_l2=0.05)
    """
    if not found or found[0].distance > threshold_l2:
        return None
    if len(found) > 1 and found[1].distance - found[0].distance < margin_l2:
        return None
    return found[0].identity_id


class FaceGallery:
    """One point for each identity.

    Parameters
    ----------
    dim : int
        Numbers in a face vector.
    flat_limit : int
        Up to so many identities every one is measured; beyond it only those in the nearest cells.
    cells_searched : int
        How many cells that is; `benchmarks/gallery.py` found that 48 agree with the exact answer in 998 of 1000
        cases at a million identities.
    device : "auto", "cpu" or "cuda"
        With a FAISS that knows GPUs and a GPU, everyone is measured there, however many they are; cells are
        drawn and kept all the same, for machines without.

    Attributes
    ----------
    dim : int
    """

    def __init__(
        self, *, dim: int = 128, flat_limit: int = 50_000, cells_searched: int = 48, device: Device = "cpu"
    ) -> None:
        self.dim, self._flat_limit, self._cells_searched = dim, flat_limit, cells_searched
        self._is_on_gpu = device != "cpu" and _has_gpu()
        self.clear()

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, identity_id: str) -> bool:
        return identity_id in self._row_of

    @property
    def wants_cells(self) -> bool:
        """Whether it has outgrown the flat index, and has no cells yet."""
        return len(self) > self._flat_limit and not self._has_cells

    def clear(self) -> None:
        """Forget everyone, and the cells."""
        self._rows: Rows = GpuRows(self.dim, _gpu_index(self.dim)) if self._is_on_gpu else FlatRows(self.dim)
        self._has_cells = False
        self._row_of: dict[str, int] = {}
        self._id_of: list[str] = []
        self._free: list[int] = []

    def put(self, points: Mapping[str, Float32]) -> None:
        """Set where identities are.

        Raises
        ------
        Unreadable
            A point has another dimension.
        """
        for point in points.values():
            if point.shape != (self.dim,):
                raise Unreadable(f"a face of this gallery has {self.dim} numbers; one of shape {point.shape} came")
        if points:
            self._rows.put([self._row(name) for name in points], np.stack(list(points.values())))

    def remove(self, identity_id: str) -> None:
        """Forget an identity; one that is not there is forgotten already."""
        row = self._row_of.pop(identity_id, None)
        if row is not None:
            self._rows.drop([row])
            self._id_of[row] = ""
            self._free.append(row)

    def nearest(self, point: Float32, count: int = 2) -> list[Near]:
        """Find the nearest identities, nearest first."""
        rows = self._rows.propose(point, max(count, CANDIDATES)) if self._row_of else []
        if not rows:
            return []
        away = distances(point, self._rows.points(rows))
        return sorted(Near(float(far), self._id_of[row]) for far, row in zip(away, rows, strict=True))[:count]

    def draw_cells(self) -> Cells:
        """Lay cells through everyone who is here; the same for the same identities."""
        everyone = self._rows.points([self._row_of[name] for name in sorted(self._row_of)])
        centres = _k_means(everyone, min(CELLS, max(1, len(self) // 4)))
        return Cells(count=len(centres), dim=self.dim, centres=centres.astype("<f4").tobytes())

    def use_cells(self, cells: Cells) -> None:
        """Search by cells from now on."""
        rows = CellRows(_centres(cells), self._cells_searched)
        self._has_cells = True
        if self._is_on_gpu:
            return
        present = list(self._row_of.values())
        rows.put(present, self._rows.points(present))
        self._rows = rows

    def digest(self) -> str:
        """Name the whole content: sha256 over ids and points in order of id."""
        content = hashlib.sha256()
        for name in sorted(self._row_of):
            content.update(name.encode())
            content.update(self._rows.points([self._row_of[name]]).astype("<f4").tobytes())
        return content.hexdigest()

    def _row(self, identity_id: str) -> int:
        row = self._row_of.get(identity_id)
        if row is None:
            if not self._free:
                self._free.append(len(self._id_of))
                self._id_of.append("")
            row = self._row_of[identity_id] = self._free.pop()
            self._id_of[row] = identity_id
        return row


class FlatRows:
    """Every point is measured: a matrix with room to grow. Free rows are infinitely far."""

    def __init__(self, dim: int) -> None:
        self._matrix: Float32 = np.full((_FIRST_ROOM, dim), np.inf, np.float32)
        self._used = 0

    def put(self, rows: Sequence[int], points: Float32) -> None:
        """Set rows; the matrix doubles when it is full."""
        self._used = max(self._used, max(rows) + 1)
        while self._used > len(self._matrix):
            empty = np.full_like(self._matrix, np.inf)
            self._matrix = np.concatenate([self._matrix, empty])
        self._matrix[list(rows)] = points

    def drop(self, rows: Sequence[int]) -> None:
        """Clear rows."""
        self._matrix[list(rows)] = np.inf

    def propose(self, point: Float32, count: int) -> list[int]:
        """Give the nearest rows by float distances."""
        far, rows = _faiss().knn(point[None, :], self._matrix[: self._used], min(count, self._used))
        return [int(row) for row, distance in zip(rows[0], far[0], strict=True) if row >= 0 and np.isfinite(distance)]

    def points(self, rows: Sequence[int]) -> Float32:
        """Give rows as they were put."""
        return self._matrix[list(rows)]


class CellRows:
    """Only the points in the nearest cells are measured (FAISS IVF with exact lists).

    Unlike a graph (HNSW), what it finds does not depend on the order in which points came, points can
    be moved and removed, and a million of them are back in seconds after a restart.

    Source: Jégou, Douze, Schmid, Product quantization for nearest neighbor search (2011), section IV (IVF).
    """

    def __init__(self, centres: Float32, searched: int) -> None:
        faiss, dim = _faiss(), centres.shape[1]
        self._centres = faiss.IndexFlatL2(dim)  # kept: the index does not own it
        self._centres.add(centres)
        self._index = faiss.IndexIVFFlat(self._centres, dim, len(centres))
        self._index.is_trained = True
        self._index.nprobe = min(searched, len(centres))
        self._index.set_direct_map_type(faiss.DirectMap.Hashtable)
        self._present: set[int] = set()

    def put(self, rows: Sequence[int], points: Float32) -> None:
        """Set rows: each moves to the cell it is in now."""
        self.drop(rows)
        self._index.add_with_ids(np.ascontiguousarray(points), np.array(rows, np.int64))
        self._present.update(rows)

    def drop(self, rows: Sequence[int]) -> None:
        """Clear rows."""
        present = self._present.intersection(rows)
        if present:
            self._index.remove_ids(np.array(sorted(present), np.int64))
            self._present -= present

    def propose(self, point: Float32, count: int) -> list[int]:
        """Give the nearest rows in the nearest cells, by float distances."""
        _, rows = self._index.search(point[None, :], count)
        return [int(row) for row in rows[0] if row >= 0]

    def points(self, rows: Sequence[int]) -> Float32:
        """Give rows as they were put."""
        found = [self._index.reconstruct(int(row)) for row in rows]
        return np.stack(found) if found else np.zeros((0, self._index.d), np.float32)


def _centres(cells: Cells) -> Float32:
    rows = np.frombuffer(cells.centres, "<f4")
    if rows.size != cells.count * cells.dim:
        raise Unreadable(f"{cells.count} cells of {cells.dim} numbers expected, {rows.size} numbers came")
    return rows.reshape(cells.count, cells.dim).astype(np.float32)


def _k_means(points: Float32, count: int) -> Float32:
    """Find cell centres; a fixed seed, sorted input and one thread give the same answer each time."""
    means = _faiss().Kmeans(
        points.shape[1],
        count,
        niter=TRAINING_ROUNDS,
        seed=1,
        min_points_per_centroid=1,
        max_points_per_centroid=len(points),
    )
    means.train(np.ascontiguousarray(points))
    centres: Float32 = means.centroids
    return centres


def _has_gpu() -> bool:
    faiss = _faiss()
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0


def _gpu_index(dim: int) -> Any:
    """Make an exact index on the first GPU.

    Source: https://github.com/facebookresearch/faiss/wiki/Faiss-on-the-GPU
    """
    faiss = _faiss()
    return faiss.GpuIndexFlatL2(faiss.StandardGpuResources(), dim)


def _faiss() -> Any:
    """Load FAISS when it is needed, with one thread: a face at a time gains nothing from more."""
    import faiss

    faiss.omp_set_num_threads(1)
    return faiss
