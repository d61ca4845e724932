"""Makes the small ONNX files of ``tests/golden``: every kind of part that YuNet's and SFace's published files have.

Run by hand only, in an environment with the package onnx, which Groundswell itself does not need:
``python tests/tiny_faces.py``. It also writes what onnx's own reference implementation answers.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import tiny_networks
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

GOLDEN = Path(__file__).parent / "golden"
DIGITS = 6

FACE = (-0.4, -0.3, 0.5, -0.3, 0.0, 0.1, -0.3, 0.6, 0.4, 0.6)
HEADS = {1: (20.0, 2.0), 4: (0.2, (0.0, 0.0, 1.0, 1.0)), 10: (0.02, FACE)}
"""How much the numbers of a head change, and around what: some scores are high, and landmarks look like faces."""


def main() -> None:
    yunet, sface = _yunet(), _sface()
    onnx.save(yunet, GOLDEN / "yunet.onnx")
    onnx.save(sface, GOLDEN / "sface.onnx")
    picture = tiny_networks.picture(2, 64, 96)
    (vector,) = ReferenceEvaluator(sface).run(None, {"data": _planes(tiny_networks.picture(3, 112, 112))})
    outputs = ReferenceEvaluator(yunet).run(None, {"input": _planes(picture[..., ::-1])})
    names = [output.name for output in yunet.graph.output]
    known = {
        "made_with": {"onnx": onnx.__version__},
        "yunet_sums": {n: round(float(np.abs(o).sum()), 3) for n, o in zip(names, outputs, strict=True)},
        "yunet_first": {n: [round(float(x), DIGITS) for x in o[0, 5]] for n, o in zip(names, outputs, strict=True)},
        "sface": [round(float(x), DIGITS) for x in vector[0] / np.linalg.norm(vector[0])],
    }
    (GOLDEN / "tiny_faces.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def _planes(picture: np.ndarray) -> np.ndarray:
    return picture.transpose(2, 0, 1)[None].astype(np.float32)


def _yunet() -> onnx.ModelProto:
    """Three scales, the larger ones joined by enlarging; outputs in another order than asked for."""
    graph = _Graph(seed=60)
    seen = graph.conv("input", 3, 4, stride=2, scale=1 / 255)
    scales = []
    for _ in range(4):
        seen = graph.op("MaxPool", graph.op("Relu", graph.conv(seen, 4, 4)), kernel_shape=[2, 2], strides=[2, 2])
        scales.append(seen)
    large = graph.op("Resize", scales[-1], "", graph.constant(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    levels = {8: scales[1], 16: graph.op("Add", scales[2], large), 32: scales[3]}
    parts = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    outputs = [
        graph.head(levels[stride], size, f"{part}_{stride}") for stride in (32, 16, 8) for part, size in parts.items()
    ]
    return graph.model(("input", [1, 3, 640, 640]), outputs)


def _sface() -> onnx.ModelProto:
    graph = _Graph(seed=61)
    level = graph.op(
        "Mul", graph.op("Sub", "data", graph.constant(np.float32(127.5))), graph.constant(np.float32(1 / 128))
    )
    seen = graph.op("PRelu", graph.conv(level, 3, 4, stride=4), graph.constant(np.full((4, 1, 1), 0.25, np.float32)))
    seen = graph.conv(graph.conv(seen, 4, 4, stride=4), 4, 4, stride=4)
    flat = graph.op("Flatten", seen)
    weight = graph.constant(np.random.default_rng(62).normal(0, 0.1, (128, 4 * 4)).astype(np.float32))
    graph.op("Gemm", flat, weight, name="fc1", transB=1)
    return graph.model(("data", [1, 3, 112, 112]), [("fc1", [1, 128])])


class _Graph:
    """Nodes and arrays as they are added."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes, self._arrays = [], []

    def constant(self, array: np.ndarray) -> str:
        self._arrays.append(numpy_helper.from_array(np.asarray(array), f"array_{len(self._arrays)}"))
        return self._arrays[-1].name

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: object) -> str:
        name = name or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def conv(
        self,
        seen: str,
        n_in: int,
        n_out: int,
        *,
        stride: int = 1,
        scale: float = 1.0,
        shift: float | tuple[float, ...] = 0.0,
    ) -> str:
        weight = self._random.normal(0, scale / np.sqrt(9 * n_in), (n_out, n_in, 3, 3)).astype(np.float32)
        bias = self._random.normal(shift, 0.1, n_out).astype(np.float32)
        names = (self.constant(weight), self.constant(bias))
        return self.op("Conv", seen, *names, kernel_shape=[3, 3], strides=[stride] * 2, pads=[1] * 4)

    def head(self, seen: str, size: int, name: str) -> tuple[str, list[int | str]]:
        is_score = size == 1
        scale, shift = HEADS[size]
        seen = self.conv(seen, 4, size, scale=scale, shift=shift)
        rows = self.op("Transpose", seen, perm=[0, 2, 3, 1])
        shape = self.constant(np.array([1, -1, size], np.int64))
        flat = self.op("Reshape", rows, shape, name="" if is_score else name)
        if is_score:
            self.op("Sigmoid", flat, name=name)
        return name, [1, "cells_" + name.partition("_")[2], size]

    def model(self, taken: tuple[str, list[int]], given: list[tuple[str, list[int | str]]]) -> onnx.ModelProto:
        inputs, *outputs = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in (taken, *given))
        graph = helper.make_graph(self._nodes, "tiny", [inputs], outputs, self._arrays)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


if __name__ == "__main__":
    main()
