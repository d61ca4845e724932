"""Pictures of one person are closer than pictures of two; the shipped threshold tells them apart."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from frame_zips import jpeg_of
from networks import face_sight
from portraits import NOBODY, head, on_wall, portrait, scaled

from models.faces.compare import SAME_BELOW, distance, is_same
from models.faces.photo import PhotoFace, closest, faces_of, read_photo
from models.faces.sighting import FaceSight
from schemas.errors import MediaUnreadable


@pytest.fixture(scope="module")
def sight(cache: Path) -> FaceSight:
    return face_sight(cache)


def _vector(sight: FaceSight, picture: np.ndarray) -> np.ndarray:
    (face,) = faces_of(sight, picture)
    return face.vector


@pytest.mark.parametrize("how", ["mirrored", "smaller", "darker", "turned", "grey", "jpeg"])
@pytest.mark.parametrize("name", ["astronaut", "pioneer"])
def test_another_picture_of_a_person_is_the_same_person(sight: FaceSight, name: str, how: str) -> None:
    picture = portrait(name)
    middle = (picture.shape[1] / 2, picture.shape[0] / 2)
    changed = {
        "mirrored": lambda: np.ascontiguousarray(picture[:, ::-1]),
        "smaller": lambda: scaled(picture, 0.5),
        "darker": lambda: picture // 2,
        "turned": lambda: cv2.warpAffine(picture, cv2.getRotationMatrix2D(middle, 20, 0.9), picture.shape[1::-1]),
        "grey": lambda: np.repeat(picture.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2),
        "jpeg": lambda: cv2.imdecode(np.frombuffer(jpeg_of(picture), np.uint8), cv2.IMREAD_COLOR_RGB),
    }[how]()
    assert distance(_vector(sight, picture), _vector(sight, changed)) < 0.9 * SAME_BELOW


def test_two_portraits_are_two_people(sight: FaceSight) -> None:
    apart = distance(_vector(sight, portrait("astronaut")), _vector(sight, portrait("pioneer")))
    assert apart > SAME_BELOW
    assert not is_same(apart)


def test_the_same_picture_has_the_same_bits(sight: FaceSight) -> None:
    first = _vector(sight, portrait("astronaut"))
    _vector(sight, portrait("pioneer"))
    assert _vector(sight, portrait("astronaut")).tobytes() == first.tobytes()


def test_somebody_is_found_among_others(sight: FaceSight) -> None:
    both = faces_of(sight, on_wall(head("pioneer"), head("astronaut")))
    alone = faces_of(sight, portrait("astronaut"))
    found = closest(alone, both)
    assert found is not None
    assert is_same(found.distance)
    assert both[found.other].sighting.face.left_px > 200


def test_a_face_that_is_seen_badly_only_counts_where_there_is_no_better(sight: FaceSight) -> None:
    (good,) = faces_of(sight, portrait("astronaut"))
    (blurred,) = faces_of(sight, cv2.GaussianBlur(portrait("astronaut"), (0, 0), 8))
    bad = PhotoFace(blurred.sighting, good.vector)
    (other,) = faces_of(sight, portrait("pioneer"))
    with_better, alone = closest([good], [bad, other]), closest([good], [bad])
    assert with_better is not None
    assert alone is not None
    assert (with_better.other, alone.distance) == (1, 0)


def test_a_picture_of_nobody_is_close_to_nothing(sight: FaceSight) -> None:
    assert faces_of(sight, NOBODY) == []
    assert closest(faces_of(sight, NOBODY), faces_of(sight, portrait("astronaut"))) is None


@pytest.mark.parametrize(
    "content", [None, b"", b"no picture", b"\xff\xd8\xff\xe0cut"], ids=["none", "empty", "text", "cut"]
)
def test_a_file_that_is_no_picture_is_refused_by_name(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "somebody.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaUnreadable, match=r"somebody\.jpg"):
        read_photo(path)


def test_a_photo_is_turned_as_its_camera_noted(sight: FaceSight, tmp_path: Path) -> None:
    sideways = np.ascontiguousarray(np.rot90(portrait("astronaut")))
    plain = jpeg_of(sideways)
    quarter_turn = b"\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    path = tmp_path / "turned.jpg"
    path.write_bytes(plain[:2] + quarter_turn + plain[2:])
    np.testing.assert_array_equal(read_photo(path).shape, portrait("astronaut").shape)
    assert distance(_vector(sight, read_photo(path)), _vector(sight, portrait("astronaut"))) < 0.1


def test_three_hundred_pairs_of_photos_are_told_apart(sight: FaceSight, data_folder: Path) -> None:
    table = data_folder / "deepface" / "master.csv"
    if not table.is_file():
        pytest.skip(f"no pairs to compare: {table} is not there")
    with table.open(newline="") as file:
        _, *rows = csv.reader(file)
    names = sorted({name for row in rows for name in row[:2]})
    photos = {name: faces_of(sight, read_photo(table.parent / name)) for name in names}
    apart = np.array([closest(photos[a], photos[b]).distance for a, b, _ in rows])
    same = np.array([verdict == "Yes" for *_, verdict in rows])
    assert (len(rows), int(same.sum())) == (300, 38)
    assert np.mean(apart[same][:, None] < apart[~same]) >= 0.999  # the area under the curve
    assert not [d for d in apart[~same] if is_same(d)]
    assert all(is_same(d) for d in apart[same])
