"""On torch a network gives what it gives on OpenVINO: the same files, the same weights, the same numbers."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tiny_bert

from models import backend, torch_network
from models.inference import Inference
from models.minilm_graph import convert
from schemas.errors import SettingsInvalid, WeightsMissing
from streams.storage.weights import WeightsCache

if find_spec("torch") is None:
    pytest.skip("torch is not installed; it comes with the extra gpu", allow_module_level=True)

TOLERANCE = 5e-5
"""Of numbers up to 6, measured up to 7e-6: sums are added up in another order. TensorFloat-32 would be off by 1e-2."""

BF16_TOLERANCE = 0.2
"""Of an output's largest number; bfloat16 has 8 bits, and fifty layers of it were up to 0.11 apart on noise."""

_RANDOM = np.random.default_rng(11)

INPUTS: dict[str, Mapping[str, np.ndarray]] = {
    "centerface": {"picture": _RANDOM.uniform(0, 255, (1, 3, 160, 224)).astype(np.float32)},
    "dlib-face": {"chip": _RANDOM.uniform(0, 255, (1, 3, 150, 150)).astype(np.float32)},
    "lite0": {"pixels": _RANDOM.integers(0, 256, (1, 224, 224, 3)).astype(np.uint8)},
    "minilm": {
        "input_ids": _RANDOM.integers(0, 30_000, (3, 17)),
        "attention_mask": np.arange(17) < np.array([[17], [12], [3]]),
    },
    "yamnet": {"patches": _RANDOM.uniform(0, 3, (4, 1, 96, 257)).astype(np.float32)},
}
INPUTS["minilm"] = {name: array.astype(np.int64) for name, array in INPUTS["minilm"].items()}

of_every_network = pytest.mark.parametrize("name", INPUTS)


def _device(name: str) -> str:
    if name == "cuda" and not torch_network.sees_cuda():
        pytest.skip("torch finds no GPU on this machine")
    return name


def _path(cache: Path, name: str) -> Path:
    return WeightsCache(cache).fetch(name) / f"{name}.xml"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@of_every_network
def test_a_network_gives_what_openvino_gives(cache: Path, name: str, device: str) -> None:
    path = _path(cache, name)
    network, reference = torch_network.load(path, device=_device(device)), backend.load(path)
    assert (network.inputs, network.outputs) == (reference.inputs, reference.outputs)
    assert network.precision == "f32"
    for ours, theirs in zip(network.infer(INPUTS[name]), reference.infer(INPUTS[name]), strict=True):
        assert ours.dtype == theirs.dtype == np.float32
        assert np.abs(theirs).max() > 1e-3
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)


@of_every_network
def test_the_same_input_gives_the_same_bits_each_time(cache: Path, name: str) -> None:
    network = torch_network.load(_path(cache, name), device="cpu")
    first = network.infer(INPUTS[name])
    kept = [array.copy() for array in first]
    again = network.infer(INPUTS[name])
    for one, other, copy in zip(first, again, kept, strict=True):
        assert one.tobytes() == other.tobytes() == copy.tobytes()


@of_every_network
def test_bf16_is_coarser_and_says_so(cache: Path, name: str) -> None:
    path = _path(cache, name)
    coarse = torch_network.load(path, device="cpu", precision="bf16")
    assert coarse.precision == "bf16"
    fine = torch_network.load(path, device="cpu")
    pairs = list(zip(coarse.infer(INPUTS[name]), fine.infer(INPUTS[name]), strict=True))
    apart = [np.abs(one - other).max() / np.abs(other).max() for one, other in pairs]
    assert 1e-4 < max(apart) < BF16_TOLERANCE
    assert all(one.dtype == np.float32 for one, _ in pairs)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for name, content in tiny_bert.files().items():
        (source / name).write_bytes(content)
    convert(source, target)
    return target / "minilm.xml"


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"input_ids": np.ones((1, 2), np.int64)},
        {"input_ids": np.ones((1, 2), np.int32), "attention_mask": np.ones((1, 2), np.int64)},
        {"input_ids": np.ones(2, np.int64), "attention_mask": np.ones((1, 2), np.int64)},
    ],
    ids=["none", "one missing", "another type", "another rank"],
)
def test_inputs_of_another_kind_are_our_mistake(tiny: Path, inputs: dict[str, np.ndarray]) -> None:
    with pytest.raises(RuntimeError, match="expected"):
        torch_network.load(tiny, device="cpu").infer(inputs)


def test_an_absent_network_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="groundswell weights fetch"):
        torch_network.load(tmp_path / "nothing.xml", device="cpu")


def test_auto_takes_the_gpu_where_there_is_one(tiny: Path) -> None:
    expected = torch_network.TorchNetwork if torch_network.sees_cuda() else backend.OpenVinoNetwork
    assert isinstance(backend.load(tiny, Inference(device="auto")), expected)


def test_cuda_without_a_gpu_says_what_is_missing(tiny: Path) -> None:
    if torch_network.sees_cuda():
        pytest.skip("torch finds a GPU on this machine")
    with pytest.raises(SettingsInvalid, match=r"NVIDIA driver|no GPU"):
        backend.load(tiny, Inference(device="cuda"))
