"""Pictures to vectors and words: EfficientNet-Lite0 on one frame at a time."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from models import backend
from models.inference import Inference, at_precision
from models.lite0_graph import DIM, NETWORK_FILE, SIDE_PX

MODEL = "efficientnet-lite0"

MODEL_VERSION = "57934424-p1-f32"
"""The weights' sha256, how a stored frame becomes pixels, labels and numbers (raise it with any change here, in
`models.picture_numbers` or in the labels' names), the precision."""

SHORT_SIDE_PX = 256
"""Frozen with the version: other sizes and filters move embeddings more than any precision does."""

LONGEST_TO_SHORTEST = 16
"""No film is so wide; a picture one pixel high would become one of gigabytes."""

LABELS_FILE = Path(__file__).with_name("imagenet_labels.txt")

LEAST_SCORE = 0.15
"""A network that knows nothing, and gives each class 0.001, says ``dog`` with 0.118: so many breeds there are."""

MOST_LABELS = 8
"""Of one segment, best first."""

SCORE_DIGITS = 4

Picture = NDArray[np.uint8]


class Sight(NamedTuple):
    """What the network says of one frame: `embedding` of shape (1280,), a score from 0 to 1 for each of `label_names`."""

    embedding: NDArray[np.float32]
    scores: NDArray[np.float32]


class SeenLabel(msgspec.Struct, frozen=True, kw_only=True):
    """Something recognised in a segment: its best score, and the frames that show it first, best and last."""

    name: str
    score: float
    first_s: float
    best_s: float
    last_s: float


class SegmentSight(NamedTuple):
    """What the network says of a segment: its embedding, shape (dim,), and what it recognises, surest first."""

    embedding: NDArray[np.float32]
    labels: tuple[SeenLabel, ...]


