"""Films the demo story: moving views of photos, with sound from `streams.demo_sound`, as H.264 and AAC."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from streams.demo_sound import SOUND_RATE_HZ, compose
from streams.demo_video import Shot, View, timed

WIDTH_PX, HEIGHT_PX = 1280, 720
FRAMES_A_SECOND = 25
SOUND_CHUNK = 1024
"""Samples in an AAC frame."""

BT709 = 1
"""AVCOL_*_BT709: what 720p is expected to be; without the tags players would guess."""

LIMITED_RANGE = 1
"""AVCOL_RANGE_MPEG."""

Pixels = NDArray[np.uint8]


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
        video = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"preset": "veryfast", "crf": "23"})
        audio = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
        _set_picture(video.codec_context)
        for number, pixels in enumerate(frames(story, loaded)):
            container.mux(video.encode(_frame(pixels, number)))
            heard, due = number * SOUND_RATE_HZ // FRAMES_A_SECOND, (number + 1) * SOUND_RATE_HZ // FRAMES_A_SECOND
            container.mux(audio.encode(_sound(sound[heard:due], heard)))
        container.mux(video.encode())
        container.mux(audio.encode())


def frames(story: tuple[Shot, ...], photos: dict[str, Pixels]) -> Iterator[Pixels]:
    """Every frame of a story, shape (720, 1280, 3), blue first."""
    before: Shot | None = None
    for _, shot in timed(story):
        count = round(shot.duration_s * FRAMES_A_SECOND)
        for number in range(count):
            seen = see(photos[shot.photo], _between(shot.start, shot.end, number / count))
            share = (number + 1) / (shot.dissolve_s * FRAMES_A_SECOND + 1)
            if before is not None and share < 1:
                seen = _mixed(seen, see(photos[before.photo], before.end), share)
            yield seen
        before = shot


def see(photo: Pixels, view: View) -> Pixels:
    """Look at a photo through a view; smooth, since windows start between pixels."""
    scale = HEIGHT_PX / view.height_px
    shift_x, shift_y = WIDTH_PX / 2 - view.x_px * scale, HEIGHT_PX / 2 - view.y_px * scale
    move = np.array([[scale, 0, shift_x], [0, scale, shift_y]], dtype=np.float64)
    seen = cv2.warpAffine(photo, move, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.uint8)


def _mixed(seen: Pixels, gone: Pixels, share: float) -> Pixels:
    return np.asarray(cv2.addWeighted(seen, share, gone, 1 - share, 0), dtype=np.uint8)


def _between(start: View, end: View, share: float) -> View:
    # Slow at both ends, as a hand on a camera would be.
    eased = share * share * (3 - 2 * share)
    x_px, y_px, height_px = (
        a + (b - a) * eased
        for a, b in ((start.x_px, end.x_px), (start.y_px, end.y_px), (start.height_px, end.height_px))
    )
    return View(x_px=x_px, y_px=y_px, height_px=height_px)


def _load(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), dtype=np.uint8)


def _set_picture(context: VideoCodecContext) -> None:
    context.width, context.height, context.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED_RANGE


def _frame(pixels: Pixels, number: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format="yuv420p", dst_colorspace="itu709")
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_A_SECOND)
    return frame


def _sound(samples: NDArray[np.float32], first: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, first, Fraction(1, SOUND_RATE_HZ)
    return frame
