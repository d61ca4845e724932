"""Decoded pictures become small grey ones for the shot detector, and JPEGs in a zip for everybody else."""

import zipfile
from collections import deque
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from models.media.container import displayed_size_px, quarter_turns
from models.media.segments import Span

LARGEST_SHORT_SIDE_PX = 720
"""No network we run looks closer; larger pictures only cost disk."""

JPEG_QUALITY = 90
"""Hardly to be told from the original, at a third of the bytes of 98."""

GREY_SHORT_SIDE_PX = 48
"""Enough for 4 x 4 cells of the shot detector."""

HD_HEIGHT_PX = 720
"""From here on, pictures that do not name their colour matrix are taken for BT.709, as players do."""

UNSPECIFIED_COLORSPACE = 2
"""AVCOL_SPC_UNSPECIFIED."""

ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip can hold: the same pictures make the same bytes."""

_LUMA_FIRST = ("yuv4", "yuvj4", "yuva4", "nv12", "nv21", "gray")
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class Picture(NamedTuple):
    """A JPEG and the time it is shown."""

    at_ms: int
    jpeg: bytes


class PictureMaker:
    """Makes pictures from the frames of one stream."""

    def __init__(self, stream: VideoStream) -> None:
        self._pixel_aspect = stream.sample_aspect_ratio
        self._reformatter = VideoReformatter()

    def grey(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """A small grey picture, as stored (not turned), cheaply: every k-th pixel of every k-th line.

        Returns
        -------
        array, shape (height, width), about 48 on the short side
        """
        step_px = max(1, min(frame.width, frame.height) // GREY_SHORT_SIDE_PX)
        return np.ascontiguousarray(self._luma(frame)[::step_px, ::step_px])

    def jpeg(self, frame: VideoFrame) -> bytes:
        """A JPEG of `pixels`."""
        _, data = cv2.imencode(".jpg", self.pixels(frame), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return bytes(data)

    def pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """The picture as a person would see it: right colours, square pixels, turned, short side at most 720.

        Returns
        -------
        array, shape (height, width, 3), blue first, as OpenCV wants it
        """
        stored = self._as_stored(frame)
        if not quarter_turns(frame):
            return stored
        return np.asarray(cv2.rotate(stored, _TURNS[quarter_turns(frame)]), np.uint8)

    def _luma(self, frame: VideoFrame) -> NDArray[np.uint8]:
        bits = frame.format.components[0].bits
        if not frame.format.name.startswith(_LUMA_FIRST) or bits > 16 or frame.format.name.endswith("be"):
            frame, bits = self._reformatter.reformat(frame, format="gray", threads=1), 8
        plane = frame.planes[0]
        lines = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)[: frame.height]
        samples = lines if bits == 8 else (lines.view("<u2") >> (bits - 8)).astype(np.uint8)
        return samples[:, : frame.width]

    def _as_stored(self, frame: VideoFrame) -> NDArray[np.uint8]:
        width_px, height_px = displayed_size_px(frame, self._pixel_aspect)
        if quarter_turns(frame) % 2:
            width_px, height_px = height_px, width_px
        scale = min(1.0, LARGEST_SHORT_SIDE_PX / min(width_px, height_px))
        unnamed_hd = frame.colorspace == UNSPECIFIED_COLORSPACE and frame.height >= HD_HEIGHT_PX
        bgr = self._reformatter.reformat(
            frame,
            width=max(1, round(width_px * scale)),
            height=max(1, round(height_px * scale)),
            format="bgr24",
            src_colorspace=Colorspace.ITU709 if unnamed_hd else None,
            # Averaging keeps what others drop. FFmpeg's bit-exact paths would cost seven times as much.
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return np.asarray(bgr.to_ndarray(), dtype=np.uint8)


class PictureQueue:
    """Holds pictures until the segment that they fall into is known."""

    def __init__(self) -> None:
        self._waiting: deque[Picture] = deque()
        self._shown: Picture | None = None

    def add(self, picture: Picture) -> None:
        """Take in the next picture, in order of time."""
        self._waiting.append(picture)

    def take(self, span: Span, *, shown_until_ms: int) -> list[Picture]:
        """Give and forget the pictures of a segment; segments come in order.

        A segment in which no picture begins gets the one that stands on the screen at its start, if the
        last picture (which goes at `shown_until_ms`) has not gone by then.
        """
        taken = []
        while self._waiting and self._waiting[0].at_ms < span.end_ms:
            self._shown = self._waiting.popleft()
            taken.append(self._shown)
        if not taken and self._shown and span.start_ms < shown_until_ms:
            return [Picture(span.start_ms, self._shown.jpeg)]
        return taken


def write_zip(path: Path, pictures: list[Picture]) -> None:
    """Write pictures as an uncompressed zip of ``<time in ms>.jpg``; equal pictures make equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for picture in pictures:
            entry = zipfile.ZipInfo(f"{picture.at_ms:09d}.jpg", ZIP_DATE)
            entry.create_system = 3  # Unix, wherever it is written
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, picture.jpeg)
