"""Pictures as people have them: turned, grey, transparent, animated, damaged, and far too large."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from portraits import portrait

from models.faces.photo import LARGEST_PHOTO_BYTES, read_photo, size_of
from schemas.errors import MediaUnreadable

PICTURE = np.ascontiguousarray(portrait("pioneer")[:, :, ::-1])  # as OpenCV has it
HEIGHT_PX, WIDTH_PX = PICTURE.shape[:2]


def written(suffix: str, picture: np.ndarray = PICTURE) -> bytes:
    _, data = cv2.imencode(suffix, picture)
    return bytes(data)


def turned(orientation: int, quarters: int) -> bytes:
    """A JPEG whose camera noted how it was held."""
    jpeg = written(".jpg", np.ascontiguousarray(np.rot90(PICTURE, quarters)))
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def png_that_claims(width_px: int, height_px: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize(
    "data",
    [
        written(".png"),
        written(".webp"),
        written(".bmp"),
        turned(3, 2),
        turned(6, 1),
        turned(8, 3),
        written(".png", cv2.cvtColor(PICTURE, cv2.COLOR_BGR2BGRA)),
        written(".png", PICTURE.astype(np.uint16) * 257),
    ],
    ids=["png", "webp", "bmp", "upside down", "turned left", "turned right", "with alpha", "16 bits"],
)
def test_a_picture_is_the_same_however_it_was_saved(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(data)
    apart = np.abs(read_photo(tmp_path / "photo").astype(int) - PICTURE[:, :, ::-1])
    assert np.percentile(apart, 99) < 40


def test_a_grey_picture_has_three_equal_channels(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(written(".jpg", cv2.cvtColor(PICTURE, cv2.COLOR_BGR2GRAY)))
    picture = read_photo(tmp_path / "photo")
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 0] == picture[..., 2]).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif"])
def test_the_size_stands_in_the_head(suffix: str) -> None:
    assert size_of(written(suffix)) == (WIDTH_PX, HEIGHT_PX)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0\0", b"GIF8", b"text", b"\x89PNG\r\n\x1a\n"]
)
def test_a_head_that_is_cut_off_has_no_size(data: bytes) -> None:
    assert size_of(data) is None


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    path.mkdir()


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST_PHOTO_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_missing, "not there"),
        (_folder, "no file"),
        (_large, "at most 100,000,000"),
        (lambda path: path.write_bytes(b""), "no picture"),
        (lambda path: path.write_bytes(written(".jpg")[:900]), "damaged"),
        (lambda path: path.write_bytes(written(".png")[:900]), "photo"),
        (lambda path: path.write_bytes(png_that_claims(60_000, 60_000)), "60000 x 60000 pixels"),
    ],
    ids=["missing", "folder", "large", "empty", "half a jpeg", "half a png", "a bomb"],
)
def test_what_cannot_be_read_says_why_in_one_line(make: Callable[[Path], object], said: str, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    make(path)
    with pytest.raises(MediaUnreadable, match=said) as told:
        read_photo(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value).strip()
