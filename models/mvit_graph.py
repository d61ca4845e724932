"""MViTv2-S as an OpenVINO graph over 16 frames, built from torchvision's published weights without torch.

Source: Li et al., MViTv2: Improved Multiscale Vision Transformers for Classification and Detection (2022), and
torchvision's ``models/video/mvit.py`` for the exact forms. Arrays are named as in the published file; depth, widths
and where the picture is halved are read from them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.graphs import network_of, save
from models.named_arrays import ANY, Arrays, NamedArrays
from models.resnet50_graph import prepare
from models.torch_file import read_tensors
from models.transformer_parts import join_heads, layer_norm, linear, split_heads

if TYPE_CHECKING:
    import openvino as ov

WEIGHTS_FILE = "mvit_v2_s.pth"
NETWORK_FILE = "mvit-v2-s.xml"

FRAMES = 16
SIDE_PX = 224
DIM = 768
CLASSES = 400

MEAN, DEVIATION = (0.45,) * 3, (0.225,) * 3
"""Of colours from 0 to 1: how the published weights want pictures."""

FIRST_KERNEL, FIRST_STRIDE, FIRST_MARGIN = (3, 7, 7), (2, 4, 4), (1, 3, 3)
"""In time, height and width; so are all of three."""

SMALLEST_SIDE = 7
"""Keys and values are pooled so far that, where the picture is not halved, a square of this side is left."""


class Grid(NamedTuple):
    """How the tokens lie, the class token apart."""

    time: int
    height: int
    width: int

    @property
    def tokens(self) -> int:
        return self.time * self.height * self.width

    def over(self, stride: int) -> "Grid":
        return Grid(self.time, -(-self.height // stride), -(-self.width // stride))


FIRST_GRID = Grid(FRAMES // FIRST_STRIDE[0], SIDE_PX // FIRST_STRIDE[1], SIDE_PX // FIRST_STRIDE[2])


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.visual_choices.MvitEncoder` loads: the network as OpenVINO IR in float32.

    Parameters
    ----------
    source_folder : Path
        Holds ``mvit_v2_s.pth``.
    target_folder : Path
        Exists; gets ``mvit-v2-s.xml`` and ``mvit-v2-s.bin``.

    Raises
    ------
    WeightsMissing
        The file is not torchvision's MViTv2-S.
    """
    save(build(read_tensors(source_folder / WEIGHTS_FILE)), target_folder / NETWORK_FILE)


def build(weights: Arrays) -> "ov.Model":
    """Build the whole network: 16 frames in, their embedding and class scores out.

    Parameters
    ----------
    weights : mapping of name to float32 array

    Returns
    -------
    Model with the input ``frames`` (uint8, shape (16, 224, 224, 3), red first) and the outputs ``embedding``
    (float32, shape (1, 768): the class token after the last normalisation) and ``logits`` (float32, shape
    (1, 400)), as wide as the arrays are.

    Raises
    ------
    WeightsMissing
        An array is absent or has another shape.
    """
    from openvino import opset15 as op

    named, grid = NamedArrays(weights, "mvit-v2-s"), FIRST_GRID
    frames = op.parameter([FRAMES, SIDE_PX, SIDE_PX, 3], np.uint8, name="frames")
    tokens = _embed(named, prepare(frames, MEAN, DEVIATION))
    blocks = named.count("blocks.{}.norm1.weight")
    if blocks == 0:
        raise named.refusal("the network has no blocks")
    for block in range(blocks):
        tokens, grid = _block(named.under(f"blocks.{block}."), tokens, grid)
    embedding = op.gather(layer_norm(named.under("norm."), tokens), np.int64(0), np.int64(1))
    logits = linear(named.under("head.1."), embedding)
    outputs = {"embedding": embedding, "logits": logits}
    return network_of("mvit-v2-s", inputs={"frames": frames}, outputs=outputs)


