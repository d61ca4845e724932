"""The gallery's index: exact answers that depend on who is in it, and on nothing else."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import SIZE, unit

from models.gallery import FaceGallery, Near, centroid, choose, distances, subtract
from models.pooling import add, pool_one
from schemas.errors import Unreadable
from schemas.gallery import Cells

MANY = 600


def point(name: object) -> np.ndarray:
    return (SIZE * unit("person", name)).astype(np.float32)


def crowd(count: int) -> dict[str, np.ndarray]:
    return {f"person:{n:016x}": point(n) for n in range(count)}


def gallery_of(points: dict[str, np.ndarray], *, flat_limit: int = 50_000, cells_searched: int = 16) -> FaceGallery:
    gallery = FaceGallery(flat_limit=flat_limit, cells_searched=cells_searched)
    gallery.put(points)
    return gallery


def with_cells(points: dict[str, np.ndarray], **options: int) -> FaceGallery:
    gallery = gallery_of(points, flat_limit=10, **options)
    assert gallery.wants_cells
    gallery.use_cells(gallery.draw_cells())
    assert not gallery.wants_cells
    return gallery


def test_the_nearest_come_first_with_exact_distances():
    points = crowd(50)
    gallery = gallery_of(points)
    asked = point("stranger")
    found = gallery.nearest(asked, 5)
    true = {name: float(np.linalg.norm(p.astype(np.float64) - asked)) for name, p in points.items()}
    assert [n.identity_id for n in found] == sorted(true, key=true.__getitem__)[:5]
    assert [n.distance for n in found] == pytest.approx([true[n.identity_id] for n in found], abs=1e-6)


def test_an_empty_gallery_knows_nobody():
    assert FaceGallery().nearest(point(1)) == []


def test_equal_distances_are_ordered_by_id():
    same = point(1)
    gallery = gallery_of({"person:b": same, "person:a": same})
    assert [n.identity_id for n in gallery.nearest(same)] == ["person:a", "person:b"]


@pytest.mark.parametrize("make", [gallery_of, with_cells], ids=["flat", "cells"])
def test_who_moves_is_found_at_the_new_place_and_who_leaves_nowhere(make):
    gallery = make(crowd(MANY))
    mover, leaver = "person:0000000000000001", "person:0000000000000002"
    gallery.put({mover: point("elsewhere")})
    gallery.remove(leaver)
    gallery.remove(leaver)
    assert gallery.nearest(point("elsewhere"), 1)[0] == Near(0.0, mover)
    assert gallery.nearest(point(2), 1)[0].identity_id != leaver
    assert (len(gallery), mover in gallery, leaver in gallery) == (MANY - 1, True, False)


@pytest.mark.parametrize("make", [gallery_of, with_cells], ids=["flat", "cells"])
def test_a_place_that_became_free_is_used_again(make):
    gallery = make(crowd(30))
    for n in range(200):
        gallery.remove(f"person:{n % 30:016x}")
        gallery.put({f"person:{n % 30:016x}": point(n)})
    assert len(gallery) == 30
    assert gallery.nearest(point(199), 1)[0].distance == 0.0


@pytest.mark.parametrize("has_cells", [False, True])
def test_the_order_in_which_people_came_changes_no_answer(has_cells):
    points = crowd(MANY)
    first = gallery_of(points, flat_limit=10)
    cells = first.draw_cells()
    shuffled = list(points.items())
    random.Random(5).shuffle(shuffled)
    second = FaceGallery(flat_limit=10, cells_searched=16)
    if has_cells:
        first.use_cells(cells)
        second.use_cells(cells)
    for name, p in shuffled:
        second.put({name: points["person:0000000000000000"]})  # a detour on the way
        second.put({name: p})
    assert second.digest() == first.digest()
    for n in range(40):
        asked = (point(n) + 0.3 * unit("noise", n)).astype(np.float32)
        assert second.nearest(asked, 3) == first.nearest(asked, 3)


def test_cells_are_the_same_for_the_same_people_whatever_their_order():
    points = crowd(MANY)
    backwards = dict(reversed(points.items()))
    assert gallery_of(points).draw_cells() == gallery_of(backwards).draw_cells()


def test_cells_find_a_returning_person_among_many():
    points = crowd(MANY)
    flat, cells = gallery_of(points), with_cells(points, cells_searched=16)
    asked = [(p + 0.4 * unit("look", name)).astype(np.float32) for name, p in points.items()]
    found = [cells.nearest(a, 1)[0] == flat.nearest(a, 1)[0] for a in asked]
    assert np.mean(found) >= 0.99


def test_what_does_not_fit_is_refused():
    with pytest.raises(Unreadable, match="128"):
        FaceGallery().put({"person:a": np.zeros(64, np.float32)})
    with pytest.raises(Unreadable, match="cells"):
        FaceGallery().use_cells(Cells(count=2, dim=128, centres=b"1234"))


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([], None),
        ([Near(0.55, "a")], "a"),
        ([Near(0.551, "a")], None),
        ([Near(0.30, "a"), Near(0.36, "b")], "a"),
        ([Near(0.30, "a"), Near(0.34, "b")], None),
    ],
)
def test_only_somebody_near_who_stands_out_is_chosen(found, chosen):
    assert choose(found, threshold_l2=0.55, margin_l2=0.05) == chosen


vectors = st.lists(st.integers(0, 10**6), min_size=1, max_size=8, unique=True).map(
    lambda seeds: [pool_one(point(seed)) for seed in seeds]
)


@settings(max_examples=30)
@given(pooled=vectors)
def test_taking_faces_out_again_leaves_exactly_the_rest(pooled):
    *rest, last = pooled
    total = None
    for one in pooled:
        total = one if total is None else add(total, one)
    expected = list(itertools.accumulate(rest, add))[-1] if rest else None
    assert subtract(total, last) == expected


def test_more_faces_than_went_in_cannot_be_taken_out():
    with pytest.raises(Unreadable):
        subtract(pool_one(point(1)), add(pool_one(point(1)), pool_one(point(2))))


def test_a_centroid_is_the_mean():
    both = add(pool_one(point(1)), pool_one(point(2)))
    assert centroid(both) == pytest.approx((point(1) + point(2)) / 2, abs=1e-7)
    assert distances(centroid(both), point(1)[None, :])[0] == pytest.approx(
        distances(centroid(both), point(2)[None, :])[0], abs=1e-6
    )
