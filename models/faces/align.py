"""A face straightened: turned, moved and scaled so that eyes, nose and mouth lie where dlib's network expects them."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.detect import Face, Picture
from models.faces.dlib_graph import CHIP_PX

PADDING = 0.25
"""dlib's ``get_face_chip``: so much of the face's width is added on each side."""

MEAN_FACE = np.array(
    [
        # The eyes are the middles of dlib's eye corners (36 and 39, 42 and 45).
        [(0.121737 + 0.334606) / 2, (0.216423 + 0.231733) / 2],
        [(0.645647 + 0.858516) / 2, (0.231733 + 0.216423) / 2],
        [0.490127, 0.515625],  # 30, the tip of the nose
        [0.254149, 0.780233],  # 48 and 54, the ends of the mouth
        [0.726104, 0.780233],
    ]
)
"""Where the five landmarks lie in an average face, as shares of its width.

Source: dlib, ``image_transforms/interpolation.h``, ``mean_face_shape_x`` and ``mean_face_shape_y``.
"""

FINEST = 8
"""A large face is cut out so many times finer at most, then averaged: plain interpolation would leave pixels out."""

TARGET_PX = (MEAN_FACE + PADDING) / (1 + 2 * PADDING) * CHIP_PX


class Chip(NamedTuple):
    """How an encoder wants faces: the side of the square, and where in it the five landmarks lie, shape (5, 2)."""

    side_px: int
    target_px: NDArray[np.float64]


DLIB_CHIP = Chip(CHIP_PX, TARGET_PX)


def straighten(picture: Picture, face: Face, chip: Chip = DLIB_CHIP) -> Picture:
    """Cut a face out, straightened; what lies outside the picture is black.

    Returns
    -------
    array, shape (side_px, side_px, 3), RGB
    """
    side_px = chip.side_px
    move = similarity(np.array(face.landmarks_px), chip.target_px)
    finer = int(np.clip(np.ceil(1 / max(np.hypot(move[0, 0], move[1, 0]), 1 / FINEST)), 1, FINEST))
    move = move * finer
    move[:, 2] += (finer - 1) / 2  # so that the middle of a pixel stays its middle
    fine = cv2.warpAffine(picture, move, (side_px * finer, side_px * finer), flags=cv2.INTER_LINEAR)
    cut_out = fine if finer == 1 else cv2.resize(fine, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.asarray(cut_out, np.uint8)


def similarity(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, scale and move that bring points closest to others.

    Parameters
    ----------
    start, end : arrays, shape (n_points, 2), n_points > 1

    Returns
    -------
    array, shape (2, 3), for ``cv2.warpAffine``

    Source: Umeyama, Least-squares estimation of transformation parameters (1991), in complex numbers.

    >>> similarity(np.array([[0, 0], [1, 0.0]]), np.array([[1, 1], [1, 3.0]])).round(6) + 0
    array([[ 0., -2.,  1.],
           [ 2.,  0.,  1.]])
    """
    before, after = start[:, 0] + 1j * start[:, 1], end[:, 0] + 1j * end[:, 1]
    from_middle = before - before.mean()
    spread = max(float(np.sum(np.abs(from_middle) ** 2)), np.finfo(np.float64).tiny)
    turn = complex(np.sum(np.conj(from_middle) * (after - after.mean())) / spread)
    shift = complex(after.mean() - turn * before.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
