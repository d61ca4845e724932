"""Faces seen in one picture: where, how well, and for those seen well enough their vector."""

from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from models.backend import ONE_THREAD
from models.faces.detect import FACE_SIZE_PX, Face, FaceDetector, Picture
from models.faces.embed import FaceEncoder
from models.faces.likeness import Likeness
from models.faces.quality import LEAST_QUALITY, TOO_SMALL, UNCERTAIN, Quality, judge
from models.inference import Inference, at_precision

RECIPE = 1
"""How pictures become faces and faces vectors: raise it with any change."""

LEAST_FACE_PX = 20
"""Shorter side; of faces of 16 px half are not found again (``benchmarks/faces.py --quality``)."""

MOST_EMBEDDED = 64
"""Of a crowd the best seen; each costs 10 ms."""

CROP_MARGIN = 0.4
"""So much of the face's size is shown around it."""

LARGEST_CROP_PX = 256

JPEG_QUALITY = 90


class Sighting(NamedTuple):
    """One face of one picture. `vector` (shape (128,)) and `crop` are there when it was seen well enough."""

    face: Face
    quality: Quality
    vector: NDArray[np.float32] | None = None
    crop: Picture | None = None


class Networks(NamedTuple):
    """Which detector and which encoder a sight is made of."""

    detector: type[FaceDetector] = FaceDetector
    encoder: type[FaceEncoder] = FaceEncoder


DEFAULT_NETWORKS = Networks()


class FaceSight(NamedTuple):
    """Detector, judge and encoder in one; the same picture gives the same answer.

    Attributes
    ----------
    least_px : float
        Shorter side of the smallest face that gets a vector.
    least_quality : float
        As judged by `models.faces.quality`; below it there is no vector.
    """

    detector: FaceDetector
    encoder: FaceEncoder
    least_px: float = LEAST_FACE_PX
    least_quality: float = LEAST_QUALITY

    @classmethod
    def load(
        cls,
        detector_folder: Path,
        encoder_folder: Path,
        *,
        networks: Networks = DEFAULT_NETWORKS,
        inference: Inference = ONE_THREAD,
        size_px: int = FACE_SIZE_PX,
        least_px: float = LEAST_FACE_PX,
        least_quality: float = LEAST_QUALITY,
    ) -> Self:
        """Read both networks.

        Raises
        ------
        WeightsMissing
            One of them is absent or unreadable.
        """
        detector = networks.detector.load(detector_folder, inference=inference, long_side_px=size_px)
        return cls(detector, networks.encoder.load(encoder_folder, inference), least_px, least_quality)

    @property
    def model(self) -> str:
        """Both networks' names."""
        return f"{self.detector.model}+{self.encoder.model}"

    @property
    def version(self) -> str:
        """Both networks' sha256, `RECIPE`, in which precision vectors are made, and the size of what the detector sees."""
        recipe = f"{self.detector.weights_version}-{self.encoder.weights_version}-{RECIPE}-f32"
        return f"{at_precision(recipe, self.encoder.precision)}-{self.detector.long_side_px}px"

    def see(self, picture: Picture, least_score: float | None = None) -> list[Sighting]:
        """Find, judge and embed the faces of a picture, the surest first.

        Parameters
        ----------
        picture : array, shape (height, width, 3), RGB
        least_score : float, optional
            In place of the detector's own; faces below that never get a vector.
        """
        seen = [self._judged(picture, face) for face in self.detector.detect(picture, least_score)]
        good = [sighting for sighting in seen if sighting.quality.value >= self.least_quality]
        best = sorted(good, key=lambda sighting: -sighting.quality.value)[:MOST_EMBEDDED]
        chosen = {id(sighting) for sighting in best}
        return [self._embedded(picture, one) if id(one) in chosen else one for one in seen]

    @property
    def likeness(self) -> Likeness:
        """How near vectors of one person are."""
        return self.encoder.likeness

    def embed(self, picture: Picture, sighting: Sighting) -> NDArray[np.float32]:
        """Give a face's vector however badly it is seen."""
        return self.encoder.encode(picture, sighting.face) if sighting.vector is None else sighting.vector

    def _judged(self, picture: Picture, face: Face) -> Sighting:
        is_sure = face.score >= self.detector.least_score
        if not is_sure or face.size_px < self.least_px:
            return Sighting(face, TOO_SMALL if is_sure else UNCERTAIN)
        closer = self.detector.look_closer(picture, face)
        return Sighting(closer, judge(picture, closer))

    def _embedded(self, picture: Picture, sighting: Sighting) -> Sighting:
        vector = self.encoder.encode(picture, sighting.face)
        return sighting._replace(vector=vector, crop=cut_out(picture, sighting.face))


def jpeg_of(crop: Picture) -> bytes:
    """Encode a picture as JPEG."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data)


def cut_out(picture: Picture, face: Face) -> Picture:
    """Cut a face out with some of its surroundings, upright as it is, at most 256 pixels large."""
    margin_px = CROP_MARGIN * face.size_px
    start = np.array([face.left_px - margin_px, face.top_px - margin_px])
    end = np.array([face.left_px + face.width_px, face.top_px + face.height_px]) + margin_px
    limits = np.array([picture.shape[1], picture.shape[0]])
    left, top = np.clip(np.round(start), 0, limits - 1).astype(int)
    right, bottom = np.maximum(np.clip(np.round(end), 0, limits).astype(int), (left + 1, top + 1))
    crop = picture[top:bottom, left:right]
    scale = min(1.0, LARGEST_CROP_PX / max(crop.shape[:2]))
    size = [max(1, round(side * scale)) for side in (crop.shape[1], crop.shape[0])]
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
