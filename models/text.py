"""Words to vectors: all-MiniLM-L6-v2, windowed and batched."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import backend
from models.inference import Inference, at_precision
from models.minilm_graph import NETWORK_FILE, TOKENIZER_FILE
from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MODEL = "all-minilm-l6-v2"

MODEL_VERSION = "53aa5117-w1-f32"
"""The weights' sha256, how text becomes windows and vectors (raise it with any change here), the precision."""

DIM = 384

WINDOW_TOKENS = 254
"""With [CLS] and [SEP] the 256 tokens the published model reads at most."""

MAX_WINDOWS = 16
"""About 20,000 characters, four times the longest description a platform takes. A batch of 32 such texts
takes half of the stage's longest step of 60 s on one thread (``benchmarks/text.py``)."""

LENGTH_STEP_TOKENS = 8
"""Windows are padded to the next multiple: few enough shapes to fill batches, short enough to waste little.
No other layout was faster on ordinary subtitles; one by one costs half as much again (``benchmarks/text.py``)."""

BATCH_TOKENS = 512
"""Larger batches gain nothing: the weights are then read once for enough work (``benchmarks/text.py``)."""


class Window(msgspec.Struct, frozen=True):
    """A piece of a text: which text, its token ids with [CLS] and [SEP], how many words' pieces it holds."""

    text: int
    ids: tuple[int, ...]

    @property
    def weight(self) -> int:
        """Tokens without [CLS] and [SEP]; an empty text counts as one, so that it has a vector."""
        return max(len(self.ids) - 2, 1)

    @property
    def padded_tokens(self) -> int:
        return -(-len(self.ids) // LENGTH_STEP_TOKENS) * LENGTH_STEP_TOKENS


class TextEncoder:
    """Turns texts into unit vectors whose cosine says how alike their meanings are.

    A text's vector has the same bits whatever else is in the call: a window is only batched with
    windows of its own padded length, and rows of one shape do not touch each other.
    """

    dim = DIM

    def __init__(self, network: backend.Network, tokenizer: "Tokenizer") -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._first, self._last = tokenizer.encode("").ids  # [CLS] and [SEP]

    @property
    def version(self) -> str:
        """`MODEL_VERSION`, with the precision it really runs in."""
        return at_precision(MODEL_VERSION, self._network.precision)

    @classmethod
    def load(cls, folder: Path, inference: Inference = backend.ONE_THREAD) -> Self:
        """Read the converted network and its tokenizer.

        Raises
        ------
        WeightsMissing
            A file is absent or unreadable.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        except Exception as error:  # tokenizers raises bare Exception
            raise WeightsMissing(f"no tokenizer in {folder}: {error}; run: groundswell weights fetch") from error
        # The published file cuts at 128 tokens and pads to 128; windows and batches are our own.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(backend.load(folder / NETWORK_FILE, inference), tokenizer)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; long ones window by window, each window weighing as many tokens as it has.

        Windows do not overlap, so that every word counts once. A text beyond `MAX_WINDOWS` is
        represented by that many windows spread evenly over it.

        Parameters
        ----------
        texts : sequence of str
            An empty text gets the vector of nothing; ask for it only if you want it.

        Returns
        -------
        array, shape (n_texts, 384), each row of length 1

        Source: Reimers and Gurevych, Sentence-BERT (2019).
        """
        windows = self.windows(texts)
        vectors = np.empty((len(windows), DIM), np.float64)
        for batch in batches(windows):
            vectors[batch] = self.embed([windows[index] for index in batch])
        totals = np.zeros((len(texts), DIM), np.float64)
        for window, vector in zip(windows, vectors, strict=True):
            totals[window.text] += window.weight * vector
        unit: NDArray[np.float64] = totals / np.sqrt(np.sum(totals * totals, axis=1, keepdims=True))
        return unit.astype(np.float32)

    def windows(self, texts: Sequence[str]) -> list[Window]:
        """Cut texts into windows of at most 254 tokens, as even as possible."""
        return [
            Window(index, (self._first, *piece, self._last))
            for index, text in enumerate(texts)
            # One by one: encode_batch would start a thread for each core, whatever the caller allows.
            for piece in cut_evenly(self._tokenizer.encode(text, add_special_tokens=False).ids)
        ]

    def embed(self, windows: Sequence[Window]) -> NDArray[np.float32]:
        """Run the network on windows of one padded length.

        Returns
        -------
        array, shape (n_windows, 384), each row of length 1
        """
        ids = np.zeros((len(windows), windows[0].padded_tokens), np.int64)  # 0 is [PAD]
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window.ids)] = window.ids
            mask[row, : len(window.ids)] = 1
        (vectors,) = self._network.infer({"input_ids": ids, "attention_mask": mask})
        return vectors.astype(np.float32, copy=False)


def cut_evenly(ids: Sequence[int]) -> list[Sequence[int]]:
    """Cut token ids into pieces of at most `WINDOW_TOKENS`, as even as possible, at most `MAX_WINDOWS`.

    >>> [len(piece) for piece in cut_evenly(range(600))]
    [200, 200, 200]
    """
    n_pieces = max(math.ceil(len(ids) / WINDOW_TOKENS), 1)
    if n_pieces <= MAX_WINDOWS:
        edges = [round(len(ids) * i / n_pieces) for i in range(n_pieces + 1)]
        return [ids[start:end] for start, end in pairwise(edges)]
    last_start = len(ids) - WINDOW_TOKENS
    starts = [round(last_start * i / (MAX_WINDOWS - 1)) for i in range(MAX_WINDOWS)]
    return [ids[start : start + WINDOW_TOKENS] for start in starts]


def batches(windows: Sequence[Window]) -> list[list[int]]:
    """Sort windows by padded length into batches of one shape; return their positions."""
    by_length: dict[int, list[int]] = {}
    for position, window in enumerate(windows):
        by_length.setdefault(window.padded_tokens, []).append(position)
    return [batch for length, group in sorted(by_length.items()) for batch in _split(group, BATCH_TOKENS // length)]


def _split(group: Sequence[int], most: int) -> Iterable[list[int]]:
    """Split into as few, evenly filled parts of at most `most` as possible."""
    n_parts = math.ceil(len(group) / most)
    edges = [round(len(group) * i / n_parts) for i in range(n_parts + 1)]
    return [list(group[start:end]) for start, end in pairwise(edges)]
