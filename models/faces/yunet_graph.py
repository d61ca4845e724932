"""YuNet as an OpenVINO network for pictures of any size.

Source: Wu et al., YuNet: A Tiny Millisecond-level Face Detector (2023); OpenCV's ``FaceDetectorYN`` for what its
published file takes and gives.
"""

from pathlib import Path

from models.graphs import published, save

SOURCE_FILE = "face_detection_yunet_2023mar.onnx"
NETWORK_FILE = "yunet.xml"
INPUT = "picture"

STRIDES_PX = (8, 16, 32)
"""The network answers for cells of three sizes."""

PARTS = ("cls", "obj", "bbox", "kps")
OUTPUTS = tuple(f"{part}_{stride_px}" for part in PARTS for stride_px in STRIDES_PX)
"""As the published file names them: each of shape (1, cells, numbers of a cell)."""


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.faces.yunet.YuNetDetector` loads: float32, one picture of any size at a time.

    Parameters
    ----------
    source_folder : Path
        Holds ``face_detection_yunet_2023mar.onnx``.
    target_folder : Path
        Exists; gets ``yunet.xml`` and ``yunet.bin``.

    Raises
    ------
    WeightsMissing
        This is not the published file.
    """
    import openvino as ov

    with published(SOURCE_FILE, "yunet"):
        graph = ov.Core().read_model(source_folder / SOURCE_FILE)
        graph.reshape([1, 3, -1, -1])  # the published file says 640 x 640; OpenCV runs it at any size as well
        # Its own order of outputs is not relied on.
        results = [ov.opset15.result(graph.output(name).get_node().input_value(0)) for name in OUTPUTS]
        model = ov.Model(results, graph.get_parameters(), "yunet")
        model.input().set_names({INPUT})
    save(model, target_folder / NETWORK_FILE)