def _embed(named: NamedArrays, frames: "ov.Node") -> "ov.Node":
    """(16, 3, 224, 224) to (1, 1 + tokens, dim)."""
    from openvino import opset15 as op

    kernel = named.array("conv_proj.weight", ANY, 3, *FIRST_KERNEL)
    dim = kernel.shape[0]
    film = op.unsqueeze(op.transpose(frames, np.array([1, 0, 2, 3])), np.array([0]))
    seen = op.convolution(film, kernel, FIRST_STRIDE, FIRST_MARGIN, FIRST_MARGIN, [1, 1, 1])
    flat = op.reshape(seen, np.array([1, dim, FIRST_GRID.tokens]), special_zero=False)
    tokens = op.add(op.transpose(flat, np.array([0, 2, 1])), named.array("conv_proj.bias", dim))
    first = named.array("pos_encoding.class_token", dim).reshape(1, 1, dim)
    return op.concat([op.constant(first), tokens], 1)


def _block(named: NamedArrays, tokens: "ov.Node", grid: Grid) -> "tuple[ov.Node, Grid]":
    """Attend and think; a block that changes the number of channels also halves the picture."""
    from openvino import opset15 as op

    stride = 2 if named.has("project.weight") else 1
    normal = layer_norm(named.under("norm1."), tokens)
    kept = _halved(linear(named.under("project."), normal), grid) if stride == 2 else tokens
    tokens = op.add(kept, _attend(named.under("attn."), normal, grid, stride=stride))
    inner = op.gelu(linear(named.under("mlp.0."), layer_norm(named.under("norm2."), tokens)), "erf")
    return op.add(tokens, linear(named.under("mlp.3."), inner)), grid.over(stride)


def _halved(tokens: "ov.Node", grid: Grid) -> "ov.Node":
    """Keep the largest of every 3 x 3 tokens, at every second place; the class token stays."""
    from openvino import opset15 as op

    first, others = _parted(tokens, axis=1)
    film = _as_film(others, grid)
    margins = [0, 1, 1]
    pooled = op.max_pool(film, [1, 2, 2], [1, 1, 1], margins, margins, [1, 3, 3]).output(0)
    dim = int(tokens.get_output_shape(0)[2])
    flat = op.reshape(pooled, np.array([1, dim, grid.over(2).tokens]), special_zero=False)
    return op.concat([first, op.transpose(flat, np.array([0, 2, 1])).output(0)], 1)


