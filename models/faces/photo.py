"""Faces in a picture file, and whether two pictures show the same person."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.compare import distance
from models.faces.detect import Picture
from models.faces.sighting import FaceSight, Sighting
from schemas.errors import MediaUnreadable

LARGEST_PHOTO_BYTES = 100 * 10**6
LARGEST_PHOTO_PX = 120 * 10**6
"""A picture of so many pixels takes 360 MB of memory; the largest cameras make 100 million."""

_FRAME_STARTS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a JPEG that are followed by its size."""


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
    data = _read(path)
    try:
        width_px, height_px = size_of(data) or (0, 0)
        if width_px * height_px > LARGEST_PHOTO_PX:
            raise MediaUnreadable(
                f"{path} has {width_px} x {height_px} pixels; at most {LARGEST_PHOTO_PX:,} are read: make it smaller"
            )
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:
        raise MediaUnreadable(f"{path} is no picture that can be read: {error.err or error}") from error
    if decoded is None:
        raise MediaUnreadable(f"{path} is damaged or no picture; JPEG, PNG and WebP are read")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def size_of(data: bytes) -> tuple[int, int] | None:
    """Read width and height from the head of a picture without decoding it; None where the format is another.

    A few bytes can claim more pixels than there is memory. PNG, JPEG, GIF and WebP are known.

    Source: PNG (ISO 15948) 11.2.2; JPEG (ITU-T T.81) B.2.2; GIF89a, section 18; RFC 9649, section 2.7.
    """
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _numbers(data[16:24], 4, "big")
    if data[:4] == b"GIF8":
        return _numbers(data[6:10], 2, "little")
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
        found = _numbers(data[24:30], 3, "little")
        return (found[0] + 1, found[1] + 1) if found else None
    return _size_of_jpeg(data) if data[:2] == b"\xff\xd8" else None  # other WebP have 16384 pixels a side at most


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind, length_bytes = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if kind in _FRAME_STARTS:
            found = _numbers(data[at + 5 : at + 9], 2, "big")
            return (found[1], found[0]) if found else None
        at += 1 if kind == 0xFF else 2 + length_bytes
    return None


def _numbers(data: bytes, width: int, order: Literal["big", "little"]) -> tuple[int, int] | None:
    if len(data) < 2 * width:
        return None
    return int.from_bytes(data[:width], order), int.from_bytes(data[width:], order)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise MediaUnreadable(f"{path} is not there, or no file")
    try:
        if path.stat().st_size > LARGEST_PHOTO_BYTES:
            raise MediaUnreadable(
                f"{path} has {path.stat().st_size:,} bytes; a picture has at most {LARGEST_PHOTO_BYTES:,}"
            )
        return path.read_bytes()
    except OSError as error:
        raise MediaUnreadable(f"{path} cannot be read: {error.strerror}") from error


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
