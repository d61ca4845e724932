"""How well a face is seen: one number, and what is wrong with it in words."""

from collections.abc import Mapping

import cv2
import msgspec
import numpy as np

from models.faces.align import TARGET_PX, similarity, straighten
from models.faces.detect import Face, Picture

LEAST_QUALITY = 0.3
"""Below it a face is left out of the gallery. Of photos of different people, made small or blurred, that come closer
than `models.faces.compare.SAME_BELOW` are 16 % at a quality of 0.1 to 0.2, 5 % at 0.2 to 0.3, 3 % at 0.3 to 0.4 and less
than 1 % above 0.5 (``benchmarks/faces.py --quality``)."""

USELESS_SIZE_PX, FULL_SIZE_PX = 12.0, 40.0
"""Shorter side. Faces of 40 px are told apart as well as large ones; of 16 px half are lost."""

USELESS_DETAIL, FULL_DETAIL = 6.0, 24.0
"""Grey levels. Sharp faces have 28 and more; blurred by 4 % of their width 8 to 13; in the dark 3 and less."""

FULL_TURN, USELESS_TURN = 0.5, 1.1
"""0: the nose is midway between the eyes; 1: below one of them, as in a profile."""

USELESS_SCORE, FULL_SCORE = 0.4, 0.8

USELESS_INSIDE, FULL_INSIDE = 0.7, 0.95
"""Share of the face that lies inside the picture."""

_DETAIL_PX = (32, 36)
"""Faces are compared at this size, so that large ones are not called sharper than small ones."""

_INNER = (slice(25, 140), slice(25, 125))
"""Brow to chin and cheek to cheek of a straightened face, without background."""

INSIDE_STEP_PX = 10
"""Spots of a straightened face are looked up so far apart."""

_WORDS = {
    "size": "small",
    "detail": "blurred or dark",
    "turn": "turned away",
    "inside": "cut off",
    "score": "hardly a face",
}


class Quality(msgspec.Struct, frozen=True):
    """How well a face is seen, in [0, 1]: as well as its worst property; `reasons` names the bad ones."""

    value: float
    reasons: tuple[str, ...] = ()


UNCERTAIN = Quality(0.0, (_WORDS["score"],))
TOO_SMALL = Quality(0.0, (_WORDS["size"],))


def judge(picture: Picture, face: Face) -> Quality:
    """Say how well a face is seen.

    Size, sharpness with contrast, how far it is turned away, how much of it is in the picture, and how sure the
    detector is, each from useless (0) to as good as any (1).
    """
    parts = {
        "size": _share(face.size_px, USELESS_SIZE_PX, FULL_SIZE_PX),
        "detail": _share(detail(straighten(picture, face)), USELESS_DETAIL, FULL_DETAIL),
        "turn": 1 - _share(turned(face), FULL_TURN, USELESS_TURN),
        "inside": _share(inside(picture, face), USELESS_INSIDE, FULL_INSIDE),
        "score": _share(face.score, USELESS_SCORE, FULL_SCORE),
    }
    return of_parts(parts)


def of_parts(parts: Mapping[str, float]) -> Quality:
    """Join the properties: the worst counts, since none makes up for another.

    >>> of_parts({"size": 0.1, "turn": 0.9})
    Quality(value=0.1, reasons=('small',))
    """
    reasons = tuple(_WORDS[name] for name, share in parts.items() if share < LEAST_QUALITY)
    return Quality(min(parts.values()), reasons)


def detail(chip: Picture) -> float:
    """How much a straightened face changes from spot to spot, in grey levels: low when blurred, and in the dark.

    Source: Pech-Pacheco et al., Diatom autofocusing (2000), for the spread of the Laplacian.
    """
    inner = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)[_INNER]
    small = cv2.resize(inner, _DETAIL_PX, interpolation=cv2.INTER_AREA).astype(np.float64)
    return float(cv2.Laplacian(small, cv2.CV_64F).std())


def turned(face: Face) -> float:
    """How far the nose lies off the middle of the eyes: 0 from the front, 1 and more in profile."""
    left, right, nose = (np.array(point) for point in face.landmarks_px[:3])
    across = right - left
    width_px = float(np.hypot(*across))
    if width_px == 0:
        return float("inf")
    return abs(2 * float((nose - left) @ across) / width_px**2 - 1)


def inside(picture: Picture, face: Face) -> float:
    """Share of the face, brow to chin and cheek to cheek, that lies inside the picture."""
    rows, columns = (np.arange(part.start, part.stop, INSIDE_STEP_PX) for part in _INNER)
    spots = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    back = similarity(TARGET_PX, np.array(face.landmarks_px))
    places = spots @ back[:, :2].T + back[:, 2]
    height_px, width_px = picture.shape[:2]
    return float(np.mean(((places >= 0) & (places < (width_px, height_px))).all(axis=1)))


def _share(value: float, useless: float, full: float) -> float:
    return min(max((value - useless) / (full - useless), 0.0), 1.0)
