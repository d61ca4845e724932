"""The one place that runs networks: OpenVINO on the CPU, in float32."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    import openvino as ov

Array: TypeAlias = NDArray[np.generic]


class Network:
    """A network that is ready to run. One thread at a time may use it: it holds one request."""

    def __init__(self, compiled: "ov.CompiledModel") -> None:
        self._request = compiled.create_infer_request()
        self.inputs = tuple(port.get_any_name() for port in compiled.inputs)
        self.outputs = tuple(port.get_any_name() for port in compiled.outputs)

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
        results = self._request.infer(dict(inputs), share_inputs=True, share_outputs=False)
        return [results[index] for index in range(len(self.outputs))]


def load(path: Path, threads: int = 1) -> Network:
    """Make a converted network ready to run.

    OpenVINO's own cache of compiled models is left off: for MiniLM it saves 0.1 s of 0.5 s, imports
    included, and asks for another 90 MB and a folder to write to (``benchmarks/text.py --load``).

    Parameters
    ----------
    path : Path
        An OpenVINO ``.xml`` with its ``.bin`` beside it.
    threads : int
        Threads one inference may use. They are not pinned to cores: several workers on one machine
        would all be pinned to the first.

    Raises
    ------
    WeightsMissing
        The files are absent or OpenVINO cannot read them.
    """
    import openvino as ov

    options = {
        "INFERENCE_PRECISION_HINT": "f32",  # OpenVINO takes bf16 by itself where the CPU has AMX: other vectors there
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    try:
        return Network(ov.Core().compile_model(path, "CPU", options))
    except RuntimeError as error:
        raise WeightsMissing(f"{path} is no network OpenVINO can load; run: groundswell weights fetch") from error
