"""Zips of frames as the segment stage writes them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from models.media.frames import Picture, write_zip


def jpeg_of(pixels: np.ndarray) -> bytes:
    """Encode a picture, red first, almost without loss."""
    return bytes(cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])[1])


def zip_of(pictures: dict[int, np.ndarray]) -> bytes:
    """A zip of pictures by their time in milliseconds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frames.zip"
        write_zip(path, [Picture(at_ms, jpeg_of(pixels)) for at_ms, pixels in pictures.items()])
        return path.read_bytes()


def read_photo(path: Path) -> np.ndarray:
    """A picture file as an array, red first."""
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[:, :, ::-1])
