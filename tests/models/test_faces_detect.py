"""Faces are found where they are, in any picture, the same each time."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import face_sight
from portraits import NOBODY, crowd, drawing, head, on_wall, portrait, scaled

from models.faces.align import MEAN_FACE, similarity, straighten
from models.faces.detect import FaceDetector, keep_apart, overlap, shrink

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/faces.json").read_text())


@pytest.fixture(scope="module")
def detector(cache: Path) -> FaceDetector:
    return face_sight(cache).detector


@pytest.mark.parametrize("name", sorted(GOLDEN["portraits"]))
def test_a_portrait_has_one_face_where_it_was_before(detector: FaceDetector, name: str) -> None:
    known = GOLDEN["portraits"][name]
    (face,) = detector.detect(portrait(name))
    np.testing.assert_allclose((face.left_px, face.top_px, face.width_px, face.height_px), known["box_px"], atol=0.5)
    np.testing.assert_allclose(face.landmarks_px, known["landmarks_px"], atol=0.5)
    assert face.score == pytest.approx(known["score"], abs=0.002)


def test_eyes_nose_and_mouth_lie_in_their_order(detector: FaceDetector) -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = detector.detect(portrait("astronaut"))[0].landmarks_px
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@pytest.mark.parametrize(
    "picture",
    [NOBODY, np.zeros((1, 1, 3), np.uint8), np.zeros((3, 900, 3), np.uint8), np.full((2000, 20, 3), 255, np.uint8)],
    ids=["wall", "one pixel", "wide", "high"],
)
def test_a_picture_of_nobody_has_no_face(detector: FaceDetector, picture: np.ndarray) -> None:
    assert detector.detect(picture) == []


@pytest.mark.parametrize("detailed", [False, True])
def test_a_drawing_is_nobody(detector: FaceDetector, detailed: bool) -> None:
    assert detector.detect(drawing(detailed=detailed)) == []


@pytest.mark.parametrize("name", ["cat", "coffee", "rocket"])
def test_neither_cat_nor_cup_nor_rocket_has_a_face(detector: FaceDetector, name: str) -> None:
    assert detector.detect(portrait(name)) == []


def test_forty_people_have_forty_faces(detector: FaceDetector) -> None:
    picture = crowd()
    faces = detector.detect(picture)
    assert len(faces) == 40
    cells = {(int(f.left_px + f.width_px / 2) // 160, int(f.top_px + f.height_px / 2) // 144) for f in faces}
    assert len(cells) == 40


def test_the_same_picture_has_the_same_faces(detector: FaceDetector) -> None:
    first = detector.detect(crowd())
    detector.detect(portrait("pioneer"))  # another size in between
    assert detector.detect(crowd()) == first


@pytest.mark.parametrize("size_px", [224, 320, 640])
def test_another_size_finds_the_same_person(cache: Path, detector: FaceDetector, size_px: int) -> None:
    other = FaceDetector(detector._network, size_px)
    (face,), (same,) = detector.detect(portrait("astronaut")), other.detect(portrait("astronaut"))
    np.testing.assert_allclose(face.landmarks_px, same.landmarks_px, atol=5)


def test_a_closer_look_brings_a_small_face_nearer_to_its_true_landmarks(detector: FaceDetector) -> None:
    large = on_wall(head("astronaut"))
    (known,) = detector.detect(large)
    small = on_wall(scaled(head("astronaut"), 0.3))
    (coarse,) = detector.detect(small)
    fine = detector.look_closer(small, coarse)
    truth = np.array(known.landmarks_px) * 0.3
    off = [np.linalg.norm(np.array(face.landmarks_px) - truth, axis=1).mean() for face in (coarse, fine)]
    assert coarse.size_px < 40
    assert off[1] < min(off[0], 1.0)
    assert (fine.left_px, fine.score) == (coarse.left_px, coarse.score)


def test_a_large_face_is_not_looked_at_again(detector: FaceDetector) -> None:
    (face,) = detector.detect(portrait("astronaut"))
    assert detector.look_closer(portrait("astronaut"), face) is face


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([64, 448]))
def test_what_the_network_sees_has_sides_it_can_halve(height_px: int, width_px: int, size_px: int) -> None:
    shrunk = shrink(np.zeros((height_px, width_px, 3), np.uint8), size_px)
    assert shrunk.shape[0] % 32 == shrunk.shape[1] % 32 == 0
    assert size_px <= max(shrunk.shape[:2]) < size_px + 32


boxes = st.lists(st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 40)] * 2, st.integers(1, 99)), max_size=12)


@given(boxes)
def test_of_finds_that_overlap_much_the_surest_stays(found: list[tuple[int, int, int, int, int]]) -> None:
    places = np.array([box[:4] for box in found], np.float64).reshape(-1, 4)
    scores = np.array([box[4] / 100 for box in found])
    kept = keep_apart(places, scores)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for place in range(len(found)):
        better = [k for k in kept if scores[k] >= scores[place]]
        assert place in kept or max(overlap(places[place], places[better])) > 0.3
    for position, place in enumerate(kept[1:], start=1):
        assert max(overlap(places[place], places[kept[:position]])) <= 0.3


@given(st.floats(-3, 3), st.floats(0.1, 9), st.tuples(st.floats(-99, 99), st.floats(-99, 99)))
def test_a_turn_a_scale_and_a_move_are_found_again(angle: float, scale: float, shift: tuple[float, float]) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    move = similarity(MEAN_FACE, MEAN_FACE @ turn.T + shift)
    np.testing.assert_allclose(move, np.column_stack([turn, shift]), atol=1e-9 * scale + 1e-9)


def test_a_straightened_face_looks_the_same_however_large_it_was(detector: FaceDetector) -> None:
    whole = portrait("pioneer")
    large = np.ascontiguousarray(np.kron(whole, np.ones((4, 4, 1), np.uint8)))  # each pixel four times as large
    chips = [straighten(picture, detector.detect(picture)[0]).astype(int) for picture in (whole, large)]
    assert np.abs(chips[0] - chips[1]).mean() < 6
