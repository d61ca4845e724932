"""YAMNet (a MobileNet v1 that hears) as an OpenVINO graph in float32, built from a packaged conversion without torch.

The package ships the network for 8-bit inference, with the original float32 weights inside. At 8 bits its answers
are far from the original's (median cosine of embeddings 0.87), so only the weights are taken, and the
published network is built around them.

Source: Plakal and Ellis, YAMNet (github.com/tensorflow/models, research/audioset/yamnet); Howard et al.,
MobileNets (2017). Batch normalisation is already folded into the convolutions.
"""

import csv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.graphs import network_of, save
from models.named_arrays import NamedArrays
from models.onnx_arrays import read_float_arrays
from models.yamnet_mel import BINS, FRAMES, LOG_OFFSET, mel_weights
from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    import openvino as ov

    Node: TypeAlias = ov.Node | ov.Output

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]

NETWORK_FILE = "yamnet.xml"
CLASSES_FILE = "yamnet-classes.txt"

PACKED_FILE = "YamNet_w8a8.onnx.zip"
CLASS_MAP_FILE = "yamnet_class_map.csv"

N_CLASSES = 521
DIM = 1024

CHANNELS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the first convolution, then of each pair of depthwise and pointwise convolution."""

_FIRST_CONVOLUTION = 241
"""The exporter numbered its arrays: weights, biases and one more for each convolution, in order."""

_FETCH_AGAIN = "fetch it again: groundswell weights fetch yamnet"


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.audio.AudioEncoder` loads: the network as OpenVINO IR in float32, and its classes' names.

    Parameters
    ----------
    source_folder : Path
        Holds ``YamNet_w8a8.onnx.zip`` and ``yamnet_class_map.csv``.
    target_folder : Path
        Exists; gets ``yamnet.xml``, ``yamnet.bin`` and ``yamnet-classes.txt`` (a name a line).

    Raises
    ------
    WeightsMissing
        These are not the published files: an array or a name is absent, or an array has another shape.
    """
    save(build(read_weights(source_folder / PACKED_FILE)), target_folder / NETWORK_FILE)
    names = read_class_map(source_folder / CLASS_MAP_FILE)
    (target_folder / CLASSES_FILE).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def read_weights(path: Path) -> Weights:
    """Read the float32 arrays out of the packaged conversion: a zip with ``model.onnx`` and ``model.data``.

    Raises
    ------
    WeightsMissing
        It is no such zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = {Path(name).name: name for name in archive.namelist()}
            return read_float_arrays(archive.read(inside["model.onnx"]), archive.read(inside["model.data"]))
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsMissing(f"{path.name} is no packaged YAMNet: {error}; {_FETCH_AGAIN}") from error


def read_class_map(path: Path) -> list[str]:
    """Read the names of the classes, in the order of the network's scores.

    Raises
    ------
    WeightsMissing
        There are not as many as the network has scores.
    """
    with path.open(encoding="utf-8", newline="") as file:
        names = [row["display_name"] for row in csv.DictReader(file) if row.get("display_name")]
    if len(names) != N_CLASSES:
        raise WeightsMissing(f"expected {N_CLASSES} names in {path.name}, got {len(names)}; {_FETCH_AGAIN}")
    return names


def build(weights: Weights) -> "ov.Model":
    """Build the whole network: spectra in, scores and embeddings out.

    Parameters
    ----------
    weights : mapping of name to float32 array
        Named as in the packaged conversion.

    Returns
    -------
    Model with the input ``patches`` (float32, shape (n_patches, 1, 96, 257), see `models.yamnet_mel`) and the outputs ``scores``
    (float32, shape (n_patches, 521), each in [0, 1]) and ``embeddings`` (float32, shape (n_patches, 1024), not
    negative)

    Raises
    ------
    WeightsMissing
        An array is absent or has another shape.
    """
    from openvino import opset15 as op

    patches = op.parameter([-1, 1, FRAMES, BINS], np.float32, name="patches")
    mel = op.matmul(patches, mel_weights(), transpose_a=False, transpose_b=False)
    named = NamedArrays(weights, "yamnet")
    heard = _convolve_all(named, op.log(op.add(mel, LOG_OFFSET)))
    embeddings = op.reduce_mean(heard, np.array([2, 3]), keep_dims=False)
    kernel = named.array("model.classifier.weight", N_CLASSES, DIM)
    product = op.matmul(embeddings, kernel, transpose_a=False, transpose_b=True)
    scores = op.sigmoid(op.add(product, named.array("model.classifier.bias", N_CLASSES)))
    return network_of("yamnet", inputs={"patches": patches}, outputs={"scores": scores, "embeddings": embeddings})


def _convolve_all(named: NamedArrays, patches: "Node") -> "Node":
    heard = _convolve(named, 0, patches, shape=(CHANNELS[0], 1, 3, 3), stride=STRIDES[0])
    for layer in range(1, len(CHANNELS)):
        before, after = CHANNELS[layer - 1], CHANNELS[layer]
        depthwise, pointwise = 2 * layer - 1, 2 * layer
        heard = _convolve(named, depthwise, heard, shape=(before, 1, 3, 3), stride=STRIDES[layer], grouped=True)
        heard = _convolve(named, pointwise, heard, shape=(after, before, 1, 1), stride=1)
    return heard


def _convolve(
    named: NamedArrays,
    place: int,
    heard: "Node",
    *,
    shape: tuple[int, int, int, int],
    stride: int,
    grouped: bool = False,
) -> "Node":
    """One convolution with its bias and its ReLU; the `place`-th of the network."""
    from openvino import opset15 as op

    number = _FIRST_CONVOLUTION + 3 * place
    kernel = named.array(f"onnx::Conv_{number}", *shape)
    bias = named.array(f"onnx::Conv_{number + 1}", shape[0]).reshape(1, -1, 1, 1)
    begin, end = _padding(size=shape[2], stride=stride)
    if grouped:
        product = op.group_convolution(heard, kernel[:, None], [stride] * 2, [begin] * 2, [end] * 2, [1, 1])
    else:
        product = op.convolution(heard, kernel, [stride] * 2, [begin] * 2, [end] * 2, [1, 1])
    return op.relu(op.add(product, bias))


def _padding(*, size: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same" padding of an even length: what cannot be halved goes to the end."""
    total = max(size - stride, 0)
    return total // 2, total - total // 2
