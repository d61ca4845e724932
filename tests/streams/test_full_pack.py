"""Pack `full` from its server to its answers: fetched, verified, converted, and run in the stage that chose it."""

from collections.abc import Iterator
from pathlib import Path

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

from models.faces.choices import networks
from models.faces.likeness import SFACE
from models.faces.sighting import FaceSight
from models.vectors import from_vector
from processors.faces import FacesProcessor
from processors.ports import Options
from processors.visual import VisualProcessor
from schemas.codec import encode
from schemas.errors import WeightsMissing
from schemas.faces import FaceTracked
from schemas.features import FeatureExtracted
from streams.face_photos import PhotoAlbum
from streams.settings import Settings
from streams.storage.weights import WeightsCache
from streams.storage.weights_manifest import read_manifest
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
    again = VisualProcessor.build(_world(tmp_path / "again", pack, visual_model=choice))
    batches = again.transform([CUT, msgspec.structs.replace(CUT, index=3), CUT])
    assert [encode(e) for e in batches[2]] == [encode(e) for e in batches[0]] == [encode(feature), encode(_progress)]


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
        assert event.vector.dim == 128
    assert np.linalg.norm(from_vector(tracks[0].vector)) == pytest.approx(1, abs=1e-3)
    assert processor.version.startswith("1/8f2383e4-0ba9fbfa-1-f32-448px")


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


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    content = torch_zip_of(tiny_networks.resnet50())
    with small_pack(tmp_path / "right", {"resnet50.pth": content}) as right:
        manifest = right.manifest
    for spoilt, says in ((content[:-1], "should have"), (content + b"0", "has more"), (b"0" + content[1:], "pins")):
        with small_pack(tmp_path / says, {"resnet50.pth": spoilt}) as cache:
            (file,) = manifest["resnet50"].files
            source = cache.manifest["resnet50"].files[0].sources
            network = msgspec.structs.replace(
                manifest["resnet50"], files=(msgspec.structs.replace(file, sources=source),)
            )
            cache = WeightsCache(tmp_path / says, {"resnet50": network})
            with pytest.raises(WeightsMissing, match=says):
                cache.fetch("resnet50")
            assert not cache.has("resnet50")


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with small_pack(tmp_path, {"resnet50.pth": b"gone"}) as cache:
        pass
    with pytest.raises(WeightsMissing, match=r"does not give resnet50\.pth.*check the network"):
        cache.fetch("resnet50")


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
            assert len(file.sha256) == 64
            assert all(source.url.startswith("https://") for source in file.sources)
            assert file.licence
