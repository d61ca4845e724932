"""Frames come back with their times; a zip that is none, or too much, is refused before it costs anything."""

import io
import struct
import zipfile

import cv2
import numpy as np
import pytest
from frame_zips import jpeg_of, zip_of

from models.frame_files import MOST_FRAMES, FrameFile, list_frames, read_frames
from schemas.errors import MediaUnreadable

RED, BLUE = np.full((40, 60, 3), (255, 0, 0), np.uint8), np.full((30, 20, 3), (0, 0, 255), np.uint8)


def _zip(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_frames_come_in_order_of_time_with_red_first() -> None:
    blue, red = read_frames(zip_of({1500: RED, 40: BLUE}))
    assert (blue.time_s, red.time_s) == (0.04, 1.5)
    assert (blue.pixels.shape, red.pixels.shape) == ((30, 20, 3), (40, 60, 3))
    np.testing.assert_allclose(red.pixels, RED, atol=3)
    np.testing.assert_allclose(blue.pixels, BLUE, atol=3)


def test_frames_can_be_listed_as_they_are_stored() -> None:
    (frame,) = list_frames(zip_of({12_345: RED}))
    assert frame == FrameFile(12_345, jpeg_of(RED))


@pytest.mark.parametrize(
    ("size_px", "least_px", "expected_px"),
    [
        ((720, 1280), 256, (360, 640)),
        ((1280, 720), 256, (640, 360)),
        ((511, 900), 256, (511, 900)),
        ((512, 900), 256, (256, 450)),
        ((100, 100), 256, (100, 100)),
        ((720, 1280), 90, (90, 160)),
        ((720, 1280), 10, (90, 160)),
        ((720, 1280), None, (720, 1280)),
    ],
)
def test_a_frame_can_be_decoded_smaller_but_not_too_small(
    size_px: tuple[int, int], least_px: int | None, expected_px: tuple[int, int]
) -> None:
    halves = np.zeros((*size_px, 3), np.uint8)
    halves[size_px[0] // 2 :] = (0, 200, 0)
    pixels = FrameFile(0, jpeg_of(halves)).decode(least_px=least_px).pixels
    assert pixels.shape[:2] == expected_px
    np.testing.assert_allclose(pixels[-2, 2], (0, 200, 0), atol=3)
    np.testing.assert_allclose(pixels[2, 2], (0, 0, 0), atol=3)


def test_an_empty_zip_has_no_frames() -> None:
    assert read_frames(_zip({})) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zip",
        zip_of({0: RED})[:-30],
        zip_of({0: RED}).replace(b"JFIF", b"JUNK"),
        _zip({"000000000.jpg": b"x" * 999}, zipfile.ZIP_DEFLATED),
        _zip({"000000000.png": jpeg_of(RED)}),
        _zip({"../000000000.jpg": jpeg_of(RED)}),
        _zip({f"{n:09d}.jpg": b"" for n in range(MOST_FRAMES + 1)}),
    ],
    ids=["empty", "none", "cut off", "altered", "compressed", "another kind", "a way out", "too many"],
)
def test_what_is_no_zip_of_frames_is_refused(data: bytes) -> None:
    with pytest.raises(MediaUnreadable):
        list_frames(data)


def test_entries_that_claim_the_same_bytes_are_refused() -> None:
    """Thirty names for one picture of 9 KB: a zip of 12 KB that would be read as 270 KB."""
    noisy = np.random.default_rng(1).integers(0, 255, (60, 60, 3), np.uint8)
    honest = _zip({"000000000.jpg": jpeg_of(noisy)})
    entry = honest[honest.index(b"PK\x01\x02") : honest.index(b"PK\x05\x06")]
    start = honest.index(b"PK\x01\x02")
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 30, 30, len(entry) * 30, start, 0)
    with pytest.raises(MediaUnreadable):
        list_frames(honest[:start] + entry * 30 + end)


@pytest.mark.parametrize("jpeg", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"GIF89a", jpeg_of(RED)[:200]])
def test_what_is_no_jpeg_is_refused(jpeg: bytes) -> None:
    with pytest.raises(MediaUnreadable):
        FrameFile(0, jpeg).decode()


def test_a_small_file_that_claims_a_huge_picture_is_refused_undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    jpeg = bytearray(jpeg_of(RED))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(MediaUnreadable, match="65000 x 65000"):
        FrameFile(0, bytes(jpeg)).decode()


def test_a_picture_of_no_size_is_refused() -> None:
    jpeg = bytearray(jpeg_of(RED))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = bytes(4)
    with pytest.raises(MediaUnreadable, match="0 x 0"):
        FrameFile(0, bytes(jpeg)).decode()
