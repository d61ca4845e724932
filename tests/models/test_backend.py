"""Networks load from their files or say what to do, and hand out arrays that stay as they are."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import tiny_bert
from openvino import opset15 as op

from models import backend
from models.inference import Inference
from models.minilm_graph import convert
from schemas.errors import SettingsInvalid, WeightsMissing


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for name, content in tiny_bert.files().items():
        (source / name).write_bytes(content)
    convert(source, target)
    return target / "minilm.xml"


def _inputs(*ids: int) -> dict[str, np.ndarray]:
    return {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}


def test_a_network_says_its_inputs_and_outputs(path: Path) -> None:
    network = backend.load(path)
    assert network.inputs == ("input_ids", "attention_mask")
    assert network.outputs == ("embedding",)


def test_an_answer_is_not_overwritten_by_the_next(path: Path) -> None:
    network = backend.load(path)
    (first,) = network.infer(_inputs(1, 2, 3))
    kept = first.copy()
    (second,) = network.infer(_inputs(7, 8, 9))
    assert (first == kept).all()
    assert (first != second).any()


def test_the_same_input_gives_the_same_bits_in_every_load_and_thread_count(path: Path) -> None:
    answers = {backend.load(path, Inference(threads)).infer(_inputs(1, 2, 3, 4))[0].tobytes() for threads in (1, 1, 2)}
    assert len(answers) == 1


def test_numbers_are_float32_and_the_input_is_left_alone(path: Path) -> None:
    inputs = _inputs(5, 6)
    (answer,) = backend.load(path).infer(inputs)
    assert answer.dtype == np.float32
    assert inputs["input_ids"].tolist() == [[5, 6]]


def test_bf16_is_only_claimed_where_the_cpu_computes_in_it(path: Path) -> None:
    """Also where the CPU has none: then nothing may differ, and the network says f32."""
    fine, coarse = backend.load(path), backend.load(path, Inference(precision="bf16"))
    inputs = _inputs(3, 1, 4, 1, 5)
    is_same = (fine.infer(inputs)[0] == coarse.infer(inputs)[0]).all()
    assert fine.precision == "f32"
    assert coarse.precision == ("f32" if is_same else "bf16")


def test_a_network_that_cannot_run_in_bf16_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    numbers = op.parameter([2], np.int64, name="numbers")
    ov.save_model(ov.Model([op.result(op.add(numbers, numbers))], [numbers], "whole"), tmp_path / "whole.xml")
    assert backend.load(tmp_path / "whole.xml", Inference(precision="bf16")).precision == "f32"
    assert "whole runs in f32 though bf16 is set" in caplog.text


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_without_torch_the_cpu_serves_unless_cuda_is_asked_for(path: Path) -> None:
    assert isinstance(backend.load(path, Inference(device="auto")), backend.OpenVinoNetwork)
    with pytest.raises(SettingsInvalid, match=r"pip install 'groundswell\[gpu\]'.*set it to cpu"):
        backend.load(path, Inference(device="cuda"))


def test_an_input_by_another_name_is_our_mistake(path: Path) -> None:
    with pytest.raises(RuntimeError):
        backend.load(path).infer({"token_type_ids": np.zeros((1, 2), np.int64)})


def test_an_absent_network_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="groundswell weights fetch"):
        backend.load(tmp_path / "nothing.xml")


@pytest.mark.parametrize("spoil", ["xml", "bin"])
def test_a_truncated_network_says_how_to_fetch_it(path: Path, tmp_path: Path, spoil: str) -> None:
    for suffix in ("xml", "bin"):
        content = path.with_suffix(f".{suffix}").read_bytes()
        (tmp_path / f"minilm.{suffix}").write_bytes(content[:500] if suffix == spoil else content)
    with pytest.raises(WeightsMissing, match="groundswell weights fetch"):
        backend.load(tmp_path / "minilm.xml")
