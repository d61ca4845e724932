"""The graphs of pack `full` give what the original frameworks give, on small weights of the same architecture."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_networks

from models import backend, dinov2_graph, mvit_graph, resnet50_graph
from models.named_arrays import Arrays
from schemas.errors import WeightsMissing

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/full.json").read_text())
"""Written by ``tests/full_golden.py`` with torch, torchvision and timm, from the same seeded numbers."""

TOLERANCE = 1e-5


def _run(folder: Path, model, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Save a network, load it as a worker does, and run it once."""
    import openvino as ov

    ov.save_model(model, folder / "network.xml", compress_to_fp16=False)
    network = backend.load(folder / "network.xml")
    return dict(zip(network.outputs, network.infer(inputs), strict=True))


def test_resnet50_gives_what_torchvision_gives(tmp_path: Path) -> None:
    model = resnet50_graph.build(tiny_networks.resnet50())
    out = _run(tmp_path, model, {"pixels": tiny_networks.picture(1)[None]})
    np.testing.assert_allclose(out["embedding"][0], GOLDEN["resnet50"]["embedding"], atol=TOLERANCE)
    np.testing.assert_allclose(out["logits"][0, :8], GOLDEN["resnet50"]["logits_first_8"], atol=TOLERANCE)
    assert out["logits"].shape == (1, 1000)


def test_dinov2_gives_what_timm_gives(tmp_path: Path) -> None:
    out = _run(tmp_path, dinov2_graph.build(tiny_networks.dinov2()), {"pixels": tiny_networks.picture(1)[None]})
    np.testing.assert_allclose(out["embedding"][0], GOLDEN["dinov2"]["embedding"], atol=TOLERANCE)


def test_mvit_gives_what_torchvision_gives(tmp_path: Path) -> None:
    out = _run(tmp_path, mvit_graph.build(tiny_networks.mvit()), {"frames": tiny_networks.clip(20)})
    np.testing.assert_allclose(out["embedding"][0], GOLDEN["mvit"]["embedding"], atol=TOLERANCE)
    np.testing.assert_allclose(out["logits"][0, :8], GOLDEN["mvit"]["logits_first_8"], atol=TOLERANCE)


def test_positions_are_resized_as_dinov2s_own_code_does_it() -> None:
    learnt = tiny_networks.filled({"pos": (1, 1 + 37 * 37, 1)}, seed=52)["pos"]
    resized = dinov2_graph.resized_positions(learnt)
    np.testing.assert_allclose(resized.ravel(), GOLDEN["dinov2"]["positions"], atol=TOLERANCE)
    assert dinov2_graph.resized_positions(resized) is resized


def _without(arrays: Arrays, name: str) -> Arrays:
    return {known: array for known, array in arrays.items() if known != name}


@pytest.mark.parametrize(
    ("network", "build", "name"),
    [
        ("resnet50", resnet50_graph.build, "conv1.weight"),
        ("resnet50", resnet50_graph.build, "layer3.1.bn2.running_mean"),
        ("resnet50", resnet50_graph.build, "layer4.0.downsample.1.bias"),
        ("resnet50", resnet50_graph.build, "fc.bias"),
        ("dinov2-small", dinov2_graph.build, "pos_embed"),
        ("dinov2-small", dinov2_graph.build, "blocks.1.ls2.gamma"),
        ("dinov2-small", dinov2_graph.build, "blocks.0.attn.qkv.weight"),
        ("dinov2-small", dinov2_graph.build, "norm.bias"),
        ("mvit-v2-s", mvit_graph.build, "conv_proj.weight"),
        ("mvit-v2-s", mvit_graph.build, "blocks.3.attn.rel_pos_h"),
        ("mvit-v2-s", mvit_graph.build, "blocks.1.attn.pool_v.norm_act.0.bias"),
        ("mvit-v2-s", mvit_graph.build, "head.1.weight"),
    ],
)
def test_every_array_is_needed_in_its_shape_and_type(network: str, build, name: str) -> None:
    arrays = getattr(tiny_networks, network.partition("-")[0])()
    wanted = rf"{name}.*groundswell weights fetch {network}"
    for wrong in (_without(arrays, name), arrays | {name: arrays[name][..., None]}, arrays | {name: arrays[name] > 0}):
        with pytest.raises(WeightsMissing, match=wanted):
            build(wrong)


def test_positions_that_are_no_square_are_refused() -> None:
    arrays = tiny_networks.dinov2()
    with pytest.raises(WeightsMissing, match=r"square of patches.*weights fetch dinov2-small"):
        dinov2_graph.build(arrays | {"pos_embed": arrays["pos_embed"][:, :-1]})


def test_a_network_without_a_stage_is_refused() -> None:
    arrays = {name: array for name, array in tiny_networks.resnet50().items() if not name.startswith("layer2")}
    with pytest.raises(WeightsMissing, match=r"has no blocks.*weights fetch resnet50"):
        resnet50_graph.build(arrays)
