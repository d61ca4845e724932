"""Faces in a picture: where they are, how sure that is, and where eyes, nose and mouth are."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from models import backend
from models.faces.centerface_graph import INPUT, NETWORK_FILE, SIDE_STEP_PX, STRIDE_PX
from models.inference import Inference, Precision

Picture = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

MODEL = "centerface"

FACE_SIZE_PX = 448
"""Long side of what the network sees: finds what 640 finds, at half the cost (``benchmarks/faces.py``)."""

LEAST_SCORE = 0.5
"""A find that is less sure is no face by itself."""

DOUBTFUL_SCORE = 0.3
"""A find as unsure as this may say where a face that is known already has gone, and no more."""

MOST_OVERLAP = 0.3
"""Of two finds that overlap more than this (intersection over union), the less sure one goes."""


SMALL_PX = 40.0
"""Faces whose shorter side is smaller are looked at again, enlarged: their landmarks are too coarse."""

WINDOW_PX = 128
WINDOW_SIDES = 2.0
"""A small face is looked at in a window of twice its longer side. In a film of 640 x 360 that moved a face of 25 px
from 0.55 to 0.48 from the photo of its person, and from 0.65 to 0.70 from another's."""


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """One find, in pixels of the picture.

    Attributes
    ----------
    left_px, top_px, width_px, height_px : float
        May reach beyond the picture's edge.
    score : float
        How sure the network is, in [0, 1].
    landmarks_px : tuple of five (x, y)
        The eye on the picture's left, the one on its right, nose, left and right end of the mouth.
    """

    left_px: float
    top_px: float
    width_px: float
    height_px: float
    score: float
    landmarks_px: tuple[tuple[float, float], ...]

    @property
    def size_px(self) -> float:
        """The shorter side."""
        return min(self.width_px, self.height_px)


class Finds(NamedTuple):
    """What a network found, in its own pixels: boxes (n, 4), scores (n,), landmarks (n, 5, 2)."""

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    points: NDArray[np.float64]


