"""How near two faces of one person lie to each other: a property of the encoder that made the vectors."""

import msgspec


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """Distances (L2) between vectors of one encoder.

    Attributes
    ----------
    same_below : float
        Two pictures that are nearer show the same person.
    near_same_below : float
        In place of it for two finds at the same spot of pictures that follow each other.
    person_below : float
        A track that is farther from everyone in the gallery is somebody new.
    margin : float
        The second nearest person must be so much farther away.
    """

    same_below: float
    near_same_below: float
    person_below: float
    margin: float


DLIB = Likeness(same_below=0.6, near_same_below=0.65, person_below=0.55, margin=0.03)
"""dlib's own recommendation, and ours: among the 300 pairs of 25 photos the furthest of one person are 0.572 apart and
the closest of two people 0.659, so there is no false accept and no false reject (``benchmarks/faces.py --pairs``)."""

SFACE = Likeness(same_below=1.128, near_same_below=1.222, person_below=1.034, margin=0.056)
"""OpenCV publishes 1.128 for vectors of length 1 (a cosine of 0.363). The others keep the proportions of dlib's to it:
they were not measured, since the weights are not to be had from a package index.

Source: OpenCV, ``FaceRecognizerSF`` tutorial."""

LIKENESS = {"dlib": DLIB, "sface": SFACE}
"""By the setting ``face_encoder``."""
