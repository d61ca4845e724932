"""Small networks with every part of the large ones that pack `full` brings, filled with seeded numbers.

Only numpy is needed, so that `tests/full_golden.py` can load the same numbers into the original frameworks.
"""

from collections.abc import Mapping

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]


def filled(shapes: Shapes, seed: int) -> dict[str, np.ndarray]:
    """Numbers for every array, small enough that none of them drowns the others; variances are positive."""
    random = np.random.default_rng(seed)
    return {name: _numbers(random, name, shapes[name]) for name in sorted(shapes)}


def _numbers(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.array(7, np.int64)
    numbers = random.normal(0, 1 / np.sqrt(max(1, np.prod(shape[1:]))) if len(shape) > 1 else 0.3, shape)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        numbers = 0.5 + np.abs(numbers)
    return numbers.astype(np.float32)


def picture(seed: int, height: int = 224, width: int = 224) -> np.ndarray:
    """Coloured spots of 16 pixels: what a network sees changes from place to place, as in a photo."""
    random = np.random.default_rng(seed)
    spots = random.integers(0, 256, (-(-height // 16), -(-width // 16), 3), np.uint8)
    return np.kron(spots, np.ones((16, 16, 1), np.uint8))[:height, :width]


RESNET_STEM, RESNET_INNER, RESNET_BLOCKS = 6, (4, 4, 8, 8), (2, 1, 2, 1)


def resnet50(classes: int = 1000) -> dict[str, np.ndarray]:
    """A ResNet of bottleneck blocks, 4 stages, 32 numbers at the end."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (RESNET_STEM, 3, 7, 7)} | _norm("bn1", RESNET_STEM)
    channels = RESNET_STEM
    for stage, (inner, blocks) in enumerate(zip(RESNET_INNER, RESNET_BLOCKS, strict=True), start=1):
        for block in range(blocks):
            prefix, outputs = f"layer{stage}.{block}.", 4 * inner
            shapes[f"{prefix}conv1.weight"] = (inner, channels, 1, 1)
            shapes[f"{prefix}conv2.weight"] = (inner, inner, 3, 3)
            shapes[f"{prefix}conv3.weight"] = (outputs, inner, 1, 1)
            shapes |= _norm(f"{prefix}bn1", inner) | _norm(f"{prefix}bn2", inner) | _norm(f"{prefix}bn3", outputs)
            if block == 0:
                shapes[f"{prefix}downsample.0.weight"] = (outputs, channels, 1, 1)
                shapes |= _norm(f"{prefix}downsample.1", outputs)
            channels = outputs
    shapes |= {"fc.weight": (classes, channels), "fc.bias": (classes,)}
    return filled(shapes, seed=50)


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    parts = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return {f"{name}.{part}": shape for part, shape in parts.items()} | {f"{name}.num_batches_tracked": ()}


DINO_DIM, DINO_INNER, DINO_BLOCKS, DINO_SIDE = 128, 192, 2, 37


def dinov2() -> dict[str, np.ndarray]:
    """A vision transformer of two blocks and two heads, with positions for 37 x 37 patches."""
    dim, inner = DINO_DIM, DINO_INNER
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, 1 + DINO_SIDE**2, dim),
        "mask_token": (1, dim),
        "patch_embed.proj.weight": (dim, 3, 14, 14),
        "patch_embed.proj.bias": (dim,),
    } | _affine("norm", dim)
    for block in range(DINO_BLOCKS):
        prefix = f"blocks.{block}."
        for name, rows, columns in (
            ("attn.qkv", 3 * dim, dim),
            ("attn.proj", dim, dim),
            ("mlp.fc1", inner, dim),
            ("mlp.fc2", dim, inner),
        ):
            shapes |= _dense(prefix + name, rows, columns)
        shapes |= _affine(f"{prefix}norm1", dim) | _affine(f"{prefix}norm2", dim)
        shapes |= {f"{prefix}ls1.gamma": (dim,), f"{prefix}ls2.gamma": (dim,)}
    return filled(shapes, seed=51)


MVIT_HEAD_DIM, MVIT_HEADS = 8, ((1, 1), (1, 2), (2, 2), (2, 4))
"""Heads before and after each block; where their number changes, the picture is halved."""


def mvit(classes: int = 400) -> dict[str, np.ndarray]:
    """An MViT of four blocks, two of which halve the picture; 32 numbers at the end."""
    first, last = MVIT_HEAD_DIM * MVIT_HEADS[0][0], MVIT_HEAD_DIM * MVIT_HEADS[-1][1]
    shapes: dict[str, tuple[int, ...]] = {
        "conv_proj.weight": (first, 3, 3, 7, 7),
        "conv_proj.bias": (first,),
        "pos_encoding.class_token": (first,),
    }
    shapes |= _affine("norm", last) | _dense("head.1", classes, last)
    side = 56
    for block, (before, after) in enumerate(MVIT_HEADS):
        side //= after // before
        shapes |= _mvit_block(f"blocks.{block}.", MVIT_HEAD_DIM * before, MVIT_HEAD_DIM * after, side)
    return filled(shapes, seed=53)


def _mvit_block(prefix: str, before: int, after: int, side: int) -> dict[str, tuple[int, ...]]:
    attention = f"{prefix}attn."
    shapes = _affine(f"{prefix}norm1", before) | _affine(f"{prefix}norm2", after)
    shapes |= _dense(f"{attention}qkv", 3 * after, before) | _dense(f"{attention}project.0", after, after)
    shapes |= _dense(f"{prefix}mlp.0", 4 * after, after) | _dense(f"{prefix}mlp.3", after, 4 * after)
    for part in ("pool_q", "pool_k", "pool_v"):
        shapes[f"{attention}{part}.pool.weight"] = (MVIT_HEAD_DIM, 1, 3, 3, 3)
        shapes |= _affine(f"{attention}{part}.norm_act.0", MVIT_HEAD_DIM)
    sizes = {"h": 2 * side - 1, "w": 2 * side - 1, "t": 15}
    shapes |= {f"{attention}rel_pos_{axis}": (size, MVIT_HEAD_DIM) for axis, size in sizes.items()}
    return shapes | (_dense(f"{prefix}project", after, before) if before != after else {})


def clip(seed: int) -> np.ndarray:
    """Sixteen different pictures."""
    return np.stack([picture(seed + place) for place in range(16)])


def _dense(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def _affine(name: str, dim: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (dim,), f"{name}.bias": (dim,)}
