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
