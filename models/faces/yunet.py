"""Faces found by YuNet in place of CenterFace."""

import numpy as np
from numpy.typing import NDArray

from models.backend import Array
from models.faces import yunet_graph
from models.faces.detect import FaceDetector, Finds, Picture
from models.faces.yunet_graph import INPUT, STRIDES_PX


class YuNetDetector(FaceDetector):
    """Finds the faces of one picture at a time.

    A find needs a score of 0.9 to be a face, OpenCV's default; its demonstrations go down to 0.6, from where on a
    find may say where a known face has gone.
    """

    model = "yunet"
    weights_version = "8f2383e4"
    network_file = yunet_graph.NETWORK_FILE
    least_score = 0.9
    doubtful_score = 0.6

    def look(self, picture: Picture, least_score: float) -> Finds:
        """Run the network on a picture both of whose sides are multiples of 32."""
        tensor = np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)[None], np.float32)  # blue first
        outputs = [output[0] for output in self._network.infer({INPUT: tensor})]
        return decode(outputs, picture.shape[1], least_score)


def decode(outputs: list[Array], width_px: int, least_score: float) -> Finds:
    """Turn the network's outputs into finds.

    Parameters
    ----------
    outputs : list of 12 arrays, each of shape (cells, numbers)
        In the order of `yunet_graph.OUTPUTS`: for strides of 8, 16 and 32 pixels how much a cell looks like a face
        and like any object (1 number each), box (4), landmarks (10); cells row by row.
    width_px : int
        Of the picture that the network saw.

    Source: OpenCV, ``modules/objdetect/src/face_detect.cpp``.
    """
    maps = zip(outputs[0:3], outputs[3:6], outputs[6:9], outputs[9:12], strict=True)
    finds = [
        _decode_stride(parts, stride_px, width_px // stride_px, least_score=least_score)
        for parts, stride_px in zip(maps, STRIDES_PX, strict=True)
    ]
    return Finds(*(np.concatenate(same) for same in zip(*finds, strict=True)))


def _decode_stride(parts: tuple[Array, ...], stride_px: int, columns: int, *, least_score: float) -> Finds:
    face, thing, box, marks = (part.astype(np.float64) for part in parts)
    scores = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(thing[:, 0], 0, 1))
    places = np.flatnonzero(scores >= least_score)
    cells = np.stack([places % columns, places // columns], axis=1)
    boxes = _boxes(box[places], cells) * stride_px
    points = (marks[places].reshape(-1, 5, 2) + cells[:, None]) * stride_px
    return Finds(boxes, scores[places], points)


def _boxes(box: NDArray[np.float64], cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Left, top, width and height in cells, from middles beside the cell's corner and logarithms of sides."""
    sides = np.exp(box[:, 2:])
    return np.concatenate([cells + box[:, :2] - sides / 2, sides], axis=1)
