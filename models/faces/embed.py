"""A straightened face as 128 numbers; two pictures of one person are close to each other."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models import backend
from models.faces.align import DLIB_CHIP, straighten
from models.faces.detect import Face, Picture
from models.faces.dlib_graph import DIM, INPUT, NETWORK_FILE
from models.faces.likeness import DLIB
from models.inference import Inference, Precision

MODEL = "dlib-face"


class FaceEncoder:
    """Turns faces into vectors, one at a time: the same face has the same bits whatever else is asked for.

    This is dlib's network; `models.faces.sface` can be chosen in its place.
    """

    model = MODEL
    weights_version = "55533b28"
    network_file = NETWORK_FILE
    dim = DIM
    chip = DLIB_CHIP
    likeness = DLIB

    def __init__(self, network: backend.Network) -> None:
        self._network = network

    @property
    def precision(self) -> Precision:
        """What the network really runs in."""
        return self._network.precision

    @classmethod
    def load(cls, folder: Path, inference: Inference = backend.ONE_THREAD) -> Self:
        """Read the converted network.

        Raises
        ------
        WeightsMissing
            It is absent or unreadable.
        """
        return cls(backend.load(folder / cls.network_file, inference))

    def encode(self, picture: Picture, face: Face) -> NDArray[np.float32]:
        """Straighten a face and embed it; see `embed`."""
        return self.embed(straighten(picture, face, self.chip))

    def embed(self, chip: Picture) -> NDArray[np.float32]:
        """Embed a straightened face.

        Parameters
        ----------
        chip : array, shape (150, 150, 3), RGB

        Returns
        -------
        array, shape (128,), of length 1.2 to 1.6

        Source: Davis King, High Quality Face Recognition with Deep Metric Learning (2017).
        """
        tensor = np.ascontiguousarray(chip.transpose(2, 0, 1)[None], np.float32)
        (vectors,) = self._network.infer({INPUT: tensor})
        return np.asarray(vectors[0], np.float32)
