"""Sound to vectors and to names of what is heard: YAMNet, patch by patch."""

import io
import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import backend
from models.inference import Inference, at_precision
from models.yamnet_graph import CLASSES_FILE, DIM, N_CLASSES, NETWORK_FILE
from models.yamnet_mel import FRAME_S, PATCH_HOP, PATCH_S, SAMPLE_RATE_HZ, WINDOW_SAMPLES, patches
from schemas.errors import MediaUnreadable, WeightsMissing

MODEL = "yamnet"

MODEL_VERSION = "cf149c90-m1h96-f32"
"""The packed weights' sha256, how sound becomes patches (raise it with any change there), their hop, the precision."""

SHORTEST_SAMPLES = WINDOW_SAMPLES
"""25 ms; the network has nothing to hear in less."""

LABEL_SCORE = 0.2
"""A class that scores less is not named. In clips with known sounds (a horn, a dog, music, typing) what is heard
scores above it, and what is not is mostly below 0.1."""

SHARE_SCORE = 0.5
"""From here on a patch counts as speech or as music."""

SPEECH, MUSIC = "Speech", "Music"

MAX_LABELS = 20
"""Of one piece of sound, best first."""

_FULL_SCALE = 32768.0

Samples = NDArray[np.float32]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What the network says about a piece of sound.

    Attributes
    ----------
    embeddings : array, shape (n_patches, 1024), not negative
    scores : array, shape (n_patches, 521), each in [0, 1]
    starts_s, ends_s : arrays, shape (n_patches,)
        Where each patch lies in the sound.
    """

    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]
    starts_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]

    @property
    def embedding(self) -> NDArray[np.float32]:
        """Mean over the patches, shape (1024,)."""
        return np.asarray(self.embeddings.mean(axis=0, dtype=np.float64), np.float32)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A class that is heard without a pause; `score` is its best in this time."""

    name: str
    score: float
    start_s: float
    end_s: float


class AudioEncoder:
    """Hears pieces of sound. The same sound gives the same bits, whatever else is heard before or after.

    All patches of one piece go through the network together, and never with those of another: a fifth cheaper than
    one by one (``benchmarks/audio.py``).
    """

    dim = DIM

    def __init__(self, network: backend.Network, classes: Sequence[str]) -> None:
        self._network = network
        self.classes = tuple(classes)

    @property
    def version(self) -> str:
        """`MODEL_VERSION`, with the precision it really runs in."""
        return at_precision(MODEL_VERSION, self._network.precision)

    @classmethod
    def load(cls, folder: Path, inference: Inference = backend.ONE_THREAD) -> Self:
        """Read the converted network and its classes' names.

        Raises
        ------
        WeightsMissing
            A file is absent or unreadable.
        """
        try:
            classes = (folder / CLASSES_FILE).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise WeightsMissing(f"no names of classes in {folder}: {error}; {_FETCH}") from error
        if len(classes) != N_CLASSES:
            raise WeightsMissing(f"expected {N_CLASSES} names in {CLASSES_FILE}, got {len(classes)}; {_FETCH}")
        return cls(backend.load(folder / NETWORK_FILE, inference), classes)

    def hear(self, samples: Samples, hop: int = PATCH_HOP) -> Heard:
        """Listen to a piece of sound.

        Parameters
        ----------
        samples : array, shape (n,), float32 in [-1, 1], 16 kHz mono, n >= 400
        hop : int
            Frames of 10 ms from one patch of 0.96 s to the next.
        """
        cut, starts = patches(samples, hop)
        scores, embeddings = self._network.infer({"patches": cut})
        starts_s = np.asarray(starts * FRAME_S, np.float64)
        return Heard(
            scores=scores.astype(np.float32, copy=False),
            embeddings=embeddings.astype(np.float32, copy=False),
            starts_s=starts_s,
            ends_s=np.minimum(starts_s + PATCH_S, len(samples) / SAMPLE_RATE_HZ),
        )

    def share(self, heard: Heard, name: str) -> float:
        """Share of the patches in which a class is heard, in [0, 1]."""
        return float(np.mean(heard.scores[:, self.classes.index(name)] >= SHARE_SCORE))

    def spans(self, heard: Heard) -> list[Span]:
        """Name what is heard and when, best first, at most `MAX_LABELS`."""
        audible = np.flatnonzero((heard.scores >= LABEL_SCORE).any(axis=0))
        spans = [span for place in audible for span in _spans(heard, heard.scores[:, place], self.classes[place])]
        return sorted(spans, key=lambda span: (-span.score, span.name, span.start_s))[:MAX_LABELS]


def read_wav(data: bytes) -> Samples:
    """Read a segment's sound: a WAV of 16 kHz, one channel, 16 bits.

    Returns
    -------
    array, shape (n,), float32 in [-1, 1]

    Raises
    ------
    MediaUnreadable
        It is no such WAV.
    """
    try:
        with wave.open(io.BytesIO(data)) as wav:
            came = (wav.getframerate(), wav.getnchannels(), wav.getsampwidth())
            raw = wav.readframes(wav.getnframes())
    except (wave.Error, EOFError) as error:
        raise MediaUnreadable(f"expected a WAV, but {error or 'it ends too early'}; cut the video again") from error
    if came != (SAMPLE_RATE_HZ, 1, 2):
        raise MediaUnreadable(f"expected a WAV of (16000 Hz, 1 channel, 2 bytes), got {came}; cut the video again")
    return (np.frombuffer(raw[: len(raw) // 2 * 2], "<i2") / _FULL_SCALE).astype(np.float32)


def _spans(heard: Heard, scores: NDArray[np.float32], name: str) -> list[Span]:
    """Join neighbouring patches in which one class is heard."""
    on = np.concatenate([[False], scores >= LABEL_SCORE, [False]])
    edges = np.flatnonzero(on[1:] != on[:-1])
    return [
        Span(
            name=name,
            score=float(scores[first:end].max()),
            start_s=float(heard.starts_s[first]),
            end_s=float(heard.ends_s[end - 1]),
        )
        for first, end in list(pairwise(edges))[::2]
    ]


_FETCH = "run: groundswell weights fetch yamnet"
