"""The real networks, fetched once into the cache that all test runs share."""

from pathlib import Path

from models.text import TextEncoder
from streams.storage.weights import WeightsCache


def text_encoder(cache: Path, threads: int = 1) -> TextEncoder:
    """MiniLM, ready to embed."""
    return TextEncoder.load(WeightsCache(cache).fetch("minilm"), threads)
