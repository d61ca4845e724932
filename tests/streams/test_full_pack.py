"""Pack `full` from its server to its answers: fetched, verified, converted, and run in the stage that chose it."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import cv2
import msgspec
import numpy as np
import pytest
import tiny_networks
from examples import CUT
from frame_zips import zip_of
from full_pack import small_pack
from portraits import portrait
from torch_bytes import zip_of as torch_zip_of
from worlds import SmallWorld

from models import visual_choices
from models.faces import choices
from models.faces.choices import networks
from models.faces.likeness import SFACE
from models.faces.sighting import FaceSight
from models.vectors import from_vector
from processors.faces import FacesProcessor
from processors.ports import FaceDetectorModel, Options, VisualModel
from processors.visual import VisualProcessor
from schemas.codec import encode
from schemas.errors import WeightsMissing
from schemas.faces import PRESENCE, FaceTracked
from schemas.features import FeatureExtracted
from streams.face_photos import PhotoAlbum
from streams.settings import Settings
from streams.storage.weights import WeightsCache
from streams.storage.weights_manifest import PinnedFile, read_manifest
from streams.topology import STAGES, stage, weights_of

FRAMES = {12_000 + 1000 * place: tiny_networks.picture(place, 288, 512) for place in range(3)}


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WeightsCache]:
    golden = Path(__file__).parents[1] / "golden"
    contents = {
        "resnet50.pth": torch_zip_of(tiny_networks.resnet50()),
        "dinov2_vits14_pretrain.pth": torch_zip_of(tiny_networks.dinov2()),
        "mvit_v2_s.pth": torch_zip_of(tiny_networks.mvit()),
        "face_detection_yunet_2023mar.onnx": (golden / "yunet.onnx").read_bytes(),
        "face_recognition_sface_2021dec.onnx": (golden / "sface.onnx").read_bytes(),
    }
    with small_pack(tmp_path_factory.mktemp("full"), contents) as cache:
        yield cache


def _world(folder: Path, pack: WeightsCache, **chosen: str) -> SmallWorld:
    options = msgspec.convert(chosen | {"face_min_quality": 1e-6}, Options)
    networks = {name: pack.fetch(name) for name in chosen.values() if name in pack.manifest}
    world = SmallWorld(folder, networks=networks, options=options)
    world.media.put(str(CUT.frames_ref), zip_of(FRAMES))
    return world


@pytest.mark.parametrize(
    ("choice", "model", "dim"),
    [("resnet50", "resnet50", 32), ("dinov2-small", "dinov2-vits14", 128), ("mvit-v2-s", "mvit-v2-s", 32)],
)
def test_the_visual_stage_looks_with_the_network_that_was_chosen(
    tmp_path: Path, pack: WeightsCache, choice: str, model: str, dim: int
) -> None:
    processor = VisualProcessor.build(_world(tmp_path, pack, visual_model=choice))
    ((feature, _progress),) = processor.transform([CUT])
    assert isinstance(feature, FeatureExtracted)
    assert feature.vector is not None
    assert (feature.model, feature.vector.dim) == (model, dim)
    assert feature.model_version.startswith(read_manifest()[choice].files[0].sha256[:8])
    assert processor.version == f"1/{feature.model_version}"
    assert 0.01 < np.linalg.norm(from_vector(feature.vector)) < 100
    assert feature.numbers.keys() > {"brightness_share", "motion_levels"}
    world = _world(tmp_path / "again", pack, visual_model=choice)
    world.media.put("frames/one.zip", zip_of({0: FRAMES[13_000]}))
    again = VisualProcessor.build(world)
    one = msgspec.structs.replace(CUT, index=3, frames_ref="frames/one.zip")
    again.transform([one])
    ((repeated, _progress),) = again.transform([CUT])
    assert encode(repeated) == encode(feature)


def test_the_faces_stage_finds_and_knows_with_the_networks_that_were_chosen(tmp_path: Path, pack: WeightsCache) -> None:
    world = _world(tmp_path, pack, face_detector="yunet", face_encoder="sface")
    world.media.put("frames/people.zip", zip_of({12_000: portrait("astronaut"), 14_000: portrait("astronaut")}))
    processor = FacesProcessor.build(world)
    (answers,) = processor.transform([msgspec.structs.replace(CUT, frames_ref="frames/people.zip")])
    tracks = [event for event in answers if isinstance(event, FaceTracked)]
    (feature,) = (event for event in answers if isinstance(event, FeatureExtracted))
    assert tracks
    for event in (feature, *tracks):
        assert (event.model, event.model_version) == ("yunet+sface", "8f2383e4-0ba9fbfa-1-f32-448px")
        assert event.vector is not None
        assert event.vector.dim == (128 if isinstance(event, FaceTracked) else len(PRESENCE))
    assert np.linalg.norm(from_vector(tracks[0].vector)) == pytest.approx(1, abs=1e-3)
    assert processor.version.startswith("2/8f2383e4-0ba9fbfa-1-f32-448px")


def test_pictures_are_compared_by_the_threshold_of_the_encoder(tmp_path: Path, pack: WeightsCache) -> None:
    kinds = networks("yunet", "sface")
    sight = FaceSight.load(pack.fetch("yunet"), pack.fetch("sface"), networks=kinds, least_quality=1e-6)
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), portrait("astronaut"))
    compared = PhotoAlbum(sight).compare(photo, photo)
    assert (compared["threshold"], compared["same"], compared["distance"]) == (SFACE.same_below, True, 0)


def test_the_gallerys_thresholds_are_those_of_the_encoder_unless_they_are_set(tmp_path: Path) -> None:
    plain, sface = Settings(home=tmp_path).options(), Settings(home=tmp_path, face_encoder="sface").options()
    assert (plain.face_threshold_l2, plain.face_margin_l2) == (0.55, 0.03)
    assert (plain.face_threshold_l2, plain.face_margin_l2) == (Options().face_threshold_l2, Options().face_margin_l2)
    assert (sface.face_threshold_l2, sface.face_margin_l2) == (SFACE.person_below, SFACE.margin)
    own = Settings(home=tmp_path, face_encoder="sface", face_threshold_l2=0.9, face_margin_l2=0.0).options()
    assert (own.face_threshold_l2, own.face_margin_l2) == (0.9, 0.0)


RESNET = torch_zip_of(tiny_networks.resnet50())


def _served(folder: Path, served: bytes, *, pinned: bytes = RESNET, slack_bytes: int = 0) -> bool:
    """Fetch ResNet-50 from a server that gives `served`; the manifest pins `pinned`, its size rounded by a byte."""
    with small_pack(folder, {"resnet50.pth": served}) as cache:
        network = cache.manifest["resnet50"]
        changes = {"sha256": hashlib.sha256(pinned).hexdigest(), "size_slack_bytes": slack_bytes}
        changes["size_bytes"] = len(pinned) + min(slack_bytes, 1)
        (file,) = network.files
        network = msgspec.structs.replace(network, files=(msgspec.structs.replace(file, **changes),))
        cache = WeightsCache(folder, {"resnet50": network})
        cache.fetch("resnet50")
        return cache.has("resnet50")


@pytest.mark.parametrize(
    ("served", "says"),
    [(RESNET[:-1], "should have"), (RESNET + b"0", "has more"), (b"0" + RESNET[1:], "manifest pins")],
)
def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path, served: bytes, says: str) -> None:
    assert _served(tmp_path / "right", RESNET)
    with pytest.raises(WeightsMissing, match=says):
        _served(tmp_path / "wrong", served)
    with pytest.raises(WeightsMissing, match="manifest pins" if len(served) <= len(RESNET) + 1 else says):
        _served(tmp_path / "slack", served, slack_bytes=4)


def test_a_size_that_is_published_rounded_refuses_only_what_is_far_off(tmp_path: Path) -> None:
    assert _served(tmp_path / "near", RESNET, slack_bytes=2)
    for served, says in ((RESNET + bytes(100), "has more"), (RESNET[:-100], "should have")):
        with pytest.raises(WeightsMissing, match=says):
            _served(tmp_path / "far", served, slack_bytes=2)


def test_a_file_that_holds_another_network_is_refused(tmp_path: Path) -> None:
    other = torch_zip_of(tiny_networks.dinov2())
    with pytest.raises(WeightsMissing, match=r"no array conv1\.weight.*weights fetch resnet50"):
        _served(tmp_path, other, pinned=other)


def test_a_stage_waits_for_the_networks_that_the_settings_choose(tmp_path: Path) -> None:
    plain = Settings(home=tmp_path).options()
    assert all(weights_of(each, plain) == each.weights for each in STAGES)
    options = Settings(home=tmp_path, visual_model="resnet50", face_encoder="sface").options()
    assert weights_of(stage("visual"), options) == ("resnet50",)
    assert weights_of(stage("faces"), options) == ("centerface", "sface")
    assert weights_of(stage("audio"), options) == ("yamnet",)


def test_every_file_of_the_pack_is_pinned_to_a_hub_by_its_whole_hash() -> None:
    pack = {name: network for name, network in read_manifest().items() if network.pack == "full"}
    for network in pack.values():
        for file in network.files:
            assert all(source.url is not None and source.url.startswith("https://") for source in file.sources)
            assert all(file.sha256.startswith(digits) for digits in _hash_in_name(file))


def _hash_in_name(file: PinnedFile) -> list[str]:
    """torchvision writes the beginning of the sha256 into a file's name."""
    return [found for source in file.sources for found in re.findall(r"-([0-9a-f]{8})\.pth$", source.url or "")]


def test_settings_name_networks_of_the_manifest() -> None:
    known = read_manifest()
    chosen = [*get_args(VisualModel), *get_args(FaceDetectorModel), Options(face_encoder="sface").chosen("dlib-face")]
    assert {known[name].pack for name in chosen} == {"default", "full"}
    assert {name for name in known if known[name].pack == "full"} < set(chosen)
    assert set(get_args(VisualModel)) == set(visual_choices.ENCODERS)
    assert {*get_args(FaceDetectorModel), "dlib-face", "sface"} == {*choices.DETECTORS, *choices.ENCODERS}
