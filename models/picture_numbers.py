"""Plain numbers about the pictures of a segment that a person can picture: bright, colourful, sharp, restless.

Levels are those of 8-bit pictures, 0 to 255. Every number is a mean over the frames of a segment.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

DIGITS = 4
"""More would only be noise of the summation, and differ from one machine to the next."""

SHORTEST_RATED_S = 0.5
"""Cuts in less time than this have no rate."""

MOTION_SHORT_SIDE_PX = 64
"""Small enough that noise and a shaking hand average out, large enough to see somebody walk."""

_OPPONENTS = np.array([[1, -1, 0], [0.5, 0.5, -1]], np.float32)
"""Red against green, yellow against blue."""

Picture = NDArray[np.uint8]
Grey = NDArray[np.uint8]


def look_numbers(picture: Picture) -> dict[str, float]:
    """Measure one frame.

    Parameters
    ----------
    picture : array, shape (height, width, 3), uint8, red first
        All frames of all videos at the same short side, or `sharpness_levels` compares resolutions.

    Returns
    -------
    dict
        ``brightness_share``, ``contrast_share``, ``saturation_share``, ``colourfulness_levels``,
        ``sharpness_levels``.
    """
    luma = grey(picture)
    return {
        "brightness_share": float(luma.mean()) / 255,
        "contrast_share": contrast_share(luma),
        "saturation_share": saturation_share(picture),
        "colourfulness_levels": colourfulness_levels(picture),
        "sharpness_levels": sharpness_levels(luma),
    }


def grey(picture: Picture) -> Grey:
    """Give the brightness of each pixel: array, shape (height, width), uint8.

    Source: luma of ITU-R BT.601, as in OpenCV's ``COLOR_RGB2GRAY``.
    """
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def contrast_share(luma: Grey) -> float:
    """RMS contrast: the standard deviation of brightness, 0 for one level to 0.5 for half black and half white.

    Source: Peli, Contrast in complex images (1990), equation 2.
    """
    return _spread(luma) / 255


def saturation_share(picture: Picture) -> float:
    """Mean saturation: 0 for grey, 1 for pure colours.

    Source: Smith, Color gamut transform pairs (1978), the S of HSV.
    """
    saturation = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)[:, :, 1]
    return float(saturation.mean()) / 255


def colourfulness_levels(picture: Picture) -> float:
    """How colourful people find a picture: 0 not at all, 15 slightly, 45 averagely, 82 highly, 109 extremely.

    Source: Hasler and Süsstrunk, Measuring colourfulness in natural images (2003), the metric M3.
    """
    opponents = cv2.transform(picture.astype(np.float32), _OPPONENTS)
    means, spreads = cv2.meanStdDev(opponents)
    return float(np.hypot(*spreads.ravel()) + 0.3 * np.hypot(*means.ravel()))


def sharpness_levels(luma: Grey) -> float:
    """How much brightness bends from pixel to pixel: near 0 for a blurred picture, 10 to 40 for a sharp one.

    Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy (2000), the variance of the
    Laplacian; here its root, which is in levels.
    """
    return _spread(np.asarray(cv2.Laplacian(luma, cv2.CV_16S), np.int16))


def motion_levels(before: Grey, after: Grey) -> float:
    """How much of the picture changes from one sampled frame to the next.

    Source: ITU-T P.910, temporal information: the standard deviation, over space, of the difference; here
    between sampled frames made small.
    """
    return _spread(_small(after).astype(np.int16) - _small(before))


def segment_numbers(
    times_s: Sequence[float], pictures: Sequence[Picture], *, span_s: tuple[float, float], cuts_s: Sequence[float]
) -> dict[str, float]:
    """Measure the frames of one segment.

    Parameters
    ----------
    times_s : sequence of float
        When each frame is shown, ascending.
    pictures : sequence of arrays, shape (height, width, 3), uint8, red first
        As many, at least one, all of one size.
    span_s : (start, end)
        Where the segment lies.
    cuts_s : sequence of float
        Where shots begin.

    Returns
    -------
    dict
        Those of `look_numbers`; ``motion_levels`` where two frames follow each other in one shot;
        ``cuts_per_minute`` where the segment is long enough. What is not known is left out, never zero.
    """
    looks = [look_numbers(picture) for picture in pictures]
    numbers = {name: _mean([look[name] for look in looks]) for name in looks[0]}
    return numbers | _motion(times_s, pictures, cuts_s) | _cuts(span_s, cuts_s)


def _motion(times_s: Sequence[float], pictures: Sequence[Picture], cuts_s: Sequence[float]) -> dict[str, float]:
    """A cut is no motion: frames of different shots are not compared."""
    shown = list(zip(times_s, map(grey, pictures), strict=True))
    steps = [
        motion_levels(before, after)
        for (before_s, before), (after_s, after) in pairwise(shown)
        if not any(before_s < cut_s <= after_s for cut_s in cuts_s)
    ]
    return {"motion_levels": _mean(steps)} if steps else {}


def _cuts(span_s: tuple[float, float], cuts_s: Sequence[float]) -> dict[str, float]:
    start_s, end_s = span_s
    if end_s - start_s < SHORTEST_RATED_S:
        return {}
    # The first shot of a video begins without a cut.
    count = sum(start_s <= cut_s < end_s and cut_s > 0 for cut_s in cuts_s)
    return {"cuts_per_minute": round(count / (end_s - start_s) * 60, DIGITS)}


def _spread(levels: NDArray[np.uint8] | NDArray[np.int16]) -> float:
    """Standard deviation over all pixels, computed in float64."""
    _, deviation = cv2.meanStdDev(levels)
    return float(deviation[0, 0])


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), DIGITS)


def _small(luma: Grey) -> Grey:
    scale = MOTION_SHORT_SIDE_PX / min(luma.shape)
    size_px = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
    return np.asarray(cv2.resize(luma, size_px, interpolation=cv2.INTER_AREA), np.uint8)