class FaceDetector:
    """Finds the faces of one picture at a time; the same picture has the same faces.

    This is CenterFace; `models.faces.yunet` can be chosen in its place.

    Attributes
    ----------
    least_score, doubtful_score : float
        From what score on a find is a face, and may be where a known face has gone (see `LEAST_SCORE`).
    """

    model = MODEL
    weights_version = "09189dea"
    network_file = NETWORK_FILE
    least_score = LEAST_SCORE
    doubtful_score = DOUBTFUL_SCORE

    def __init__(self, network: backend.Network, long_side_px: int = FACE_SIZE_PX) -> None:
        self._network = network
        self.long_side_px = long_side_px

    @property
    def precision(self) -> Precision:
        """What the network really runs in."""
        return self._network.precision

    @classmethod
    def load(cls, folder: Path, *, inference: Inference = backend.ONE_THREAD, long_side_px: int = FACE_SIZE_PX) -> Self:
        """Read the converted network.

        Raises
        ------
        WeightsMissing
            It is absent or unreadable.
        """
        return cls(backend.load(folder / cls.network_file, inference), long_side_px)

    def detect(self, picture: Picture, least_score: float | None = None) -> list[Face]:
        """Find faces, the surest first.

        Parameters
        ----------
        picture : array, shape (height, width, 3), RGB
        least_score : float, optional
            In place of the detector's own.

        Source: CenterFace's published decoding; greedy non-maximum suppression.
        """
        least_score = self.least_score if least_score is None else least_score
        height_px, width_px = picture.shape[:2]
        shrunk = shrink(picture, self.long_side_px)
        stretch = np.array([width_px / shrunk.shape[1], height_px / shrunk.shape[0]])
        return self._find(shrunk, least_score, stretch=stretch, shift=np.zeros(2))

    def look_closer(self, picture: Picture, face: Face) -> Face:
        """Find the landmarks of a small face again in an enlarged window around it.

        The face stays as it was when it is not small, or when nothing is found in the middle of the window.
        """
        if face.size_px >= SMALL_PX:
            return face
        middle = np.array([face.left_px + face.width_px / 2, face.top_px + face.height_px / 2])
        scale = WINDOW_PX / (WINDOW_SIDES * max(face.width_px, face.height_px))
        start = middle - WINDOW_PX / 2 / scale
        move = np.array([[scale, 0, -scale * start[0]], [0, scale, -scale * start[1]]])
        window = cv2.warpAffine(picture, move, (WINDOW_PX, WINDOW_PX), flags=cv2.INTER_LINEAR)
        found = self._find(
            np.asarray(window, np.uint8), self.doubtful_score, stretch=np.full(2, 1 / scale), shift=start
        )
        close = [other for other in found if overlap(boxes_of([face])[0], boxes_of([other]))[0] > MOST_OVERLAP]
        return msgspec.structs.replace(face, landmarks_px=close[0].landmarks_px) if close else face

    def _find(
        self, picture: Picture, least_score: float, *, stretch: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> list[Face]:
        """Find faces in a picture of a size the network takes; their places are stretched, then shifted."""
        boxes, scores, points = self.look(picture, least_score)
        boxes = np.concatenate([boxes[:, :2] * stretch + shift, boxes[:, 2:] * stretch], axis=1)
        points = points * stretch + shift
        return [_face(boxes[i], scores[i], points[i]) for i in keep_apart(boxes, scores)]

    def look(self, picture: Picture, least_score: float) -> Finds:
        """Run the network on a picture of a size it takes."""
        tensor = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        heat, scale, offset, landmarks = (out[0] for out in self._network.infer({INPUT: tensor}))
        return _decode(heat, scale, offset, landmarks=landmarks, least_score=least_score)


def shrink(picture: Picture, long_side_px: int) -> Picture:
    """Bring a picture to about `long_side_px`, both sides a multiple of 32 (the shape may change a little)."""
    height_px, width_px = picture.shape[:2]
    scale = long_side_px / max(height_px, width_px)
    height, width = (-(-round(side * scale, 6) // SIDE_STEP_PX) * SIDE_STEP_PX for side in (height_px, width_px))
    way = cv2.INTER_AREA if height < height_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (int(width), int(height)), interpolation=way), np.uint8)


def keep_apart(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> list[int]:
    """Positions of the finds to keep, the surest first; of two that overlap much the surer one.

    Parameters
    ----------
    boxes : array, shape (n, 4), left, top, width, height
    scores : array, shape (n,)
    """
    left = [int(i) for i in np.lexsort((np.arange(len(scores)), -scores))]
    kept: list[int] = []
    while left:
        best, *rest = left
        kept.append(best)
        shared = overlap(boxes[best], boxes[rest]) if rest else np.empty(0)
        left = [i for i, share in zip(rest, shared, strict=True) if share <= MOST_OVERLAP]
    return kept


def overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of one box with each of the others.

    >>> float(overlap(np.array([0, 0, 2, 1.0]), np.array([[1, 0, 2, 1.0]]))[0])
    0.3333333333333333
    """
    start = np.maximum(box[:2], others[:, :2])
    end = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    shared = np.prod(np.clip(end - start, 0, None), axis=1)
    together = np.prod(box[2:]) + np.prod(others[:, 2:], axis=1) - shared
    return np.asarray(shared / np.maximum(together, np.finfo(np.float64).tiny))


def boxes_of(faces: Sequence[Face]) -> NDArray[np.float64]:
    """Left, top, width and height of each face; shape (n, 4)."""
    return np.array([(f.left_px, f.top_px, f.width_px, f.height_px) for f in faces], np.float64).reshape(-1, 4)


def _decode(
    heat: backend.Array,
    scale: backend.Array,
    offset: backend.Array,
    *,
    landmarks: backend.Array,
    least_score: float,
) -> Finds:
    """Turn the network's maps into finds."""
    rows, columns = np.nonzero(heat[0] > np.float32(least_score))
    height, width = np.exp(scale[:, rows, columns].astype(np.float64)) * STRIDE_PX
    down, right = offset[:, rows, columns].astype(np.float64)
    left = (columns + right + 0.5) * STRIDE_PX - width / 2
    top = (rows + down + 0.5) * STRIDE_PX - height / 2
    marks = landmarks[:, rows, columns].astype(np.float64).reshape(5, 2, -1)  # five times y, x
    points = np.stack([marks[:, 1] * width + left, marks[:, 0] * height + top], axis=-1).transpose(1, 0, 2)
    return Finds(np.stack([left, top, width, height], axis=-1), heat[0, rows, columns].astype(np.float64), points)


def _face(box: NDArray[np.float64], score: float, points: NDArray[np.float64]) -> Face:
    left, top, width, height = (float(side) for side in box)
    return Face(
        left_px=left,
        top_px=top,
        width_px=width,
        height_px=height,
        score=float(score),
        landmarks_px=tuple((float(x), float(y)) for x, y in points),
    )
