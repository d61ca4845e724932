"""The real networks, fetched once into the cache that all test runs share."""

from pathlib import Path

from models.audio import AudioEncoder
from models.backend import ONE_THREAD
from models.faces.sighting import FaceSight
from models.inference import Inference
from models.text import TextEncoder
from models.visual import VisualEncoder
from streams.storage.weights import WeightsCache


def text_encoder(cache: Path, inference: Inference = ONE_THREAD) -> TextEncoder:
    """MiniLM, ready to embed."""
    return TextEncoder.load(WeightsCache(cache).fetch("minilm"), inference)


def visual_encoder(cache: Path, inference: Inference = ONE_THREAD) -> VisualEncoder:
    """EfficientNet-Lite0, ready to look."""
    return VisualEncoder.load(WeightsCache(cache).fetch("lite0"), inference)


def audio_encoder(cache: Path, inference: Inference = ONE_THREAD) -> AudioEncoder:
    """YAMNet, ready to listen."""
    return AudioEncoder.load(WeightsCache(cache).fetch("yamnet"), inference)


def face_sight(cache: Path, inference: Inference = ONE_THREAD) -> FaceSight:
    """CenterFace and dlib's encoder, ready to see."""
    weights = WeightsCache(cache)
    return FaceSight.load(weights.fetch("centerface"), weights.fetch("dlib-face"), inference=inference)
