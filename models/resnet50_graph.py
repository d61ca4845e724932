"""ResNet-50 as an OpenVINO graph, built from torchvision's published weights without torch.

Source: He et al., Deep Residual Learning for Image Recognition (2015), with the stride in the middle convolution of
a block, as torchvision has it ("ResNet v1.5"). Arrays are named as in the published file; depth and width are read
from them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.graphs import network_of, save
from models.named_arrays import ANY, Arrays, NamedArrays
from models.torch_file import read_tensors

if TYPE_CHECKING:
    import openvino as ov

WEIGHTS_FILE = "resnet50.pth"
NETWORK_FILE = "resnet50.xml"

SIDE_PX = 224
DIM = 2048

MEAN_RGB = (0.485, 0.456, 0.406)
DEVIATION_RGB = (0.229, 0.224, 0.225)
"""ImageNet's, of colours from 0 to 1: how the published weights want pictures."""

NORM_EPSILON = 1e-5

STAGES = 4
BRIGHTEST = 255.0


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.visual_choices.ResNet50Encoder` loads: the network as OpenVINO IR in float32.

    Parameters
    ----------
    source_folder : Path
        Holds ``resnet50.pth``.
    target_folder : Path
        Exists; gets ``resnet50.xml`` and ``resnet50.bin``.

    Raises
    ------
    WeightsMissing
        The file is not torchvision's ResNet-50.
    """
    save(build(read_tensors(source_folder / WEIGHTS_FILE)), target_folder / NETWORK_FILE)


def build(weights: Arrays) -> "ov.Model":
    """Build the whole network: one picture in, its embedding and class scores out.

    Parameters
    ----------
    weights : mapping of name to float32 array

    Returns
    -------
    Model with the input ``pixels`` (uint8, shape (1, 224, 224, 3), red first) and the outputs ``embedding``
    (float32, shape (1, 2048), not negative) and ``logits`` (float32, shape (1, 1000)), as wide as the arrays are.

    Raises
    ------
    WeightsMissing
        An array is absent or has another shape.
    """
    from openvino import opset15 as op

    named = NamedArrays(weights, "resnet50")
    pixels = op.parameter([1, SIDE_PX, SIDE_PX, 3], np.uint8, name="pixels")
    seen = _convolve(named, prepare(pixels), ("conv1", "bn1"), stride=2)
    seen = op.relu(_max_pool(seen))  # the largest of what is positive, in either order
    for stage in range(1, STAGES + 1):
        seen = _stage(named.under(f"layer{stage}."), seen, stride=1 if stage == 1 else 2)
    embedding = op.reduce_mean(seen, np.array([2, 3]), keep_dims=False)
    kernel = named.array("fc.weight", ANY, embedding.get_output_shape(0)[1])
    scores = op.matmul(embedding, kernel, transpose_a=False, transpose_b=True)
    logits = op.add(scores, named.array("fc.bias", kernel.shape[0]))
    outputs = {"embedding": embedding, "logits": logits}
    return network_of("resnet50", inputs={"pixels": pixels}, outputs=outputs)


def prepare(
    pixels: "ov.Node", mean: tuple[float, ...] = MEAN_RGB, deviation: tuple[float, ...] = DEVIATION_RGB
) -> "ov.Node":
    """(n, height, width, 3) of 0..255 to (n, 3, height, width), each colour with its mean taken off, in deviations."""
    from openvino import opset15 as op

    levels = op.transpose(op.convert(pixels, "f32"), np.array([0, 3, 1, 2]))
    means, deviations = (BRIGHTEST * np.array(each).reshape(1, 3, 1, 1) for each in (mean, deviation))
    return op.divide(op.subtract(levels, means.astype(np.float32)), deviations.astype(np.float32))


def _stage(named: NamedArrays, seen: "ov.Node", stride: int) -> "ov.Node":
    """Blocks in a row; the first halves the picture where the stage does."""
    blocks = named.count("{}.conv1.weight")
    if blocks == 0:
        raise named.refusal("a stage of the network has no blocks")
    for block in range(blocks):
        seen = _block(named.under(f"{block}."), seen, stride=1 if block else stride)
    return seen


def _block(named: NamedArrays, seen: "ov.Node", stride: int) -> "ov.Node":
    from openvino import opset15 as op

    changed = op.relu(_convolve(named, seen, ("conv1", "bn1")))
    changed = op.relu(_convolve(named, changed, ("conv2", "bn2"), stride=stride))
    changed = _convolve(named, changed, ("conv3", "bn3"))
    shortens = named.has("downsample.0.weight")
    kept = _convolve(named, seen, ("downsample.0", "downsample.1"), stride=stride) if shortens else seen
    return op.relu(op.add(changed, kept))


def _convolve(named: NamedArrays, seen: "ov.Node", names: tuple[str, str], *, stride: int = 1) -> "ov.Node":
    from openvino import opset15 as op

    weight, bias = _folded(named, names, seen.get_output_shape(0)[1])
    margins = [weight.shape[2] // 2] * 2
    return op.add(op.convolution(seen, weight, [stride] * 2, margins, margins, [1, 1]), bias)


def _max_pool(seen: "ov.Node") -> "ov.Output":
    from openvino import opset15 as op

    return op.max_pool(seen, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)


def _folded(
    named: NamedArrays, names: tuple[str, str], channels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give a convolution's weights and bias with its normalisation worked in, computed in float64."""
    weight = named.array(f"{names[0]}.weight", ANY, channels, ANY, ANY)
    norm = named.under(f"{names[1]}.")
    gain, shift, mean, variance = (
        norm.array(part, weight.shape[0]).astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = (gain / np.sqrt(variance + NORM_EPSILON)).reshape(-1, 1, 1, 1)
    bias = shift.reshape(1, -1, 1, 1) - (mean * scale.ravel()).reshape(1, -1, 1, 1)
    return (weight * scale).astype(np.float32), bias.astype(np.float32)
