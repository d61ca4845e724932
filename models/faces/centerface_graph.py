"""CenterFace as an OpenVINO network for pictures of any size.

Source: Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as Point (2019).
"""

from pathlib import Path

from models.graphs import published, save

SOURCE_FILE = "centerface.onnx"
NETWORK_FILE = "centerface.xml"
INPUT = "picture"
OUTPUTS = ("heat", "scale", "offset", "landmarks")
"""In the order of the published file, which numbers them 537 to 540."""

STRIDE_PX = 4
"""One cell of an output covers so many pixels of the input."""

SIDE_STEP_PX = 32
"""Both sides of the input must be a multiple: the network halves it five times."""


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.faces.detect.FaceDetector` loads: float32, one picture of any size at a time.

    Parameters
    ----------
    source_folder : Path
        Holds ``centerface.onnx``.
    target_folder : Path
        Exists; gets ``centerface.xml`` and ``centerface.bin``.

    Raises
    ------
    WeightsMissing
        This is not the published file.
    """
    import openvino as ov

    with published(SOURCE_FILE, "centerface"):
        model = ov.Core().read_model(source_folder / SOURCE_FILE)
        model.reshape([1, 3, -1, -1])  # the published file says ten pictures of 32 x 32
        outputs = dict(zip(OUTPUTS, model.outputs, strict=True))
    for name, port in {INPUT: model.input(), **outputs}.items():
        port.set_names({name})
    save(model, target_folder / NETWORK_FILE)
