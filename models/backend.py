"""The one place that runs networks: OpenVINO on the CPU, torch on CUDA; in float32 unless bf16 is asked for."""

import logging
from collections.abc import Mapping
from ctypes import CDLL
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.inference import Device, Inference, Precision
from schemas.errors import SettingsInvalid, WeightsMissing

if TYPE_CHECKING:
    import openvino as ov

Array: TypeAlias = NDArray[np.generic]

ONE_THREAD = Inference()

log = logging.getLogger(__name__)


class Network(Protocol):
    """A network that is ready to run. One thread at a time may use it.

    Attributes
    ----------
    inputs, outputs : tuple of str
        Their names, in order.
    precision : "f32" or "bf16"
        What it really computes in, which may be less than was asked for.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    precision: Precision

    def infer(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Run the network once.

        Parameters
        ----------
        inputs : mapping of input name to array
            Exactly the names in `self.inputs`, with the shapes and types the network was made for.

        Returns
        -------
        list of arrays, the caller's own, in the order of `self.outputs`

        Raises
        ------
        RuntimeError
            A name, shape or type is not the network's: our mistake, never an event's.
        """
        ...


class OpenVinoNetwork:
    """A network on the CPU; it holds one request. See `Network`."""

    def __init__(self, compiled: "ov.CompiledModel") -> None:
        self._request = compiled.create_infer_request()
        self.inputs = tuple(port.get_any_name() for port in compiled.inputs)
        self.outputs = tuple(port.get_any_name() for port in compiled.outputs)
        self.precision: Precision = _precision_of(compiled)

    def infer(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Run the network once; see `Network`."""
        results = self._request.infer(dict(inputs), share_inputs=True, share_outputs=False)
        return [results[index] for index in range(len(self.outputs))]


def load(path: Path, inference: Inference = ONE_THREAD) -> Network:
    """Make a converted network ready to run.

    Parameters
    ----------
    path : Path
        An OpenVINO ``.xml`` with its ``.bin`` beside it; torch reads the same files.
    inference : Inference
        Threads are not pinned to cores: several workers on one machine would all be pinned to the first.

    Raises
    ------
    WeightsMissing
        The files are absent or OpenVINO cannot read them.
    SettingsInvalid
        CUDA is asked for, and there is none.
    """
    if choose_device(inference.device) == "cuda":
        from models.torch_network import load as load_on_torch

        return load_on_torch(path, device="cuda", precision=inference.precision)
    network = OpenVinoNetwork(_compile(path, inference))
    if network.precision != inference.precision:
        log.warning(
            "%s runs in %s though %s is set: this CPU cannot; its versions say %s",
            path.stem,
            network.precision,
            inference.precision,
            network.precision,
        )
    return network


def choose_device(device: Device) -> Device:
    """Say where networks will run: ``cpu`` or ``cuda``.

    Raises
    ------
    SettingsInvalid
        CUDA is asked for, and torch or a GPU is missing.
    """
    if device == "cpu":
        return "cpu"
    lacking = _lacking_for_cuda()
    if device == "cuda" and lacking:
        raise SettingsInvalid(f"the setting device is cuda, but {lacking}; or set it to cpu")
    return "cpu" if lacking else "cuda"


def _lacking_for_cuda() -> str | None:
    """Name what is not there. torch takes seconds to import, so it is asked last."""
    if find_spec("torch") is None:
        return "torch is not installed; run: pip install 'groundswell[gpu]'"
    try:
        CDLL("libcuda.so.1")
    except OSError:
        return "there is no NVIDIA driver on this machine"
    from models.torch_network import sees_cuda

    return None if sees_cuda() else "torch finds no GPU that it can use"


def _compile(path: Path, inference: Inference) -> "ov.CompiledModel":
    """Compile for the CPU.

    OpenVINO's own cache of compiled models is left off: for MiniLM it saves 0.1 s of 0.5 s, imports
    included, and asks for another 90 MB and a folder to write to (``benchmarks/text.py --load``).
    """
    import openvino as ov

    options = {
        # Always said: by itself OpenVINO takes bf16 where the CPU has AMX, and vectors would differ from host to host.
        "INFERENCE_PRECISION_HINT": inference.precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": inference.threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    try:
        return ov.Core().compile_model(path, "CPU", options)
    except RuntimeError as error:
        raise WeightsMissing(f"{path} is no network OpenVINO can load; run: groundswell weights fetch") from error


def _precision_of(compiled: "ov.CompiledModel") -> Precision:
    """Look at what each operation was compiled to: the hint may still say bf16 where nothing runs in it."""
    import openvino as ov

    if compiled.get_property("INFERENCE_PRECISION_HINT") != ov.Type.bf16:
        return "f32"
    operations = compiled.get_runtime_model().get_ops()
    return "bf16" if any(_runs_in(operation) == "bf16" for operation in operations) else "f32"


def _runs_in(operation: "ov.Node") -> str:
    return str(operation.get_rt_info()["runtimePrecision"].astype(str))
