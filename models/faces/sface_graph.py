"""SFace as an OpenVINO network whose vectors have length 1.

Source: Zhong et al., SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition (2021); OpenCV's
``FaceRecognizerSF`` for what its published file takes.
"""

from pathlib import Path

import numpy as np

from models.graphs import published, save

SOURCE_FILE = "face_recognition_sface_2021dec.onnx"
NETWORK_FILE = "sface.xml"
INPUT = "chip"
OUTPUT = "embedding"
CHIP_PX = 112
DIM = 128

_LENGTH_FLOOR = 1e-12


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.faces.sface.SFaceEncoder` loads: float32, one face at a time.

    Parameters
    ----------
    source_folder : Path
        Holds ``face_recognition_sface_2021dec.onnx``.
    target_folder : Path
        Exists; gets ``sface.xml`` and ``sface.bin``: RGB from 0 to 255, shape (1, 3, 112, 112), to 128 numbers.

    Raises
    ------
    WeightsMissing
        This is not the published file.
    """
    import openvino as ov
    from openvino import opset15 as op

    with published(SOURCE_FILE, "sface"):
        graph = ov.Core().read_model(source_folder / SOURCE_FILE)
        graph.reshape([1, 3, CHIP_PX, CHIP_PX])
        vector = op.reshape(graph.output().get_node().input_value(0), np.array([1, DIM]), special_zero=False)
        unit = op.normalize_l2(vector, np.array([1]), eps=_LENGTH_FLOOR, eps_mode="max")
        model = ov.Model([op.result(unit)], graph.get_parameters(), "sface")
        model.input().set_names({INPUT})
        model.output().set_names({OUTPUT})
    save(model, target_folder / NETWORK_FILE)