def _attend(named: NamedArrays, tokens: "ov.Node", grid: Grid, *, stride: int) -> "ov.Node":
    from openvino import opset15 as op

    head_dim = named.array("pool_q.pool.weight", ANY, 1, 3, 3, 3).shape[0]
    product = linear(named.under("qkv."), tokens)
    query, key, value = split_heads(product, product.get_output_shape(0)[-1] // 3 // head_dim)
    asked, known = grid.over(stride), grid.over(max(grid.over(stride).height // SMALLEST_SIDE, 1))
    query = _pooled(named.under("pool_q."), query, grid, smaller=asked)
    key, value = (
        _pooled(named.under(f"{name}."), part, grid, smaller=known)
        for name, part in (("pool_k", key), ("pool_v", value))
    )
    places = _parted(query, axis=2)[1]
    attended = op.scaled_dot_product_attention(query, key, value, _by_place(named, places, asked, known))
    return linear(named.under("project.0."), join_heads(op.add(attended, _with_zero_first(places, axes=(2,)))))


def _pooled(named: NamedArrays, part: "ov.Node | ov.Output", grid: Grid, *, smaller: Grid) -> "ov.Node":
    """Filter the tokens of each head by their neighbours, at fewer places; the class token stays."""
    from openvino import opset15 as op

    _, heads, _, head_dim = part.get_shape()
    first, others = _parted(part, axis=2)
    film = _as_film(op.squeeze(others, np.array([0])), grid)
    kernel = named.array("pool.weight", head_dim, 1, 3, 3, 3)[:, None]
    steps, margins = [1, grid.height // smaller.height, grid.width // smaller.width], [1, 1, 1]
    seen = op.group_convolution(film, kernel, steps, margins, margins, [1, 1, 1])
    flat = op.reshape(seen, np.array([1, heads, head_dim, smaller.tokens]), special_zero=False)
    joined = op.concat([first, op.transpose(flat, np.array([0, 1, 3, 2])).output(0)], 2)
    return layer_norm(named.under("norm_act.0."), joined)


def _parted(tokens: "ov.Node | ov.Output", axis: int) -> "list[ov.Output]":
    """The class token and the others."""
    from openvino import opset15 as op

    return list(op.variadic_split(tokens, np.int64(axis), np.array([1, -1])).outputs())


def _as_film(tokens: "ov.Node | ov.Output", grid: Grid) -> "ov.Node":
    """(n, tokens, dim) to (n, dim, time, height, width)."""
    from openvino import opset15 as op

    turned = op.transpose(tokens, np.array([0, 2, 1]))
    count, dim, _ = turned.get_output_shape(0)
    return op.reshape(turned, np.array([count, dim, *grid]), special_zero=False)


def _with_zero_first(tokens: "ov.Node | ov.Output", axes: tuple[int, ...]) -> "ov.Node":
    """Put a zero in the class token's place."""
    from openvino import opset15 as op

    before = np.array([int(axis in axes) for axis in range(4)])
    return op.pad(tokens, before, np.zeros(4, np.int64), "constant", np.float32(0))


def _by_place(named: NamedArrays, places: "ov.Output", asked: Grid, known: Grid) -> "ov.Node":
    """What is added to attention: how much each query wants a key so far from it in time, height and width.

    Returns
    -------
    Node of shape (1, heads, 1 + queries, 1 + keys), zero where the class token is concerned
    """
    from openvino import opset15 as op

    _, heads, _, dim = places.get_shape()
    query = op.reshape(places, np.array([heads, *asked, dim]), special_zero=False)
    steps = [_distances(named, axis, size, of=other) for axis, size, other in zip("thw", asked, known, strict=True)]
    # Each axis of the queries comes second to last but one, where a product takes it together with its distances.
    turns = ((0, 2, 3, 1, 4), (0, 1, 3, 2, 4), (0, 1, 2, 3, 4))
    wanted = []
    for turn, step, place in zip(turns, steps, range(3), strict=True):
        product = _products(query, step, turn)
        keys = [known[axis] if axis == place else 1 for axis in range(3)]
        wanted.append(op.reshape(product, np.array([heads, *asked, *keys]), special_zero=False))
    total = op.add(op.add(wanted[0], wanted[1]), wanted[2])
    flat = op.reshape(total, np.array([1, heads, asked.tokens, known.tokens]), special_zero=False)
    return _with_zero_first(flat, axes=(2, 3))


def _products(query: "ov.Node", step: NDArray[np.float32], turn: tuple[int, ...]) -> "ov.Node":
    """Multiply each query with the distances (queries, keys, dim) of its own place along one axis."""
    from openvino import opset15 as op

    turned = op.unsqueeze(op.transpose(query, np.array(turn)), np.array([4]))
    product = op.squeeze(op.matmul(turned, step, transpose_a=False, transpose_b=True), np.array([4]))
    return op.transpose(product, np.argsort(turn))


def _distances(named: NamedArrays, axis: str, size: int, *, of: int) -> NDArray[np.float32]:
    """Look up what was learnt for each pair of a query's and a key's place along one axis: (size, of, dim)."""
    learnt = named.array(f"rel_pos_{axis}", 2 * max(size, of) - 1, ANY)
    query_step, key_step = max(of / size, 1.0), max(size / of, 1.0)
    apart = np.arange(size)[:, None] * query_step - (np.arange(of)[None] + 1 - of) * key_step
    return learnt[apart.astype(np.int64)]