class VisualEncoder:
    """Looks at frames. One frame's answer has the same bits whatever is looked at before or after it.

    This is EfficientNet-Lite0; the networks that can be chosen in its place are in `models.visual_choices`.
    """

    model = MODEL
    model_version = MODEL_VERSION
    network_file = NETWORK_FILE
    dim = DIM

    def __init__(self, network: backend.Network) -> None:
        self._network = network

    @property
    def version(self) -> str:
        """`model_version`, with the precision it really runs in."""
        return at_precision(self.model_version, self._network.precision)

    @classmethod
    def load(cls, folder: Path, inference: Inference = backend.ONE_THREAD) -> Self:
        """Read the converted network.

        Raises
        ------
        WeightsMissing
            A file is absent or unreadable.
        """
        return cls(backend.load(folder / cls.network_file, inference))

    def watch(self, times_s: Sequence[float], pictures: Sequence[Picture]) -> SegmentSight:
        """Look at all frames of a segment, at least one.

        Parameters
        ----------
        times_s : sequence of float
            When each frame is shown, ascending.
        pictures : sequence of arrays, shape (height, width, 3), uint8, red first
            As many, each shrunk by `shrink`.
        """
        sights = [self.look(picture) for picture in pictures]
        return SegmentSight(mean_embedding(sights), pool_labels(times_s, sights))

    def look(self, picture: Picture) -> Sight:
        """Embed and label one frame.

        Parameters
        ----------
        picture : array, shape (height, width, 3), uint8, red first
            Already shrunk by `shrink`; only its middle is looked at.

        Returns
        -------
        Sight
            The embedding is not normalised: entries from 0 to about 6, a length of 13-19 on photos.
        """
        embedding, logits = self.run(picture)
        return Sight(embedding, _by_name(softmax(logits)))

    def prepare(self, picture: Picture) -> Picture:
        """Cut out of a shrunk frame what the network looks at."""
        return crop(picture)

    def run(self, picture: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give the bare embedding, shape (dim,), and the logits of the 1000 classes of one shrunk frame."""
        embedding, logits = self._network.infer({"pixels": self.prepare(picture)[None]})
        return embedding[0].astype(np.float32, copy=False), logits[0].astype(np.float32, copy=False)


def shrink(picture: Picture, short_side_px: int = SHORT_SIDE_PX) -> Picture:
    """Bring a frame's short side to 256 pixels; of a ribbon only the middle is kept.

    Parameters
    ----------
    picture : array, shape (height, width, 3), uint8
    short_side_px : int
        In place of 256.

    >>> shrink(np.zeros((720, 1280, 3), np.uint8)).shape
    (256, 455, 3)
    """
    longest_px = min(picture.shape[:2]) * LONGEST_TO_SHORTEST
    height_px, width_px = (min(side_px, longest_px) for side_px in picture.shape[:2])
    top_px, left_px = (picture.shape[0] - height_px) // 2, (picture.shape[1] - width_px) // 2
    picture = picture[top_px : top_px + height_px, left_px : left_px + width_px]
    scale = short_side_px / min(height_px, width_px)
    size_px = (round(width_px * scale), round(height_px * scale))
    return np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA), np.uint8)


def crop(picture: Picture) -> Picture:
    """Cut the middle 224 x 224 pixels out of a frame that is at least so large."""
    top_px, left_px = ((side_px - SIDE_PX) // 2 for side_px in picture.shape[:2])
    return np.ascontiguousarray(picture[top_px : top_px + SIDE_PX, left_px : left_px + SIDE_PX])


def mean_embedding(sights: Sequence[Sight]) -> NDArray[np.float32]:
    """Average the frames of a segment: array, shape (1280,)."""
    mean: NDArray[np.float64] = np.mean([sight.embedding for sight in sights], axis=0, dtype=np.float64)
    return mean.astype(np.float32)


def pool_labels(
    times_s: Sequence[float], sights: Sequence[Sight], names: Sequence[str] | None = None
) -> tuple[SeenLabel, ...]:
    """Say what a segment shows, surest first.

    Parameters
    ----------
    times_s : sequence of float
        When each frame is shown, ascending.
    sights : sequence of Sight
        As many, at least one.
    names : sequence of str, optional
        What the scores are about, in place of `label_names`.

    Returns
    -------
    tuple of SeenLabel
        At most `MOST_LABELS`, each with `LEAST_SCORE` in at least one frame.
    """
    names = label_names() if names is None else names
    scores = np.round(np.stack([sight.scores for sight in sights]), SCORE_DIGITS)
    best = scores.max(axis=0)
    surest = np.argsort(-best, kind="stable")[:MOST_LABELS]  # stable: names decide where scores are equal
    return tuple(_label(names[int(n)], scores[:, n], times_s) for n in surest if best[n] >= LEAST_SCORE)


@cache
def class_names() -> tuple[tuple[str, ...], ...]:
    """Name the network's 1000 classes in words people use: its own name first, then a broader one where there is one.

    A few classes are the same thing and share a name. Broader names (cat, cup, car) are there because the
    network shares its certainty out among kinds that few people tell apart.

    Source: ImageNet's WordNet terms. That sunglasses, missiles, swimsuits and laptops are each there twice is
    shown by Beyer et al., Are we done with ImageNet? (2020).
    """
    lines = LABELS_FILE.read_text("utf-8").splitlines()
    return tuple(tuple(line.split(" | ")) for line in lines)


@cache
def label_names() -> tuple[str, ...]:
    """All different names, in the order of the alphabet."""
    return tuple(sorted({name for names in class_names() for name in names}))


@cache
def _names_of_classes() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of a class and the place of one of its names in `label_names`."""
    places = {name: place for place, name in enumerate(label_names())}
    pairs = [(number, places[name]) for number, names in enumerate(class_names()) for name in names]
    classes, named = np.array(pairs).T
    return classes, named


def _label(name: str, scores: NDArray[np.floating], times_s: Sequence[float]) -> SeenLabel:
    seen = np.flatnonzero(scores >= LEAST_SCORE)
    best = int(np.argmax(scores))
    return SeenLabel(
        name=name,
        score=round(float(scores[best]), SCORE_DIGITS),
        first_s=times_s[int(seen[0])],
        best_s=times_s[best],
        last_s=times_s[int(seen[-1])],
    )


def softmax(logits: NDArray[np.generic]) -> NDArray[np.float64]:
    """Turn logits into shares of certainty that add up to 1."""
    exact = logits.astype(np.float64)
    powers = np.exp(exact - exact.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def _by_name(probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
    """Add up the classes that share a name."""
    classes, names = _names_of_classes()
    totals = np.bincount(names, probabilities[classes], minlength=len(label_names()))
    return totals.astype(np.float32)
