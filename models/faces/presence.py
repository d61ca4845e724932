"""How much of a segment is faces, in named numbers."""

from collections.abc import Sequence

import numpy as np

from models.faces.detect import LEAST_SCORE, Face, boxes_of
from models.faces.track import Look


def measure(looks: Sequence[Look], *, least_px: float) -> dict[str, float]:
    """Count and weigh the faces of a segment, known again or not.

    Parameters
    ----------
    looks : sequence of Look
        At least one.
    least_px : float
        Smaller faces do not count.

    Returns
    -------
    dict
        ``faces_max`` at once, ``face_share`` of the time, ``face_area_share`` of the picture over the whole
        time, and ``first_face_s`` in the video where there is one.
    """
    faces = [[s.face for s in look.sightings if is_face(s.face, least_px=least_px)] for look in looks]
    spans_s = np.array([look.moment.end_s - look.moment.start_s for look in looks])
    weights = spans_s / spans_s.sum() if spans_s.sum() > 0 else np.full(len(looks), 1 / len(looks))
    areas = [_area_share(look, found) for look, found in zip(looks, faces, strict=True)]
    numbers = {
        "faces_max": float(max(len(found) for found in faces)),
        "face_share": float(weights @ np.array([bool(found) for found in faces])),
        "face_area_share": float(weights @ np.array(areas)),
    }
    starts_s = [look.moment.start_s for look, found in zip(looks, faces, strict=True) if found]
    return numbers | ({"first_face_s": starts_s[0]} if starts_s else {})


def is_face(face: Face, *, least_px: float) -> bool:
    """Whether a find counts as a face."""
    return face.score >= LEAST_SCORE and face.size_px >= least_px


def _area_share(look: Look, faces: Sequence[Face]) -> float:
    """Share of the picture that its faces cover, those parts outside it left out."""
    limits = np.array([look.width_px, look.height_px])
    boxes = boxes_of(faces)
    sides = np.clip(boxes[:, :2] + boxes[:, 2:], 0, limits) - np.clip(boxes[:, :2], 0, limits)
    return min(float(np.prod(sides, axis=1).sum() / limits.prod()), 1.0)
