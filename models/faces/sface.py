"""Faces turned into vectors by SFace in place of dlib's network."""

import numpy as np

from models.faces import sface_graph
from models.faces.align import Chip
from models.faces.embed import FaceEncoder
from models.faces.likeness import SFACE

SFACE_CHIP = Chip(
    sface_graph.CHIP_PX,
    np.array(
        [
            [38.2946, 51.6963],  # the eye on the picture's left
            [73.5318, 51.5014],
            [56.0252, 71.7366],  # the tip of the nose
            [41.5493, 92.3655],  # the end of the mouth on the picture's left
            [70.7299, 92.2041],
        ]
    ),
)
"""Where the network was taught to expect the five landmarks, in pixels.

Source: Deng et al., ArcFace (2019), whose five points OpenCV's ``FaceRecognizerSF`` uses.
"""


class SFaceEncoder(FaceEncoder):
    """Turns faces into vectors of length 1, one at a time."""

    model = "sface"
    weights_version = "0ba9fbfa"
    network_file = sface_graph.NETWORK_FILE
    dim = sface_graph.DIM
    chip = SFACE_CHIP
    likeness = SFACE
