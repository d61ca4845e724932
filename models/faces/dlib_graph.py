"""dlib's face recognition network as an OpenVINO graph, built from its published file without dlib.

Source: Davis King, dlib's ``dnn_face_recognition_ex.cpp`` for the network, ``dnn/tensor.h`` and ``serialize.h``
for the file; He et al., Deep Residual Learning for Image Recognition (2015).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.graphs import network_of, save
from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    import openvino as ov

Weights: TypeAlias = NDArray[np.float32]

SOURCE_FILE = "dlib_face_recognition_resnet_model_v1.dat"
NETWORK_FILE = "dlib-face.xml"
INPUT = "chip"
OUTPUT = "embedding"
CHIP_PX = 150
DIM = 128

MEAN_RGB = (122.782, 117.001, 104.298)
CONTRAST = 256.0
"""dlib's ``input_rgb_image_sized``: what is taken off each colour, and what the rest is divided by."""

_TENSOR_VERSION = 2


class Conv(NamedTuple):
    """One convolution and the scaling after it: channels in, channels out, window, step."""

    n_in: int
    n_out: int
    window_px: int
    step_px: int

    @property
    def n_weights(self) -> int:
        return self.n_in * self.n_out * self.window_px**2


FIRST = Conv(3, 32, 7, 2)
STAGES = ((32, 32, 3), (32, 64, 4), (64, 128, 3), (128, 256, 3), (256, 256, 1))
"""Channels in, channels out, residual blocks; each stage but the first begins by halving the picture."""


class Block(NamedTuple):
    """Two convolutions whose result is added to what went in."""

    first: Conv
    second: Conv


