"""How much of a segment is faces, and how they are shown, in named numbers: nothing of who they are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.faces.detect import LEAST_SCORE, Face, boxes_of
from models.faces.quality import FULL_TURN, turned
from models.faces.track import Look
from schemas.faces import PRESENCE

CLOSE_UP_SHARE = 1 / 3
"""A face at least so high, measured by the picture, fills it with head and shoulders."""


def measure(
    looks: Sequence[Look], *, start_s: float, least_px: float, least_score: float = LEAST_SCORE
) -> dict[str, float]:
    """Count and weigh the faces of a segment, known again or not.

    Parameters
    ----------
    looks : sequence of Look
        At least one.
    start_s : float
        Where the segment begins.
    least_px : float
        Smaller faces do not count.
    least_score : float
        Nor do finds of which the detector is less sure.

    Returns
    -------
    dict
        `schemas.faces.PRESENCE`; ``faces_max`` at once; and where there is a face ``first_face_s`` in the video,
        and ``first_face_after_s`` from the start of the segment.
    """
    faces = [_faces(look, least_px=least_px, least_score=least_score) for look in looks]
    shares = np.array([_shares(look, found) for look, found in zip(looks, faces, strict=True)])
    *over_time, _ = (_weights(looks) @ shares).tolist()
    numbers = dict(zip(PRESENCE, [*over_time, float(shares[:, -1].max())], strict=True))
    starts_s = [look.moment.start_s for look, found in zip(looks, faces, strict=True) if found]
    first = {"first_face_s": starts_s[0], "first_face_after_s": max(starts_s[0] - start_s, 0.0)} if starts_s else {}
    return {"faces_max": float(max(map(len, faces)))} | numbers | first


def _faces(look: Look, *, least_px: float, least_score: float) -> list[Face]:
    """The finds that count as faces."""
    found = (sighting.face for sighting in look.sightings)
    return [face for face in found if face.score >= least_score and face.size_px >= least_px]


def _weights(looks: Sequence[Look]) -> NDArray[np.float64]:
    """Share of the segment that each picture stands for."""
    spans_s = np.array([look.moment.end_s - look.moment.start_s for look in looks])
    return spans_s / spans_s.sum() if spans_s.sum() > 0 else np.full(len(looks), 1 / len(looks))


def _shares(look: Look, faces: Sequence[Face]) -> list[float]:
    """The numbers of `PRESENCE` for one picture."""
    areas = _area_shares(look, faces)
    return [
        len(faces) > 0,
        len(faces) > 1,
        any(face.height_px >= CLOSE_UP_SHARE * look.height_px for face in faces),
        any(turned(face) <= FULL_TURN for face in faces),
        min(float(areas.sum()), 1.0),
        float(areas.max(initial=0.0)),
    ]


def _area_shares(look: Look, faces: Sequence[Face]) -> NDArray[np.float64]:
    """Share of the picture that each face covers, those parts outside it left out."""
    limits = np.array([look.width_px, look.height_px])
    boxes = boxes_of(faces)
    sides = np.clip(boxes[:, :2] + boxes[:, 2:], 0, limits) - np.clip(boxes[:, :2], 0, limits)
    shares: NDArray[np.float64] = np.prod(sides, axis=1) / limits.prod()
    return shares
