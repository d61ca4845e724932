"""Networks for faces by their names in `models/weights.toml`."""

from models.faces.detect import FaceDetector
from models.faces.embed import FaceEncoder
from models.faces.sface import SFaceEncoder
from models.faces.sighting import Networks
from models.faces.yunet import YuNetDetector

DETECTORS: dict[str, type[FaceDetector]] = {"centerface": FaceDetector, "yunet": YuNetDetector}
ENCODERS: dict[str, type[FaceEncoder]] = {"dlib-face": FaceEncoder, "sface": SFaceEncoder}


def networks(detector: str, encoder: str) -> Networks:
    """Look up a detector and an encoder; KeyError when there is none of that name."""
    return Networks(DETECTORS[detector], ENCODERS[encoder])
