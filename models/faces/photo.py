"""Faces in a picture file, and whether two pictures show the same person."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.compare import distance
from models.faces.detect import Picture
from models.faces.sighting import FaceSight, Sighting
from schemas.errors import MediaUnreadable


class PhotoFace(NamedTuple):
    """A face and its vector, shape (128,), however badly it is seen."""

    sighting: Sighting
    vector: NDArray[np.float32]

    @property
    def is_good(self) -> bool:
        return self.sighting.vector is not None


class Closest(NamedTuple):
    """The two faces of two pictures that are most alike: their positions, and how far apart they are."""

    one: int
    other: int
    distance: float


def read_photo(path: Path) -> Picture:
    """Read a picture file, turned as its camera noted.

    Returns
    -------
    array, shape (height, width, 3), RGB

    Raises
    ------
    MediaUnreadable
        There is no such file, or it is no picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error) as error:
        raise MediaUnreadable(f"{path} cannot be read as a picture: {error}") from error
    if decoded is None:
        raise MediaUnreadable(f"{path} is no picture; JPEG, PNG and WebP are read")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def faces_of(sight: FaceSight, picture: Picture) -> list[PhotoFace]:
    """Find all faces of a picture, the surest first."""
    return [PhotoFace(sighting, sight.embed(picture, sighting)) for sighting in sight.see(picture)]


def closest(one: Sequence[PhotoFace], other: Sequence[PhotoFace]) -> Closest | None:
    """Find the two faces that are most alike; None where one picture has none.

    Faces that are seen badly only count in a picture that has no better: in the dark everyone looks alike.
    """
    pairs = [Closest(i, j, distance(a.vector, b.vector)) for i, a in _worthy(one) for j, b in _worthy(other)]
    return min(pairs, key=lambda pair: pair.distance, default=None)


def _worthy(faces: Sequence[PhotoFace]) -> list[tuple[int, PhotoFace]]:
    good = [(place, face) for place, face in enumerate(faces) if face.is_good]
    return good or list(enumerate(faces))
