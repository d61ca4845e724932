"""A face is as good as its worst property, and the reasons say which."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from networks import face_sight
from portraits import crowd, head, on_wall, portrait, scaled

from models.faces.compare import SAME_BELOW, distance
from models.faces.detect import Face
from models.faces.quality import LEAST_QUALITY, inside, judge, turned
from models.faces.sighting import LARGEST_CROP_PX, FaceSight, Sighting, cut_out

SIDE_ON = ((60.0, 50.0), (80.0, 50.0), (50.0, 62.0), (60.0, 80.0), (75.0, 80.0))
"""The nose reaches beyond the eye."""


@pytest.fixture(scope="module")
def sight(cache: Path) -> FaceSight:
    return face_sight(cache)


def _only(sight: FaceSight, picture: np.ndarray, least_score: float = 0.5) -> Sighting:
    (sighting,) = sight.see(picture, least_score)
    return sighting


@pytest.mark.parametrize("name", ["astronaut", "pioneer"])
def test_a_portrait_is_seen_well(sight: FaceSight, name: str) -> None:
    quality = _only(sight, portrait(name)).quality
    assert quality.value > 0.9
    assert quality.reasons == ()


@pytest.mark.parametrize("name", ["astronaut", "pioneer"])
@pytest.mark.parametrize("face_px", [10, 14, 17])
def test_a_tiny_face_stays_out(sight: FaceSight, name: str, face_px: float) -> None:
    (large,) = sight.detector.detect(on_wall(head(name)))
    found = sight.see(on_wall(scaled(head(name), face_px / large.size_px)), 0.2)
    assert all(sighting.vector is None and sighting.quality.reasons for sighting in found)


def test_a_small_face_is_known_again(sight: FaceSight) -> None:
    (large,) = sight.see(on_wall(head("astronaut")))
    small = _only(sight, on_wall(scaled(head("astronaut"), 26 / large.face.size_px)))
    assert large.vector is not None
    assert small.vector is not None
    assert small.quality.value < large.quality.value
    assert distance(small.vector, large.vector) < SAME_BELOW


@pytest.mark.parametrize("how", ["blurred", "dark"])
def test_a_blurred_or_dark_face_stays_out(sight: FaceSight, how: str) -> None:
    picture = portrait("astronaut")
    spoiled = cv2.GaussianBlur(picture, (0, 0), 8) if how == "blurred" else picture // 16
    sighting = _only(sight, spoiled)
    assert sighting.vector is None
    assert "blurred or dark" in sighting.quality.reasons


def test_sharper_is_better(sight: FaceSight) -> None:
    spoiled = [cv2.GaussianBlur(portrait("astronaut"), (0, 0), width_px) for width_px in (1, 3, 5)]
    values = [_only(sight, picture).quality.value for picture in spoiled]
    assert values == sorted(values, reverse=True)
    assert values[0] > 2 * values[2]


def test_a_profile_is_turned_away(sight: FaceSight) -> None:
    face = Face(left_px=40, top_px=20, width_px=60, height_px=80, score=0.9, landmarks_px=SIDE_ON)
    quality = judge(portrait("astronaut"), face)
    assert quality.value == 0
    assert "turned away" in quality.reasons
    assert turned(face) == pytest.approx(2)


def test_a_face_without_width_is_turned_as_far_as_can_be() -> None:
    face = Face(left_px=0, top_px=0, width_px=9, height_px=9, score=0.9, landmarks_px=((5.0, 5.0),) * 5)
    assert turned(face) == float("inf")
    assert judge(np.zeros((9, 9, 3), np.uint8), face).value == 0


def test_half_a_face_is_cut_off(sight: FaceSight) -> None:
    picture = portrait("astronaut")
    (face,) = sight.detector.detect(picture)
    middle = int(face.left_px + face.width_px / 2)
    cut = np.ascontiguousarray(picture[:, middle:])
    shifted = tuple((x - middle, y) for x, y in face.landmarks_px)
    half = msgspec.structs.replace(face, left_px=face.left_px - middle, landmarks_px=shifted)
    assert inside(picture, face) == 1
    assert 0.4 < inside(cut, half) < 0.6
    assert "cut off" in judge(cut, half).reasons


def test_what_is_hardly_a_face_never_gets_a_vector(sight: FaceSight) -> None:
    found = sight.see(crowd(), 0.05)
    doubtful = [sighting for sighting in found if sighting.face.score < 0.5]
    assert all(sighting.vector is None and sighting.quality.reasons == ("hardly a face",) for sighting in doubtful)
    assert sum(sighting.vector is not None for sighting in found) == 40


def test_exactly_the_faces_above_the_least_quality_get_a_vector(sight: FaceSight) -> None:
    pictures = [crowd(), on_wall(scaled(head("astronaut"), 0.3), scaled(head("pioneer"), 0.2), head("pioneer"))]
    for picture in pictures:
        for sighting in sight.see(picture):
            assert (sighting.vector is not None) == (sighting.quality.value >= LEAST_QUALITY)
            assert (sighting.crop is None) == (sighting.vector is None)


def test_of_a_crowd_only_the_best_are_embedded(sight: FaceSight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.faces.sighting.MOST_EMBEDDED", 5)
    found = sight.see(crowd())
    values = {kind: [s.quality.value for s in found if (s.vector is not None) == kind] for kind in (True, False)}
    assert len(values[True]) == 5
    assert min(values[True]) >= max(values[False])


@pytest.mark.parametrize("left_px", [-500.0, -30.0, 0.0, 600.0, 5000.0])
def test_a_crop_is_never_empty_and_never_large(left_px: float) -> None:
    face = Face(left_px=left_px, top_px=-20, width_px=400, height_px=500, score=0.9, landmarks_px=SIDE_ON)
    crop = cut_out(np.zeros((360, 640, 3), np.uint8), face)
    assert 1 <= min(crop.shape[:2]) <= max(crop.shape[:2]) <= LARGEST_CROP_PX
