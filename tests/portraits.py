"""Free portraits as arrays, and pictures made of them."""

import cv2
import numpy as np
import pytest
from frame_zips import read_photo

from schemas.errors import UsageError
from streams.demo_video import find_photo

NOBODY = np.full((360, 640, 3), 96, np.uint8)


def portrait(name: str) -> np.ndarray:
    """``astronaut`` (a face of 94 px) or ``pioneer`` (of 167 px), red first; skips where they are not installed."""
    try:
        return read_photo(find_photo(name))
    except UsageError as error:
        pytest.skip(str(error))


def scaled(picture: np.ndarray, scale: float) -> np.ndarray:
    """A picture smaller or larger."""
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def on_wall(*pictures: np.ndarray, height_px: int = 360, width_px: int = 640) -> np.ndarray:
    """Pictures hung side by side on a grey wall, cut where it ends."""
    wall, left = np.full((height_px, width_px, 3), 96, np.uint8), 0
    for picture in pictures:
        part = picture[:height_px, : width_px - left]
        wall[: part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1]
    return wall


def head(name: str) -> np.ndarray:
    """The middle of a portrait: head and shoulders, 200 pixels high."""
    whole = portrait(name)
    row, column, side = {"astronaut": (10, 110, 220), "pioneer": (40, 80, 400)}[name]
    return cv2.resize(whole[row : row + side, column : column + side], (200, 200), interpolation=cv2.INTER_AREA)


def crowd(rows: int = 5, columns: int = 8) -> np.ndarray:
    """Forty heads in one picture of 1280 x 720, the two in turns."""
    heads = [cv2.resize(head(name), (160, 144), interpolation=cv2.INTER_AREA) for name in ("astronaut", "pioneer")]
    return np.vstack([np.hstack([heads[(r + c) % 2] for c in range(columns)]) for r in range(rows)])


def drawing(*, detailed: bool) -> np.ndarray:
    """A face as a child draws it, or with eyes, brows, a nose and hair."""
    sheet, middle = np.full((360, 640, 3), (200, 220, 240), np.uint8), (320, 180)
    cv2.circle(sheet, middle, 120, (240, 200, 170) if detailed else (255, 220, 60), -1)
    cv2.circle(sheet, middle, 120, (0, 0, 0), 4)
    for x_px in (275, 365):
        cv2.ellipse(sheet, (x_px, 150), (24, 14), 0, 0, 360, (255, 255, 255) if detailed else (0, 0, 0), -1)
        cv2.circle(sheet, (x_px, 150), 9, (60, 40, 20), -1)
    if detailed:
        cv2.line(sheet, (249, 122), (301, 120), (60, 40, 20), 6)
        cv2.line(sheet, (339, 120), (391, 122), (60, 40, 20), 6)
        cv2.polylines(sheet, [np.array([(320, 160), (308, 205), (328, 206)])], False, (180, 130, 110), 4)
        cv2.ellipse(sheet, (320, 80), (118, 60), 0, 180, 360, (60, 40, 20), -1)
    cv2.ellipse(sheet, (320, 220), (60, 32), 0, 10, 170, (200, 40, 60), 6)
    return sheet
