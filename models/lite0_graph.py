"""EfficientNet-Lite0 as an OpenVINO graph, built from its published weights without torch.

Source: Tan and Le, EfficientNet (2019); the EfficientNet-Lite release of the TensorFlow TPU models for what Lite
leaves out (no squeeze-and-excitation, ReLU6 for swish, fixed stem and head). Arrays are named as in the
published file, which is that release converted to PyTorch.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.graphs import network_of, save
from models.named_arrays import NamedArrays
from models.torch_file import Tensors, read_tensors

if TYPE_CHECKING:
    import openvino as ov

    Node: TypeAlias = ov.Node | ov.Output

WEIGHTS_FILE = "efficientnet-lite0.pth"
NETWORK_FILE = "lite0.xml"

SIDE_PX = 224
DIM = 1280
CLASSES = 1000

MEAN_LEVEL, LEVELS = 127.0, 128.0
"""The published preprocessing of Lite: whole numbers, other than that of EfficientNet proper."""

STEM_CHANNELS = 32
NORM_EPSILON = 1e-3
RELU6_LIMIT = 6.0


class Stack(NamedTuple):
    """Blocks in a row; only the first has the stride and changes the number of channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STACKS = (
    Stack(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
    Stack(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    Stack(repeats=2, kernel=5, stride=2, expansion=6, channels=40),
    Stack(repeats=3, kernel=3, stride=2, expansion=6, channels=80),
    Stack(repeats=3, kernel=5, stride=1, expansion=6, channels=112),
    Stack(repeats=4, kernel=5, stride=2, expansion=6, channels=192),
    Stack(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
)
"""Table 1 of the paper, stages 2 to 8."""


class Block(NamedTuple):
    """One inverted residual block and where its arrays are."""

    prefix: str
    kernel: int
    stride: int
    inputs: int
    inner: int
    outputs: int

    @property
    def expands(self) -> bool:
        return self.inner != self.inputs

    @property
    def is_residual(self) -> bool:
        return self.stride == 1 and self.inputs == self.outputs


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.visual.VisualEncoder` loads: the network as OpenVINO IR in float32.

    Parameters
    ----------
    source_folder : Path
        Holds ``efficientnet-lite0.pth``.
    target_folder : Path
        Exists; gets ``lite0.xml`` and ``lite0.bin``.

    Raises
    ------
    WeightsMissing
        The file is not EfficientNet-Lite0.
    """
    save(build(read_tensors(source_folder / WEIGHTS_FILE)), target_folder / NETWORK_FILE)


def build(weights: Tensors) -> "ov.Model":
    """Build the whole network: one picture in, its embedding and class scores out.

    Parameters
    ----------
    weights : dict of name to float32 array

    Returns
    -------
    Model with the input ``pixels`` (uint8, shape (1, 224, 224, 3), red first) and the outputs ``embedding``
    (float32, shape (1, 1280), not negative) and ``logits`` (float32, shape (1, 1000)). The batch is one for
    good: more gain nothing, and the same picture has the same bits whatever came before it.

    Raises
    ------
    WeightsMissing
        An array is absent or has another shape.
    """
    from openvino import opset15 as op

    named = NamedArrays(weights, "lite0")
    pixels = op.parameter([1, SIDE_PX, SIDE_PX, 3], np.uint8, name="pixels")
    seen = _relu6(_convolve(named, _prepare(pixels), _Filter("_conv_stem", "_bn0", STEM_CHANNELS, 3, 3, stride=2)))
    for block in blocks():
        seen = _block(named, seen, block)
    last = STACKS[-1].channels
    seen = _relu6(_convolve(named, seen, _Filter("_conv_head", "_bn1", DIM, last, 1)))
    embedding = op.reduce_mean(seen, np.array([2, 3]), keep_dims=False)
    scores = op.matmul(embedding, named.array("_fc.weight", CLASSES, DIM), transpose_a=False, transpose_b=True)
    logits = op.add(scores, named.array("_fc.bias", CLASSES))
    outputs = {"embedding": embedding, "logits": logits}
    return network_of("efficientnet-lite0", inputs={"pixels": pixels}, outputs=outputs)


def blocks() -> Iterator[Block]:
    """List the blocks of all stacks, numbered as in the published file."""
    inputs, number = STEM_CHANNELS, 0
    for stack in STACKS:
        for repeat in range(stack.repeats):
            yield Block(
                prefix=f"_blocks.{number}.",
                kernel=stack.kernel,
                stride=1 if repeat else stack.stride,
                inputs=inputs,
                inner=inputs * stack.expansion,
                outputs=stack.channels,
            )
            inputs, number = stack.channels, number + 1


class _Filter(NamedTuple):
    """A convolution and the normalisation after it; `inputs` is 1 when each channel has a filter of its own."""

    weight: str
    norm: str
    outputs: int
    inputs: int
    kernel: int
    stride: int = 1


def _folded(named: NamedArrays, part: _Filter) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give a convolution's weights and bias with its normalisation worked in, computed in float64."""
    weight = named.array(f"{part.weight}.weight", part.outputs, part.inputs, part.kernel, part.kernel)
    gain, shift, mean, variance = (
        named.array(f"{part.norm}.{name}", part.outputs).astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / np.sqrt(variance + NORM_EPSILON)
    folded = weight * scale[:, None, None, None]
    return folded.astype(np.float32), (shift - mean * scale).astype(np.float32)


def _prepare(pixels: "Node") -> "Node":
    """(1, height, width, 3) of 0..255 to (1, 3, height, width) of about -1..1."""
    from openvino import opset15 as op

    levels = op.transpose(op.convert(pixels, "f32"), np.array([0, 3, 1, 2]))
    return op.divide(op.subtract(levels, np.float32(MEAN_LEVEL)), np.float32(LEVELS))


def _block(named: NamedArrays, seen: "Node", block: Block) -> "Node":
    from openvino import opset15 as op

    prefix, inner, result = block.prefix, block.inner, seen
    if block.expands:
        part = _Filter(f"{prefix}_expand_conv", f"{prefix}_bn0", inner, block.inputs, 1)
        result = _relu6(_convolve(named, result, part))
    part = _Filter(f"{prefix}_depthwise_conv", f"{prefix}_bn1", inner, 1, block.kernel, block.stride)
    result = _relu6(_convolve(named, result, part))
    result = _convolve(named, result, _Filter(f"{prefix}_project_conv", f"{prefix}_bn2", block.outputs, inner, 1))
    return op.add(result, seen) if block.is_residual else result


def _convolve(named: NamedArrays, seen: "Node", part: _Filter) -> "Node":
    """Filter, each channel by itself where a filter has one input; padded as TensorFlow does (more at the end)."""
    from openvino import opset15 as op

    weight, bias = _folded(named, part)
    alone = part.inputs == 1
    convolve = op.group_convolution if alone else op.convolution
    filtered = convolve(
        seen,
        weight[:, None] if alone else weight,
        strides=[part.stride] * 2,
        pads_begin=[0, 0],
        pads_end=[0, 0],
        dilations=[1, 1],
        auto_pad="same_upper",
    )
    return op.add(filtered, bias.reshape(1, -1, 1, 1))


def _relu6(node: "Node") -> "Node":
    from openvino import opset15 as op

    return op.clamp(node, 0.0, RELU6_LIMIT)
