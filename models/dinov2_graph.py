"""DINOv2 (ViT-S/14) as an OpenVINO graph, built from its published weights without torch.

Source: Oquab et al., DINOv2: Learning Robust Visual Features without Supervision (2023), and its released code for the
exact forms; Dosovitskiy et al., An Image is Worth 16x16 Words (2020). Arrays are named as in the published file;
depth and width are read from them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.graphs import network_of, save
from models.named_arrays import ANY, Arrays, NamedArrays
from models.resnet50_graph import prepare
from models.torch_file import read_tensors
from models.transformer_parts import join_heads, layer_norm, linear, split_heads

if TYPE_CHECKING:
    import openvino as ov

WEIGHTS_FILE = "dinov2_vits14_pretrain.pth"
NETWORK_FILE = "dinov2-small.xml"

SIDE_PX = 224
PATCH_PX = 14
GRID = SIDE_PX // PATCH_PX
DIM = 384
HEAD_DIM = 64

CUBIC = -0.75
"""The sharpness of cubic interpolation, as torch has it."""

GRID_OFFSET = 0.1
"""Added to the wanted size of the grid: the released code does so, and its features depend on it."""


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.visual_choices.DinoEncoder` loads: the network as OpenVINO IR in float32.

    Parameters
    ----------
    source_folder : Path
        Holds ``dinov2_vits14_pretrain.pth``.
    target_folder : Path
        Exists; gets ``dinov2-small.xml`` and ``dinov2-small.bin``.

    Raises
    ------
    WeightsMissing
        The file is not DINOv2's ViT-S/14.
    """
    save(build(read_tensors(source_folder / WEIGHTS_FILE)), target_folder / NETWORK_FILE)


def build(weights: Arrays) -> "ov.Model":
    """Build the whole network: one picture in, its embedding out.

    Parameters
    ----------
    weights : mapping of name to float32 array

    Returns
    -------
    Model with the input ``pixels`` (uint8, shape (1, 224, 224, 3), red first) and the output ``embedding`` (float32,
    shape (1, 384): the class token after the last normalisation), as wide as the arrays are.

    Raises
    ------
    WeightsMissing
        An array is absent or has another shape.
    """
    from openvino import opset15 as op

    named = NamedArrays(weights, "dinov2-small")
    pixels = op.parameter([1, SIDE_PX, SIDE_PX, 3], np.uint8, name="pixels")
    tokens = _embed(named, prepare(pixels))
    blocks = named.count("blocks.{}.norm1.weight")
    if blocks == 0:
        raise named.refusal("the network has no blocks")
    for block in range(blocks):
        tokens = _block(named.under(f"blocks.{block}."), tokens)
    embedding = op.gather(layer_norm(named.under("norm."), tokens), np.int64(0), np.int64(1))
    return network_of("dinov2-small", inputs={"pixels": pixels}, outputs={"embedding": embedding})


def resized_positions(positions: NDArray[np.float32], grid: int = GRID) -> NDArray[np.float32]:
    """Bring the positions of patches, learnt on a larger grid, to ours.

    Parameters
    ----------
    positions : array, shape (1, 1 + side * side, dim), the class token's first

    Returns
    -------
    array, shape (1, 1 + grid * grid, dim)

    Source: ``interpolate_pos_encoding`` of the released code.
    """
    side, dim = int(np.sqrt(positions.shape[1] - 1)), positions.shape[2]
    if side == grid:
        return positions
    stretch = _cubic(side, grid)
    patches = positions[0, 1:].reshape(side, side, dim).astype(np.float64)
    resized = np.einsum("yh,xw,hwd->yxd", stretch, stretch, patches).reshape(1, grid * grid, dim)
    return np.concatenate([positions[:, :1], resized.astype(np.float32)], axis=1)


def _cubic(before: int, after: int) -> NDArray[np.float64]:
    """Weights of cubic interpolation, shape (after, before); beyond the edge the last number goes on.

    Source: Keys, Cubic convolution interpolation for digital image processing (1981).
    """
    places = (np.arange(after) + 0.5) * before / (after + GRID_OFFSET) - 0.5
    weights = np.zeros((after, before))
    for tap in range(-1, 3):
        at = np.floor(places) + tap
        np.add.at(weights, (np.arange(after), np.clip(at, 0, before - 1).astype(int)), _keys(np.abs(places - at)))
    return weights


def _keys(away: NDArray[np.float64]) -> NDArray[np.float64]:
    near = ((CUBIC + 2) * away - (CUBIC + 3)) * away**2 + 1
    far = ((away - 5) * away + 8) * away * CUBIC - 4 * CUBIC
    return np.where(away <= 1, near, far)


def _embed(named: NamedArrays, pixels: "ov.Node") -> "ov.Node":
    """(1, 3, 224, 224) to one token for the picture and one for each patch."""
    from openvino import opset15 as op

    part = named.under("patch_embed.proj.")
    kernel = part.array("weight", ANY, 3, PATCH_PX, PATCH_PX)
    dim = kernel.shape[0]
    patches = op.convolution(pixels, kernel, [PATCH_PX] * 2, [0, 0], [0, 0], [1, 1])
    rows = op.transpose(op.reshape(patches, np.array([1, dim, GRID * GRID]), special_zero=False), np.array([0, 2, 1]))
    tokens = op.concat([op.constant(named.array("cls_token", 1, 1, dim)), op.add(rows, part.array("bias", dim))], 1)
    return op.add(tokens, resized_positions(_positions(named, dim)))


def _positions(named: NamedArrays, dim: int) -> NDArray[np.float32]:
    positions = named.array("pos_embed", 1, ANY, dim)
    patches = positions.shape[1] - 1
    if int(np.sqrt(max(patches, 0))) ** 2 != patches or patches < 1:
        raise named.refusal(f"expected pos_embed for a square of patches and one token more, got {patches + 1} tokens")
    return positions


def _block(named: NamedArrays, tokens: "ov.Node") -> "ov.Node":
    from openvino import opset15 as op

    attended = _attend(named.under("attn."), layer_norm(named.under("norm1."), tokens))
    tokens = op.add(tokens, _scaled(named.under("ls1."), attended))
    inner = op.gelu(linear(named.under("mlp.fc1."), layer_norm(named.under("norm2."), tokens)), "erf")
    return op.add(tokens, _scaled(named.under("ls2."), linear(named.under("mlp.fc2."), inner)))


def _attend(named: NamedArrays, tokens: "ov.Node") -> "ov.Node":
    from openvino import opset15 as op

    product = linear(named.under("qkv."), tokens)
    query, key, value = split_heads(product, product.get_output_shape(0)[-1] // 3 // HEAD_DIM)
    return linear(named.under("proj."), join_heads(op.scaled_dot_product_attention(query, key, value)))


def _scaled(named: NamedArrays, tokens: "ov.Node") -> "ov.Node":
    from openvino import opset15 as op

    return op.multiply(tokens, named.array("gamma", int(tokens.get_output_shape(0)[-1])))
