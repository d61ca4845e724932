"""How much of a segment is faces, in named numbers."""

from collections.abc import Sequence

import numpy as np

from models.faces.detect import LEAST_SCORE, Face, boxes_of
from models.faces.track import Look


def measure(looks: Sequence[Look], *, least_px: float, least_score: float = LEAST_SCORE) -> dict[str, float]:
    """Count and weigh the faces of a segment, known again or not.

    Parameters
    ----------
    looks : sequence of Look
        At least one.
    least_px : float
        Smaller faces do not count.
    least_score : float
        Nor do finds of which the detector is less sure.

    Returns
    -------
    dict
        ``faces_max`` at once, ``face_share`` of the time, ``face_area_share`` of the picture over the whole
        time, and ``first_face_s`` in the video where there is one.
    """
    faces = [_faces(look, least_px=least_px, least_score=least_score) for look in looks]
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


def _faces(look: Look, *, least_px: float, least_score: float) -> list[Face]:
    """The finds that count as faces."""
    found = (sighting.face for sighting in look.sightings)
    return [face for face in found if face.score >= least_score and face.size_px >= least_px]


def _area_share(look: Look, faces: Sequence[Face]) -> float:
    """Share of the picture that its faces cover, those parts outside it left out."""
    limits = np.array([look.width_px, look.height_px])
    boxes = boxes_of(faces)
    sides = np.clip(boxes[:, :2] + boxes[:, 2:], 0, limits) - np.clip(boxes[:, :2], 0, limits)
    return min(float(np.prod(sides, axis=1).sum() / limits.prod()), 1.0)
