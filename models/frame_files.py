"""Reads the zip of JPEGs that the segment stage leaves for each segment, within limits.

A zip comes from our own media store, yet a shared bucket may hold anybody's bytes: nothing in it may make a
worker decode without end.
"""

import io
import re
import struct
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.errors import MediaUnreadable

MOST_FRAMES = 1_000
"""A segment lasts 12 s at most and settings allow 30 frames a second: 360."""

MOST_PIXELS = 16_000_000
"""For one picture, 48 MB decoded. The segment stage writes a short side of 720 at most."""

_NAME = re.compile(r"(\d{1,12})\.jpg")

_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers SOF0 to SOF15 of ITU-T T.81; the three left out are tables and extensions."""


_SIZES = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
    (1, cv2.IMREAD_COLOR),
)


class Frame(NamedTuple):
    """A decoded picture: red, green, blue, shape (height, width, 3), and the time at which it is shown."""

    time_s: float
    pixels: NDArray[np.uint8]


class FrameFile(NamedTuple):
    """A picture as it is stored."""

    at_ms: int
    jpeg: bytes

    @property
    def time_s(self) -> float:
        return self.at_ms / 1000

    def decode(self, *, least_px: int | None = None) -> Frame:
        """Give the picture.

        Parameters
        ----------
        least_px : int, optional
            Give it at a half, a quarter or an eighth of its size, if its short side keeps at least so many
            pixels: a JPEG is made of blocks that decode to a smaller size in a fraction of the time.

        Raises
        ------
        MediaUnreadable
            The bytes are no JPEG, or one with more pixels than any of ours.
        """
        width_px, height_px = _size_px(self.jpeg)
        if not 0 < width_px * height_px <= MOST_PIXELS:
            raise MediaUnreadable(f"{self._name} has {width_px} x {height_px} pixels, expected 1 to {MOST_PIXELS}")
        spare = min(width_px, height_px) // least_px if least_px else 1
        size = next(flag for factor, flag in _SIZES if factor <= max(spare, 1))
        decoded = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), size)
        if decoded is None:
            raise MediaUnreadable(f"{self._name} cannot be decoded; submit the video again to cut it anew")
        return Frame(self.time_s, np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8))

    @property
    def _name(self) -> str:
        return f"the frame at {self.at_ms} ms"


def list_frames(data: bytes) -> list[FrameFile]:
    """List the pictures of one segment in order of time, without decoding any.

    Parameters
    ----------
    data : bytes
        What ``SegmentCut.frames_ref`` refers to: an uncompressed zip of ``<time in ms>.jpg``.

    Raises
    ------
    MediaUnreadable
        Not such a zip: damaged, compressed, with other names, or with more frames than a segment can have.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return sorted(_stored(archive, len(data)))
    # zipfile has no error of its own for some kinds of damage.
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, struct.error) as error:
        raise MediaUnreadable(f"expected a zip of frames, got {len(data)} bytes that are none: {error}") from error


def read_frames(data: bytes) -> list[Frame]:
    """Decode all pictures of one segment, in order of time.

    All of them lie in memory at once, 3 MB each at 720p; go through `list_frames` to hold one at a time.

    Parameters
    ----------
    data : bytes
        What ``SegmentCut.frames_ref`` refers to.

    Returns
    -------
    list of Frame
        Pairs of the time in seconds and an array of shape (height, width, 3), uint8, red first.

    Raises
    ------
    MediaUnreadable
        As `list_frames` and `FrameFile.decode`.
    """
    return [frame.decode() for frame in list_frames(data)]


def _stored(archive: zipfile.ZipFile, size_bytes: int) -> Iterator[FrameFile]:
    entries = archive.infolist()
    if len(entries) > MOST_FRAMES:
        raise MediaUnreadable(f"expected at most {MOST_FRAMES} frames in a segment, got {len(entries)}")
    # Stored entries cannot grow, but they might all claim the same bytes.
    if sum(entry.file_size for entry in entries) > size_bytes:
        raise MediaUnreadable(f"the frames claim more bytes than the {size_bytes} of their zip")
    for entry in entries:
        named = _NAME.fullmatch(entry.filename)
        if named is None or entry.compress_type != zipfile.ZIP_STORED:
            raise MediaUnreadable(f"expected uncompressed frames named by time, got {entry.filename[:40]!r}")
        yield FrameFile(int(named[1]), archive.read(entry))


def _size_px(jpeg: bytes) -> tuple[int, int]:
    """Width and height from the header, before anything is decoded.

    Source: ITU-T T.81 (JPEG), annex B.
    """
    at = 2
    while jpeg[:2] == b"\xff\xd8" and at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, length_bytes = struct.unpack_from(">BH", jpeg, at + 1)
        if marker in _FRAME_HEADERS:
            height_px, width_px = struct.unpack_from(">HH", jpeg, at + 5)
            return width_px, height_px
        at += 2 + length_bytes
    raise MediaUnreadable(f"expected a JPEG, got {len(jpeg)} bytes that do not begin as one")
