"""Rows on a GPU: what is proposed is exact although the GPU only has an older copy. The index here is on the CPU."""

import faiss
import numpy as np
import pytest

from models import gallery_gpu
from models.gallery import FaceGallery, FlatRows
from models.gallery_gpu import GpuRows

DIM = 16
RANDOM = np.random.default_rng(9)


def _points(count: int) -> np.ndarray:
    return RANDOM.normal(0, 1, (count, DIM)).astype(np.float32)


@pytest.mark.parametrize("stale_rows", [0, 7, 10_000], ids=["copied at once", "copied now and then", "never copied"])
def test_the_nearest_are_among_those_proposed(stale_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery_gpu, "STALE_ROWS", stale_rows)
    gpu, flat = GpuRows(DIM, faiss.IndexFlatL2(DIM)), FlatRows(DIM)
    present: set[int] = set()
    for turn in range(60):
        rows = sorted({int(row) for row in RANDOM.integers(0, 1500, 40)})
        points = _points(len(rows))
        gone = sorted(present)[turn % 3 :: 50]
        for one in (gpu, flat):
            one.put(rows, points)
            one.drop(gone)
        present = (present | set(rows)) - set(gone)
        asked = _points(1)[0]
        nearest = flat.propose(asked, 8)
        proposed = gpu.propose(asked, 8)
        assert set(nearest) <= set(proposed) <= present
        assert len(proposed) == len(set(proposed))
        assert gpu.points(proposed).tobytes() == flat.points(proposed).tobytes()


def test_nobody_is_proposed_where_nobody_is() -> None:
    rows = GpuRows(DIM, faiss.IndexFlatL2(DIM))
    assert rows.propose(_points(1)[0], 8) == []
    rows.put([3], _points(1))
    rows.drop([3])
    assert rows.propose(_points(1)[0], 8) == []


def _has_gpu() -> bool:
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0


@pytest.mark.parametrize("device", ["cpu", "auto", "cuda"])
def test_a_gallery_answers_the_same_on_every_device(device: str) -> None:
    """Where FAISS knows no GPU, all three are the CPU."""
    points = {f"person:{number:016x}": point for number, point in enumerate(_points(3000))}
    here, there = FaceGallery(dim=DIM), FaceGallery(dim=DIM, device=device)
    here.put(points)
    there.put(points)
    for asked in _points(20):
        assert here.nearest(asked, 3) == there.nearest(asked, 3)


@pytest.mark.skipif(not _has_gpu(), reason="this FAISS knows no GPU, or there is none")
def test_a_gallery_on_a_gpu_measures_everyone_even_with_cells() -> None:
    points = {f"person:{number:016x}": point for number, point in enumerate(_points(3000))}
    exact = FaceGallery(dim=DIM)
    exact.put(points)
    gallery = FaceGallery(dim=DIM, flat_limit=10, cells_searched=1, device="cuda")
    gallery.put(points)
    gallery.use_cells(gallery.draw_cells())
    assert not gallery.wants_cells
    for asked in _points(20):
        assert exact.nearest(asked, 3) == gallery.nearest(asked, 3)
