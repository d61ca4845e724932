"""Each operation means on torch what it means on OpenVINO, with padding, rounding and all."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import openvino as ov
import pytest
from openvino import opset15
from openvino.utils.node_factory import NodeFactory

from models.torch_layers import LAYERS
from models.torch_network import TorchNetwork
from models.torch_ops import OPS
from schemas.errors import WeightsMissing

if find_spec("torch") is None:
    pytest.skip("torch is not installed; it comes with the extra gpu", allow_module_level=True)

op = opset15
RANDOM = np.random.default_rng(3)

Graph = Callable[[ov.Node], ov.Node]

PICTURE = RANDOM.normal(0, 2, (2, 4, 9, 11)).astype(np.float32)
FILM = RANDOM.normal(0, 2, (1, 3, 5, 8, 7)).astype(np.float32)
ROWS = RANDOM.normal(0, 2, (2, 3, 8)).astype(np.float32)


def _weights(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, 0.3, shape).astype(np.float32)


def _convolution(picture: ov.Node, *, pad: str = "explicit", stride: int = 2, gap: int = 1) -> ov.Node:
    return op.convolution(picture, _weights(5, 4, 3, 3), [stride] * 2, [1, 0], [2, 1], [gap] * 2, auto_pad=pad)


def _max_pool(picture: ov.Node, rounding: str, begin: int = 1, end: int = 0) -> ov.Node:
    return op.max_pool(picture, [2, 2], [1, 1], [begin] * 2, [end] * 2, [3, 3], rounding).output(0)


def _avg_pool(picture: ov.Node, *, exclude: bool, rounding: str = "floor") -> ov.Node:
    return op.avg_pool(picture, [2, 2], [1, 0], [0, 1], [3, 2], exclude, rounding)


def _old_interpolate(picture: ov.Node, mode: str, corners: str, shape: tuple[int, int]) -> ov.Node:
    """As operation set 4 has it: sizes and scales both, one of which counts."""
    scales = np.array([shape[0] / 9, shape[1] / 11], np.float32)
    inputs = [picture.output(0), *(op.constant(array) for array in (np.array(shape), scales, np.array([2, 3])))]
    how = {"mode": mode, "shape_calculation_mode": "sizes", "coordinate_transformation_mode": corners}
    return NodeFactory("opset4").create("Interpolate", inputs, {**how, "nearest_mode": "floor"})


def _interpolate_by(picture: ov.Node, scale: float) -> ov.Node:
    scales = np.array([scale, scale], np.float32)
    return op.interpolate(picture, scales, "linear_onnx", "scales", axes=np.array([2, 3]))


def _nearest(picture: ov.Node, factor: int) -> ov.Node:
    sizes = np.array([9 * factor, 11 * factor])
    return op.interpolate(
        picture,
        sizes,
        "nearest",
        "sizes",
        axes=np.array([2, 3]),
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _strided(picture: ov.Node) -> ov.Node:
    return op.strided_slice(
        picture, [0, 0, 2, 7], [0, 0, 8, 0], [1, 1, 2, -3], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]
    )


def _sizes_of(picture: ov.Node) -> ov.Node:
    """Reshape by numbers computed from the shape, as traced networks do."""
    shape = op.shape_of(picture)
    height = op.gather(shape, np.array([2]), np.array(0))
    half = op.divide(height, np.array([2]))
    return op.reshape(picture, op.concat([np.array([-1]), op.add(half, op.subtract(height, half))], 0), False)


def _attention(rows: ov.Node, *, causal: bool = False, mask: np.ndarray | None = None) -> ov.Node:
    query, key, value = (op.matmul(rows, _weights(8, 8), False, False) for _ in range(3))
    return op.scaled_dot_product_attention(query, key, value, mask, None, causal)


GRAPHS: dict[str, tuple[np.ndarray, Graph]] = {
    "convolution": (PICTURE, _convolution),
    "convolution, same upper": (PICTURE, lambda x: _convolution(x, pad="same_upper")),
    "convolution, same lower, dilated": (PICTURE, lambda x: _convolution(x, pad="same_lower", stride=1, gap=2)),
    "convolution, valid": (PICTURE, lambda x: _convolution(x, pad="valid")),
    "convolution of a film": (FILM, lambda x: op.convolution(x, _weights(4, 3, 3, 3, 3), [1, 2, 2], [1] * 3, [1] * 3, [1] * 3)),
    "group convolution": (PICTURE, lambda x: op.group_convolution(x, _weights(2, 3, 2, 3, 3), [1, 2], [0, 1], [1, 0], [1, 1])),
    "deconvolution": (PICTURE, lambda x: op.convolution_backprop_data(x, _weights(4, 3, 3, 3), [2, 2], None, [1, 0], [0, 1], [1, 1])),
    "deconvolution with more": (
        PICTURE,
        lambda x: op.convolution_backprop_data(x, _weights(4, 3, 3, 3), [2, 2], None, [1, 1], [1, 1], [1, 1], output_padding=[1, 0]),
    ),
    "group deconvolution": (
        PICTURE,
        lambda x: op.group_convolution_backprop_data(x, _weights(2, 2, 3, 2, 2), [2, 2], None, [0, 0], [0, 0], [1, 1]),
    ),
    "max pool": (PICTURE, lambda x: _max_pool(x, "floor")),
    "max pool, rounded up": (PICTURE, lambda x: _max_pool(x, "ceil", 0, 1)),
    "average pool": (PICTURE, lambda x: _avg_pool(x, exclude=True)),
    "average pool with its padding": (PICTURE, lambda x: _avg_pool(x, exclude=False)),
    "average pool, rounded up": (PICTURE, lambda x: _avg_pool(x, exclude=True, rounding="ceil")),
    "pad": (PICTURE, lambda x: op.pad(x, [0, 0, 1, 2], [0, 3, 0, 1], "constant", np.float32(7))),
    "pad by reflection": (PICTURE, lambda x: op.pad(x, [0, 0, 1, 2], [0, 0, 0, 1], "reflect")),
    "pad by the edge": (PICTURE, lambda x: op.pad(x, [0, 0, 1, 2], [0, 0, 3, 0], "edge")),
    "batch norm": (PICTURE, lambda x: op.batch_norm_inference(x, _weights(4), _weights(4), _weights(4), abs(_weights(4)), 1e-3)),
    "mean and variance": (ROWS, lambda x: op.mvn(x, np.array([-1]), True, 1e-6, "inside_sqrt")),
    "mean and variance, outside": (ROWS, lambda x: op.mvn(x, np.array([1, 2]), True, 1e-2, "outside_sqrt")),
    "mean alone": (ROWS, lambda x: op.mvn(x, np.array([-1]), False, 1e-6, "inside_sqrt")),
    "length one": (ROWS, lambda x: op.normalize_l2(x, np.array([2]), 1e-3, "add")),
    "length one, at least": (ROWS, lambda x: op.normalize_l2(x, np.array([2]), 3.0, "max")),
    "attention": (ROWS, _attention),
    "attention, causal": (ROWS, lambda x: _attention(x, causal=True)),
    "attention, masked": (ROWS, lambda x: _attention(x, mask=np.tri(3, dtype=np.float32) * 4)),
    "attention, closed": (ROWS, lambda x: _attention(x, mask=np.tri(3, dtype=bool))),
    "softmax": (ROWS, lambda x: op.softmax(x, 1)),
    "log softmax": (ROWS, lambda x: op.log_softmax(x, 2)),
    "gelu": (ROWS, lambda x: op.gelu(x, "erf")),
    "gelu by tanh": (ROWS, lambda x: op.gelu(x, "tanh")),
    "swish": (ROWS, op.swish),
    "swish with beta": (ROWS, lambda x: op.swish(x, np.float32(0.7))),
    "hard swish": (ROWS, op.hswish),
    "hard sigmoid": (ROWS, lambda x: op.hard_sigmoid(x, np.float32(0.2), np.float32(0.5))),
    "mobile sigmoid": (ROWS, op.hsigmoid),
    "elu": (ROWS, lambda x: op.elu(x, 0.5)),
    "prelu for each channel": (PICTURE, lambda x: op.prelu(x, _weights(4))),
    "prelu": (ROWS, lambda x: op.prelu(x, np.array([0.25], np.float32))),
    "nearest": (PICTURE, lambda x: _nearest(x, 2)),
    "nearest, as older files say it": (PICTURE, lambda x: _old_interpolate(x, "nearest", "asymmetric", (18, 33))),
    "linear": (PICTURE, lambda x: _old_interpolate(x, "linear_onnx", "half_pixel", (14, 30))),
    "linear, by corners": (PICTURE, lambda x: _old_interpolate(x, "linear_onnx", "align_corners", (14, 6))),
    "linear, by scale": (PICTURE, lambda x: _interpolate_by(x, 2.0)),
    "slice": (PICTURE, lambda x: op.slice(x, [1, -1], [9, 0], [3, -2], [2, 3])),
    "strided slice": (PICTURE, _strided),
    "new axis": (ROWS, lambda x: op.strided_slice(x, [0, 0], [0, 2], [1, 1], [0, 0], [0, 0], [1, 0], [0, 0])),
    "split": (PICTURE, lambda x: op.concat(op.split(x, np.array(1), 2).outputs()[::-1], 1)),
    "split by lengths": (ROWS, lambda x: op.variadic_split(x, np.array(2), np.array([2, -1, 1])).output(1)),
    "gather": (ROWS, lambda x: op.gather(x, np.array([[0, -1], [2, 1]]), np.array(1))),
    "transpose": (PICTURE, lambda x: op.transpose(x, np.array([0, 2, 3, 1]))),
    "squeeze": (ROWS, lambda x: op.squeeze(op.unsqueeze(x, np.array([0, -1])), np.array([0]))),
    "zero keeps a size": (ROWS, lambda x: op.reshape(x, np.array([0, 4, -1]), True)),
    "shape arithmetic": (PICTURE, _sizes_of),
    "broadcast": (ROWS, lambda x: op.add(x, op.broadcast(np.float32(2), np.array([3, 8])))),
    "broadcast both ways": (ROWS, lambda x: op.broadcast(x, np.array([4, 1, 1, 8]), broadcast_spec="BIDIRECTIONAL")),
    "tile": (ROWS, lambda x: op.tile(x, np.array([2, 1, 3]))),
    "einsum": (ROWS, lambda x: op.einsum([x, op.constant(_weights(8, 4))], "abc,cd->adb")),
    "matmul": (ROWS, lambda x: op.matmul(_weights(3, 5), x, True, False)),
    "range": (ROWS, lambda x: op.multiply(x, op.convert(op.range(0, 8, 1, "i64"), "f32"))),
    "arithmetic": (ROWS, lambda x: op.squared_difference(op.maximum(x, np.float32(0.1)), op.power(op.abs(x), np.float32(1.5)))),
    "remainders": (ROWS, lambda x: op.add(op.floor_mod(x, np.float32(0.7)), op.mod(x, np.float32(0.9)))),
    "choice": (ROWS, lambda x: op.select(op.logical_and(op.greater(x, np.float32(0)), op.less(x, np.float32(2))), x, op.negative(x))),
    "other choices": (ROWS, lambda x: op.select(op.logical_or(op.logical_not(op.greater_equal(x, np.float32(0))), op.not_equal(x, x)), op.exp(x), op.sqrt(x))),
    "functions": (ROWS, lambda x: op.add(op.sin(x), op.multiply(op.cos(x), op.minimum(op.tanh(x), op.erf(x))))),
    "rounding": (ROWS, lambda x: op.subtract(op.ceiling(x), op.floor(op.clamp(x, -1.5, 2.5)))),
    "reductions": (ROWS, lambda x: op.subtract(op.reduce_max(x, np.array([1]), True), op.reduce_min(x, np.array([-1]), True))),
    "as another": (ROWS, lambda x: op.convert_like(op.convert(x, "i32"), x)),
    "sums and means": (ROWS, lambda x: op.add(op.reduce_sum(x, np.array([0, 2])), op.reduce_mean(x, np.array([0, 2])))),
    "logarithm": (ROWS, lambda x: op.log(op.sigmoid(op.relu(x)))),
    "equal": (ROWS, lambda x: op.select(op.equal(op.floor(x), op.convert(op.less_equal(x, x), "f32")), x, op.divide(x, np.float32(3)))),
}  # fmt: skip


def _model(values: np.ndarray, graph: Graph) -> ov.Model:
    taken = op.parameter(list(values.shape), np.float32, name="x")
    taken.output(0).set_names({"x"})
    result = op.result(graph(taken))
    result.output(0).set_names({"y"})
    return ov.Model([result], [taken], "one operation")


@pytest.mark.parametrize("name", GRAPHS)
def test_an_operation_means_the_same_on_both(name: str) -> None:
    values, graph = GRAPHS[name]
    model = _model(values, graph)
    (ours,) = TorchNetwork(model, device="cpu", precision="f32").infer({"x": values})
    expected = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})({"x": values})[0]
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=2e-5)


def test_every_operation_is_compared() -> None:
    compared = {node.get_type_name() for values, graph in GRAPHS.values() for node in _model(values, graph).get_ops()}
    assert {*OPS, *LAYERS} <= compared


@pytest.mark.parametrize(
    ("graph", "named"),
    [
        (lambda x: op.reverse_sequence(x, np.array([1, 2]), 0, 1), "ReverseSequence"),
        (lambda x: op.cum_sum(x, np.array(1)), "CumSum"),
    ],
)
def test_an_unknown_operation_is_refused_by_name_before_anything_runs(graph: Graph, named: str) -> None:
    with pytest.raises(WeightsMissing, match=rf"operation {named} \(opset.*set device to cpu"):
        TorchNetwork(_model(ROWS, graph), device="cpu", precision="f32")


@pytest.mark.parametrize(
    ("graph", "named"),
    [
        (lambda x: op.gather(x, np.array([[0], [1]]), np.array(1), 1), "batch_dims"),
        (lambda x: _old_interpolate(op.reshape(x, np.array([1, 1, 6, 8]), False), "cubic", "half_pixel", (9, 9)), "cubic"),
        (lambda x: op.pad(x, [0, 1, 0], [0, 1, 0], "symmetric"), "symmetric"),
    ],
)  # fmt: skip
def test_an_unknown_variant_is_refused(graph: Graph, named: str) -> None:
    network = TorchNetwork(_model(ROWS, graph), device="cpu", precision="f32")
    with pytest.raises(WeightsMissing, match=named):
        network.infer({"x": ROWS})
