"""The real networks, fetched once into the cache that all test runs share."""

from pathlib import Path

from models.audio import AudioEncoder
from models.faces.sighting import FaceSight
from models.text import TextEncoder
from models.visual import VisualEncoder
from streams.storage.weights import WeightsCache


def text_encoder(cache: Path, threads: int = 1) -> TextEncoder:
    """MiniLM, ready to embed."""
    return TextEncoder.load(WeightsCache(cache).fetch("minilm"), threads)


def visual_encoder(cache: Path, threads: int = 1) -> VisualEncoder:
    """EfficientNet-Lite0, ready to look."""
    return VisualEncoder.load(WeightsCache(cache).fetch("lite0"), threads)


def audio_encoder(cache: Path, threads: int = 1) -> AudioEncoder:
    """YAMNet, ready to listen."""
    return AudioEncoder.load(WeightsCache(cache).fetch("yamnet"), threads)


def face_sight(cache: Path, threads: int = 1) -> FaceSight:
    """CenterFace and dlib's encoder, ready to see."""
    weights = WeightsCache(cache)
    return FaceSight.load(weights.fetch("centerface"), weights.fetch("dlib-face"), threads=threads)
