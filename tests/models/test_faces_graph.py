"""The networks for faces are the published ones, and nothing else is taken for them."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from networks import face_sight
from portraits import portrait

from models import backend
from models.faces import centerface_graph, dlib_graph
from models.faces.align import straighten
from models.faces.compare import distance
from models.faces.sighting import FaceSight
from schemas.errors import WeightsMissing
from streams.storage.weights import WeightsCache

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/faces.json").read_text())
PORTRAITS = sorted(GOLDEN["portraits"])
DETECTOR = json.loads((Path(__file__).parents[1] / "golden/centerface.json").read_text())
DETECTOR_TOLERANCE = 1e-4
"""Golden numbers are rounded to five digits; other kernels move them by a few 1e-6. Blue first is off by 0.1."""


@pytest.fixture(scope="module")
def sight(cache: Path) -> FaceSight:
    return face_sight(cache)


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_vector_is_the_one_that_dlib_gives(sight: FaceSight, name: str) -> None:
    picture, known = portrait(name), GOLDEN["portraits"][name]
    (face,) = sight.detector.detect(picture)
    vector = sight.encoder.embed(straighten(picture, face))
    np.testing.assert_allclose(vector, known["dlib_of_our_face"], atol=GOLDEN["tolerance"])


def _detector_picture(name: str) -> np.ndarray:
    """What was shown to the published file in onnxruntime."""
    if name == "noise":
        return np.random.default_rng(5).integers(0, 256, (128, 160, 3), np.uint8)
    return portrait(name)[:448]


@pytest.mark.parametrize("name", DETECTOR["pictures"])
def test_the_detector_says_what_the_published_file_says(cache: Path, name: str) -> None:
    picture, known = _detector_picture(name), DETECTOR["pictures"][name]
    assert list(picture.shape) == known["shape"]
    network = backend.load(WeightsCache(cache).fetch("centerface") / centerface_graph.NETWORK_FILE)
    tensor = picture.transpose(2, 0, 1)[None].astype(np.float32)
    heat, scale, offset, landmarks = (output[0] for output in network.infer({centerface_graph.INPUT: tensor}))
    assert heat.sum(dtype=np.float64) == pytest.approx(known["heat_sum"], rel=DETECTOR_TOLERANCE)
    assert scale.mean(dtype=np.float64) == pytest.approx(known["scale_mean"], rel=DETECTOR_TOLERANCE)
    assert landmarks.mean(dtype=np.float64) == pytest.approx(known["landmarks_mean"], rel=DETECTOR_TOLERANCE)
    for cell in known["hottest"]:
        place = (slice(None), cell["row"], cell["column"])
        assert heat[place][0] == pytest.approx(cell["heat"], abs=DETECTOR_TOLERANCE)
        for output, entry in ((scale, "scale"), (offset, "offset"), (landmarks, "landmarks")):
            np.testing.assert_allclose(output[place], cell[entry], atol=DETECTOR_TOLERANCE)


@pytest.mark.parametrize("name", PORTRAITS)
def test_our_way_of_straightening_puts_a_face_where_dlibs_would(sight: FaceSight, name: str) -> None:
    picture, known = portrait(name), GOLDEN["portraits"][name]
    (seen,) = sight.see(picture)
    assert seen.vector is not None
    assert distance(seen.vector, np.array(known["dlib_alone"], np.float32)) < 0.2


def test_two_people_are_as_far_apart_as_dlib_says(sight: FaceSight) -> None:
    vectors = [sight.see(portrait(name))[0].vector for name in PORTRAITS]
    assert distance(*vectors) == pytest.approx(GOLDEN["distance_by_dlib_alone"], abs=0.05)


def test_real_photos_give_the_recorded_boxes_and_distances(sight: FaceSight, data_folder: Path) -> None:
    from frame_zips import read_photo

    record, folder = data_folder.parent / "golden.json", data_folder / "face_recognition"
    if not record.is_file():
        pytest.skip(f"no recorded values: {record} is not there")
    golden = json.loads(record.read_text())
    known = golden["inputs"]["face_recognition/obama.jpg"]["centerface_448"]
    seen = {name: sight.see(read_photo(folder / f"{name}.jpg"))[0] for name in ("obama", "obama2", "biden")}
    face = seen["obama"].face
    box = (face.left_px, face.top_px, face.width_px, face.height_px)
    np.testing.assert_allclose(box, known["best_box_xywh"], atol=known["tol_box_px_f32"])
    assert face.score == pytest.approx(known["best_score"], abs=known["tol_score_f32"])
    marks = np.array(face.landmarks_px).ravel()[:5]
    np.testing.assert_allclose(marks, known["best_landmarks_first5"], atol=known["tol_box_px_f32"])
    for one, other in (("obama", "obama2"), ("obama", "biden")):
        expected = golden["face_distances"][f"{one}-{other}"]
        assert distance(seen[one].vector, seen[other].vector) == pytest.approx(expected, abs=0.05)


def _layer(tag: str, count: int, value: float) -> bytes:
    """A layer as dlib writes it: tag, version, four sizes, numbers."""
    sizes = b"\x01\x02" + bytes([2]) + struct.pack("<H", count) + b"\x01\x01" * 3
    return bytes([1, len(tag)]) + tag.encode() + sizes + np.full(count, value, "<f4").tobytes()


@pytest.mark.parametrize(
    "published",
    [
        b"",
        b"no network",
        _layer("con_4", 4736, 0.5)[:-4],
        _layer("con_4", 4700, 0.5),
        _layer("affine_", 4736, 0.5),
    ],
    ids=["empty", "other", "truncated", "other size", "other layer"],
)
def test_a_file_without_the_first_layer_is_refused(published: bytes) -> None:
    with pytest.raises(WeightsMissing, match=r"no layer con_4 of \(4736,\) after byte 0.*weights fetch dlib-face"):
        dlib_graph.build(published)


def test_a_file_that_ends_early_says_what_is_missing() -> None:
    with pytest.raises(WeightsMissing, match=r"no layer affine_ of \(64,\) after byte 18,9"):
        dlib_graph.build(_layer("con_4", 4736, 0.5))


def test_the_plan_has_the_published_layers() -> None:
    convs = [dlib_graph.FIRST, *(conv for block in dlib_graph.blocks() for conv in block)]
    assert len(convs) == 29
    assert [conv.n_out for conv in convs if conv.step_px == 2] == [32, 64, 128, 256, 256]
    numbers = sum(conv.n_weights + 3 * conv.n_out for conv in convs) + 256 * 128
    assert 22_400_000 < 4 * numbers < 22_466_066  # the published file, less what stands between the numbers


@pytest.mark.parametrize("content", [b"", b"no network"])
def test_a_detector_that_is_no_network_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "centerface.onnx").write_bytes(content)
    with pytest.raises(WeightsMissing, match="weights fetch centerface"):
        centerface_graph.convert(tmp_path, tmp_path)