def blocks() -> list[Block]:
    """All residual blocks, from the picture to the vector."""
    planned = []
    for stage, (n_in, n_out, count) in enumerate(STAGES):
        for number in range(count):
            halves = stage > 0 and number == 0
            first = Conv(n_in if number == 0 else n_out, n_out, 3, 2 if halves else 1)
            planned.append(Block(first, Conv(n_out, n_out, 3, 1)))
    return planned


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.faces.embed.FaceEncoder` loads: the network as OpenVINO IR in float32.

    Parameters
    ----------
    source_folder : Path
        Holds ``dlib_face_recognition_resnet_model_v1.dat``.
    target_folder : Path
        Exists; gets ``dlib-face.xml`` and ``dlib-face.bin``.

    Raises
    ------
    WeightsMissing
        This is not the published file: a layer is absent or has another size.
    """
    save(build((source_folder / SOURCE_FILE).read_bytes()), target_folder / NETWORK_FILE)


def build(published: bytes) -> "ov.Model":
    """Build the whole network: a straightened face in, 128 numbers out.

    Parameters
    ----------
    published : bytes
        The published file.

    Returns
    -------
    Model with the input ``chip`` (float32, shape (1, 3, 150, 150), RGB from 0 to 255) and the output
    ``embedding`` (float32, shape (1, 128), not of length 1; two pictures of a person are less than 0.6 apart).

    Raises
    ------
    WeightsMissing
        A layer is absent or has another size.
    """
    from openvino import opset15 as op

    layers = _Layers(published)
    chip = op.parameter([1, 3, CHIP_PX, CHIP_PX], np.float32, name=INPUT)
    mean = np.array(MEAN_RGB, np.float32).reshape(1, 3, 1, 1)
    seen = op.divide(op.subtract(chip, mean), np.float32(CONTRAST))
    seen = op.relu(_max_pool(_conv(layers, FIRST, seen)))  # the largest of what is positive, in either order
    for block in blocks():
        seen = _residual(layers, block, seen)
    total = op.reduce_mean(seen, np.array([2, 3]), keep_dims=False)
    embedding = op.matmul(total, layers.dense(STAGES[-1][1], DIM), transpose_a=False, transpose_b=False)
    return network_of("dlib-face", inputs={INPUT: chip}, outputs={OUTPUT: embedding})


class _Layers:
    """Arrays of the published file, in its order. Each is found by the exact bytes that must stand before it."""

    def __init__(self, published: bytes) -> None:
        self._published = published
        self._place = 0

    def conv(self, conv: Conv) -> tuple[Weights, Weights]:
        """Weights and bias of a convolution, with the scaling after it worked in."""
        numbers = self._array("con_4", (conv.n_weights + conv.n_out,))
        scaling = self._array("affine_", (2 * conv.n_out,))
        scale, shift = scaling[: conv.n_out], scaling[conv.n_out :]
        weights = numbers[: conv.n_weights].reshape(conv.n_out, conv.n_in, conv.window_px, conv.window_px)
        bias = numbers[conv.n_weights :] * scale + shift
        return weights * scale.reshape(-1, 1, 1, 1), bias.reshape(1, -1, 1, 1)

    def dense(self, n_in: int, n_out: int) -> Weights:
        """The last layer, which has no bias."""
        sizes = b"".join(_integer(size) for size in (n_out, n_in))
        return self._array("fc_2", (n_in, n_out), between=sizes)

    def _array(self, tag: str, shape: Sequence[int], *, between: bytes = b"") -> Weights:
        dimensions = [*shape, *[1] * (4 - len(shape))]
        before = _text(tag) + between + b"".join(_integer(n) for n in (_TENSOR_VERSION, *dimensions))
        found = self._published.find(before, self._place)
        start, count = found + len(before), int(np.prod(shape))
        if found < 0 or len(self._published) < start + 4 * count:
            raise WeightsMissing(
                f"{SOURCE_FILE} holds no layer {tag} of {tuple(shape)} after byte {self._place:,}; "
                "fetch it again: groundswell weights fetch dlib-face"
            )
        self._place = start + 4 * count
        return np.frombuffer(self._published, "<f4", count, start).reshape(shape).astype(np.float32)


def _integer(number: int) -> bytes:
    """Write a number that is not negative as dlib does: how many bytes, then the bytes, lowest first."""
    size_bytes = max(1, -(-number.bit_length() // 8))
    return bytes([size_bytes]) + number.to_bytes(size_bytes, "little")


def _text(text: str) -> bytes:
    return _integer(len(text)) + text.encode()


def _conv(layers: _Layers, conv: Conv, seen: "ov.Node") -> "ov.Node":
    from openvino import opset15 as op

    weights, bias = layers.conv(conv)
    margin = conv.window_px // 2 if conv.step_px == 1 else 0
    steps, margins = [conv.step_px] * 2, [margin] * 2
    return op.add(op.convolution(seen, weights, steps, margins, margins, [1, 1]), bias)


def _residual(layers: _Layers, block: Block, seen: "ov.Node") -> "ov.Node":
    from openvino import opset15 as op

    changed = _conv(layers, block.second, op.relu(_conv(layers, block.first, seen)))
    kept = seen if block.first.step_px == 1 else _average_pool(seen)
    return op.relu(_add(kept, changed))


def _add(kept: "ov.Node", changed: "ov.Node") -> "ov.Node":
    """Add as dlib does: what is smaller is filled up with zeros, at the end of each axis."""
    from openvino import opset15 as op

    sizes = [np.array(node.get_output_shape(0)) for node in (kept, changed)]
    largest = np.maximum(*sizes)
    return op.add(_fill(kept, largest - sizes[0]), _fill(changed, largest - sizes[1]))


def _fill(node: "ov.Node", lacking: NDArray[np.int64]) -> "ov.Node":
    from openvino import opset15 as op

    if not lacking.any():
        return node
    return op.pad(node, np.zeros_like(lacking), lacking, "constant", np.float32(0))


def _max_pool(seen: "ov.Node") -> "ov.Output":
    from openvino import opset15 as op

    return op.max_pool(seen, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3]).output(0)


def _average_pool(seen: "ov.Node") -> "ov.Node":
    from openvino import opset15 as op

    return op.avg_pool(seen, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True)
