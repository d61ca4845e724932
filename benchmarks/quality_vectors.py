"""Texts to vectors for the quality figures, kept in a temporary folder between runs."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from models.text import DIM, MODEL_VERSION, TextEncoder
from streams.storage.weights import WeightsCache

ROOT = Path(__file__).parents[1]

LOT = 256
"""Texts for each file that is kept, so that an interrupted run has not worked in vain."""


def data_folder() -> Path | None:
    """Find the studies' tables; None, and a word about it, where there are none."""
    folder = Path(os.environ.get("GROUNDSWELL_DATA", ROOT.parent / "shared" / "data"))
    if folder.is_dir():
        return folder
    print(f"nothing measured: no tables at {folder}; set GROUNDSWELL_DATA to a folder that has them")
    return None


def kept_vectors() -> "KeptVectors":
    """Make the embedding ready; its network is fetched where it is not here."""
    cache = Path(os.environ.get("GROUNDSWELL_CACHE", user_cache_path("groundswell")))
    return KeptVectors(WeightsCache(cache).fetch("minilm"))


class KeptVectors:
    """Embeds texts, each lot of them once.

    Parameters
    ----------
    encoder_folder : Path
        The converted network, see ``groundswell weights``.
    kept : Path or None
        Where vectors stay between runs; None for the usual temporary folder.
    """

    def __init__(self, encoder_folder: Path, kept: Path | None = None) -> None:
        self._folder = encoder_folder
        self._kept = kept or Path(tempfile.gettempdir()) / "groundswell-quality"
        self._encoder: TextEncoder | None = None

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: shape (n, 384), rows of length 1, and of zeros for texts without words."""
        lots = [texts[first : first + LOT] for first in range(0, len(texts), LOT)]
        return np.concatenate([self._lot(lot) for lot in lots])

    def _lot(self, texts: Sequence[str]) -> NDArray[np.float32]:
        name = hashlib.sha256("\x00".join((MODEL_VERSION, *texts)).encode()).hexdigest()
        path = self._kept / f"{name[:32]}.npy"
        if path.exists():
            kept: NDArray[np.float32] = np.load(path, allow_pickle=False)
            return kept
        vectors = self._embed(texts)
        self._kept.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npy")
        np.save(partial, vectors)
        partial.rename(path)
        return vectors

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self._encoder = self._encoder or TextEncoder.load(self._folder)
        vectors = np.zeros((len(texts), DIM), np.float32)
        written = [place for place, text in enumerate(texts) if text.strip()]
        vectors[written] = self._encoder.encode([texts[place] for place in written])
        return vectors
