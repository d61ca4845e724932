"""YuNet finds what its published decoding says, SFace straightens as published, and both run as networks."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_networks
from portraits import portrait

from models import backend
from models.faces import sface_graph, yunet_graph
from models.faces.choices import DETECTORS, ENCODERS, networks
from models.faces.detect import Face, overlap
from models.faces.likeness import DLIB, LIKENESS, SFACE
from models.faces.sface import SFACE_CHIP, SFaceEncoder
from models.faces.sighting import FaceSight
from models.faces.yunet import YuNetDetector, decode
from schemas.errors import WeightsMissing

FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((FOLDER / "tiny_faces.json").read_text())
"""Written with the two ONNX files by ``tests/tiny_faces.py``, from seeded numbers."""

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both small networks, converted as `groundswell weights fetch full` converts the published ones."""
    sources, target = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("converted")
    for graph, name in ((yunet_graph, "yunet.onnx"), (sface_graph, "sface.onnx")):
        (sources / graph.SOURCE_FILE).write_bytes((FOLDER / name).read_bytes())
        graph.convert(sources, target)
    return target


@pytest.mark.parametrize("size", [(64, 96), (640, 640), (32, 448)])
def test_yunet_gives_its_outputs_by_name_for_any_size(folder: Path, size: tuple[int, int]) -> None:
    network = backend.load(folder / yunet_graph.NETWORK_FILE)
    picture = tiny_networks.picture(2, *size)[..., ::-1]
    outputs = network.infer({"picture": picture.transpose(2, 0, 1)[None].astype(np.float32)})
    cells = [size[0] // stride * (size[1] // stride) for stride in yunet_graph.STRIDES_PX]
    assert [out.shape for out in outputs] == [(1, n, width) for width in (1, 1, 4, 10) for n in cells]
    if size == (64, 96):
        for name, out in zip(yunet_graph.OUTPUTS, outputs, strict=True):
            np.testing.assert_allclose(out[0, 5], GOLDEN["yunet_first"][name], atol=TOLERANCE)
            assert np.abs(out).sum() == pytest.approx(GOLDEN["yunet_sums"][name], abs=0.01)


def test_sface_gives_unit_vectors_of_what_the_published_file_gives(folder: Path) -> None:
    vector = SFaceEncoder.load(folder).embed(tiny_networks.picture(3, 112, 112))
    np.testing.assert_allclose(vector, GOLDEN["sface"], atol=TOLERANCE)
    assert np.linalg.norm(vector) == pytest.approx(1)


def _outputs(height: int, width: int) -> dict[str, np.ndarray]:
    """What the network says of a picture with nothing in it."""
    sizes = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    return {
        f"{part}_{stride}": np.zeros((height // stride * (width // stride), sizes[part]), np.float32)
        for part in yunet_graph.PARTS
        for stride in yunet_graph.STRIDES_PX
    }


@pytest.mark.parametrize("stride", yunet_graph.STRIDES_PX)
def test_a_find_lies_where_its_cell_and_its_numbers_say(stride: int) -> None:
    maps, cell = _outputs(128, 192), 192 // stride + 2  # the second row's third cell
    maps[f"cls_{stride}"][cell], maps[f"obj_{stride}"][cell] = 0.9, 1.2  # more than sure counts as sure
    maps[f"bbox_{stride}"][cell] = [0.5, 0.25, np.log(2), np.log(3)]
    maps[f"kps_{stride}"][cell] = np.arange(10) / 10
    boxes, scores, points = decode(list(maps.values()), 192, 0.9)
    np.testing.assert_allclose(boxes, [[1.5 * stride, -0.25 * stride, 2 * stride, 3 * stride]], atol=1e-5)
    np.testing.assert_allclose(scores, [np.sqrt(0.9)], atol=1e-6)
    np.testing.assert_allclose(points[0, 0], [2 * stride, 1.1 * stride], atol=1e-5)
    np.testing.assert_allclose(points[0, 4], [2.8 * stride, 1.9 * stride], atol=1e-5)


def test_both_scores_count_and_unsure_finds_are_left_out() -> None:
    maps = _outputs(64, 64)
    maps["cls_8"][:3, 0], maps["obj_8"][:3, 0] = [1, 0.5, 0.9], [0.5, 1, 0.9]
    assert decode(list(maps.values()), 64, 0.8).scores == pytest.approx([0.9])
    assert len(decode(list(maps.values()), 64, 0.7).scores) == 3
    assert decode(list(maps.values()), 64, 0.95).boxes.shape == (0, 4)


def test_the_detector_looks_at_blue_first_and_scales_finds_back(folder: Path) -> None:
    detector = YuNetDetector.load(folder, long_side_px=96)
    picture = tiny_networks.picture(2, 64, 96)
    small, large = detector.detect(picture, 0.55), detector.detect(np.kron(picture, np.ones((3, 3, 1), np.uint8)), 0.55)
    assert len(small) == len(large) > 0
    assert [face.score for face in small] == sorted((face.score for face in small), reverse=True)
    for one, other in zip(small, large, strict=True):
        np.testing.assert_allclose(np.array(other.landmarks_px), 3 * np.array(one.landmarks_px), rtol=1e-4, atol=1e-3)
    first = GOLDEN["yunet_first"]
    scores = [np.sqrt(first[f"cls_{s}"][0] * first[f"obj_{s}"][0]) for s in yunet_graph.STRIDES_PX]
    looked = detector.look(picture, 0.0)
    assert [float(looked.scores[place + 5]) for place in (0, 96, 96 + 24)] == pytest.approx(scores, abs=1e-5)
    assert detector.detect(picture) == detector.detect(picture, 0.9)


def test_landmarks_of_a_straightened_face_lie_where_sface_expects_them() -> None:
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 2.5
    marks = SFACE_CHIP.target_px @ turn.T + (150, 60)
    picture = np.zeros((500, 500, 3), np.uint8)
    for x, y in np.round(marks).astype(int):
        picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    face = _face(marks)
    chip = SFaceEncoder.chip
    from models.faces.align import straighten

    cut = straighten(picture, face, chip)
    assert cut.shape == (112, 112, 3)
    assert all(cut[round(y), round(x)].min() > 100 for x, y in SFACE_CHIP.target_px)
    assert cut.mean() < 20


def _face(marks: np.ndarray) -> Face:
    return Face(left_px=0, top_px=0, width_px=10, height_px=10, score=1, landmarks_px=tuple(map(tuple, marks)))


def test_the_two_ways_to_straighten_put_a_face_upright() -> None:
    for encoder in ENCODERS.values():
        left_eye, right_eye, nose, left_mouth, right_mouth = encoder.chip.target_px
        assert abs(left_eye[1] - right_eye[1]) < 1 < left_eye[1] < nose[1] < left_mouth[1]
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]


def test_both_together_see_a_picture_as_the_default_ones_do(folder: Path) -> None:
    sight = FaceSight.load(folder, folder, networks=networks("yunet", "sface"), size_px=96, least_quality=1e-6)
    assert sight.model == "yunet+sface"
    assert sight.version == "8f2383e4-0ba9fbfa-1-f32-96px"
    seen = sight.see(portrait("astronaut"), 0.5)
    assert all(other.face.score >= 0.5 for other in seen)
    sure = [one for one in seen if one.face.score >= sight.detector.least_score]
    assert 0 < len(sure) < len(seen)
    assert {one.quality.value for one in seen if one not in sure} <= {0.0}
    assert all((one.vector is not None) == (one.quality.value > 0) for one in seen)
    vector = sight.embed(portrait("astronaut"), seen[0])
    assert (vector.shape, float(np.linalg.norm(vector))) == ((128,), pytest.approx(1))


def test_thresholds_belong_to_the_encoder() -> None:
    assert set(LIKENESS) == {"dlib", "sface"}
    assert SFACE.same_below == pytest.approx(np.sqrt(2 - 2 * 0.363), abs=1e-3)
    for likeness in (DLIB, SFACE):
        assert likeness.margin < likeness.person_below < likeness.same_below < likeness.near_same_below
        for name in ("near_same_below", "person_below", "margin"):
            share = getattr(likeness, name) / likeness.same_below
            assert share == pytest.approx(getattr(DLIB, name) / DLIB.same_below, abs=1e-3)


def test_every_choice_has_a_name_and_a_version_of_its_own() -> None:
    for kinds in (DETECTORS, ENCODERS):
        assert (
            len({kind.model for kind in kinds.values()}) == len({kind.weights_version for kind in kinds.values()}) == 2
        )


@pytest.mark.parametrize("graph", [yunet_graph, sface_graph])
@pytest.mark.parametrize("content", [b"", b"no network", "centre"])
def test_a_file_that_is_no_such_network_is_refused(tmp_path: Path, graph, content: bytes | str) -> None:
    other = "sface.onnx" if graph is yunet_graph else "yunet.onnx"
    (tmp_path / graph.SOURCE_FILE).write_bytes(content if isinstance(content, bytes) else (FOLDER / other).read_bytes())
    with pytest.raises(WeightsMissing, match=r"(?s)not the published network.*weights fetch (yunet|sface)"):
        graph.convert(tmp_path, tmp_path)


def test_overlapping_finds_of_different_strides_are_one_face(folder: Path) -> None:
    faces = YuNetDetector.load(folder, long_side_px=96).detect(tiny_networks.picture(2, 64, 96), 0.5)
    boxes = np.array([(f.left_px, f.top_px, f.width_px, f.height_px) for f in faces])
    for place, box in enumerate(boxes[:-1]):
        assert (overlap(box, boxes[place + 1 :]) <= 0.3).all()
