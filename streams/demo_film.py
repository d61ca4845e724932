"""Films the demo story: moving views of photos, with sound from `streams.demo_sound`, as H.264 and AAC."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from streams.demo_sound import SOUND_RATE_HZ, compose
from streams.demo_video import Shot, View, timed

WIDTH_PX, HEIGHT_PX = 1280, 720
FRAMES_A_SECOND = 25

BT709 = 1
"""AVCOL_*_BT709: what 720p is expected to be; without the tags players would guess."""

LIMITED_RANGE = 1
"""AVCOL_RANGE_MPEG."""

RED_SHARE, BLUE_SHARE = 0.2126, 0.0722
"""Of brightness, by ITU-R BT.709."""

QUICK = {"preset": "veryfast", "crf": "23", "x264-params": "subme=1:me=dia:rc-lookahead=5"}
"""A quarter less work than the plain preset for the same bytes: slow moves over photos are easy to predict."""

Plane = NDArray[np.uint8]


class Planes(NamedTuple):
    """A picture as H.264 wants it: brightness, and two colour differences (last axis) at half the size or the same."""

    bright: Plane
    colour: Plane


def film(path: Path, story: tuple[Shot, ...], photos: dict[str, Path]) -> None:
    """Write the film of a story; the same story makes the same pictures and sounds.

    Parameters
    ----------
    photos : dict
        Where each photo that the story names lies.
    """
    loaded = {name: _load(photo) for name, photo in photos.items()}
    sound = compose(story)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAMES_A_SECOND, options=QUICK)
        audio = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
        _set_picture(video.codec_context)
        for number, picture in enumerate(pictures(story, loaded)):
            container.mux(video.encode(_frame(picture, number)))
            heard, due = (n * SOUND_RATE_HZ // FRAMES_A_SECOND for n in (number, number + 1))
            container.mux(audio.encode(_sound(sound[heard:due], heard)))
        container.mux(video.encode())
        container.mux(audio.encode())


def pictures(story: tuple[Shot, ...], photos: dict[str, Planes]) -> Iterator[Planes]:
    """Every frame of a story."""
    before: Shot | None = None
    for _, shot in timed(story):
        count = round(shot.duration_s * FRAMES_A_SECOND)
        for number in range(count):
            seen = see(photos[shot.photo], _between(shot.start, shot.end, number / count))
            share = (number + 1) / (shot.dissolve_s * FRAMES_A_SECOND + 1)
            yield seen if before is None or share >= 1 else _mixed(seen, see(photos[before.photo], before.end), share)
        before = shot


def see(photo: Planes, view: View) -> Planes:
    """Look at a photo through a view; smooth, since windows may start between pixels."""
    scale = HEIGHT_PX / view.height_px
    left_px, top_px = WIDTH_PX / 2 - view.x_px * scale, HEIGHT_PX / 2 - view.y_px * scale
    bright = np.array([[scale, 0, left_px], [0, scale, top_px]])
    # A pixel of colour lies in the middle of four of brightness.
    colour = np.array([[scale, 0, left_px - 0.5], [0, scale, top_px - 0.5]]) / 2
    return Planes(_warp(photo.bright, bright, shrunk=1), _warp(photo.colour, colour, shrunk=2))


def _warp(plane: Plane, move: NDArray[np.float64], *, shrunk: int) -> Plane:
    size = (WIDTH_PX // shrunk, HEIGHT_PX // shrunk)
    warped = cv2.warpAffine(plane, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _mixed(seen: Planes, gone: Planes, share: float) -> Planes:
    both = (cv2.addWeighted(a, share, b, 1 - share, 0) for a, b in zip(seen, gone, strict=True))
    return Planes(*(np.asarray(plane, dtype=np.uint8) for plane in both))


def _between(start: View, end: View, share: float) -> View:
    # Slow at both ends, as a hand on a camera would be.
    eased = share * share * (3 - 2 * share)
    x_px, y_px, height_px = (
        a + (b - a) * eased
        for a, b in ((start.x_px, end.x_px), (start.y_px, end.y_px), (start.height_px, end.height_px))
    )
    return View(x_px=x_px, y_px=y_px, height_px=height_px)


def _load(path: Path) -> Planes:
    """Read a photo and turn its colours, once, into those of video: BT.709, limited range."""
    photo = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR)) / 255.0
    blue, green, red = photo[:, :, 0], photo[:, :, 1], photo[:, :, 2]
    bright = RED_SHARE * red + (1 - RED_SHARE - BLUE_SHARE) * green + BLUE_SHARE * blue
    colour = np.stack([(blue - bright) / (1 - BLUE_SHARE), (red - bright) / (1 - RED_SHARE)], axis=-1) / 2
    return Planes(np.round(16 + 219 * bright).astype(np.uint8), np.round(128 + 224 * colour).astype(np.uint8))


def _set_picture(context: VideoCodecContext) -> None:
    context.width, context.height, context.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED_RANGE


def _frame(picture: Planes, number: int) -> av.VideoFrame:
    planes = (picture.bright, picture.colour[:, :, 0], picture.colour[:, :, 1])
    stacked = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, WIDTH_PX)
    frame = av.VideoFrame.from_ndarray(stacked, format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_A_SECOND)
    return frame


def _sound(samples: NDArray[np.float32], first: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, first, Fraction(1, SOUND_RATE_HZ)
    return frame
