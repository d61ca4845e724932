"""A converted network on torch: the same file and the same weights that OpenVINO runs, for machines with CUDA."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias  # attributes of a node are numbers, words or lists

import numpy as np
from numpy.typing import NDArray

from models.inference import Precision
from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    import openvino as ov
    import torch

    from models.torch_ops import Op

Array: TypeAlias = NDArray[np.generic]

_NOT_COMPUTED = ("Constant", "Parameter", "Result")


class _Step(NamedTuple):
    """One operation: what it is, where its inputs lie, where its outputs go, and what nobody needs after it."""

    op: "Op"
    attributes: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    done_with: tuple[int, ...]


class TorchNetwork:
    """Walks an OpenVINO graph and runs each operation with torch. See `models.backend.Network`.

    Floats live on the device; integers stay on the host, where shapes are computed from them.

    Raises
    ------
    WeightsMissing
        The graph has an operation that is not known here; the message names it.
    """

    def __init__(self, model: "ov.Model", *, device: str, precision: Precision) -> None:
        nodes = model.get_ordered_ops()
        places = _Places()
        self._device, self.precision = device, precision
        self._parameters = list(model.get_parameters())
        self._input_places = [places.of(node.output(0)) for node in self._parameters]
        self._output_places = [places.of(result.input_value(0)) for result in model.get_results()]
        self.inputs = tuple(port.get_any_name() for port in model.inputs)
        self.outputs = tuple(port.get_any_name() for port in model.outputs)
        self._constants = {
            places.of(node.output(0)): _constant(node, device) for node in nodes if node.get_type_name() == "Constant"
        }
        kept = {*self._constants, *self._output_places}
        self._steps = _plan([n for n in nodes if n.get_type_name() not in _NOT_COMPUTED], places, kept)

    def infer(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Run the network once; see `models.backend.Network`."""
        import torch

        values = dict(self._constants) | self._take(inputs)
        with (
            torch.inference_mode(),
            torch.autocast(self._device, torch.bfloat16, enabled=self.precision == "bf16"),
        ):
            for step in self._steps:
                results = step.op(step.attributes, *(values[place] for place in step.inputs))
                values.update(zip(step.outputs, map(self._at_home, results), strict=False))
                for place in step.done_with:
                    values.pop(place, None)
            return [_to_array(values[place]) for place in self._output_places]

    def _at_home(self, tensor: "torch.Tensor") -> "torch.Tensor":
        return tensor.to(self._device) if tensor.is_floating_point() else tensor

    def _take(self, inputs: Mapping[str, Array]) -> "dict[int, torch.Tensor]":
        if set(inputs) != set(self.inputs):
            raise RuntimeError(f"expected the inputs {self.inputs}, got {tuple(inputs)}")
        taken = {}
        for name, place, node in zip(self.inputs, self._input_places, self._parameters, strict=True):
            array, shape = inputs[name], node.get_partial_shape()
            if node.get_element_type().to_dtype() != array.dtype or not _fits(array.shape, shape):
                raise RuntimeError(
                    f"expected {name} as {node.get_element_type()} {shape}, got {array.dtype} {array.shape}"
                )
            taken[place] = _to_tensor(array, self._device)
        return taken


class _Places(dict[tuple[int, int], int]):
    """Numbers for the outputs of nodes."""

    def of(self, output: "ov.Output") -> int:
        key = (output.get_node().get_instance_id(), output.get_index())
        return self.setdefault(key, len(self))


def load(path: Path, *, device: str, precision: Precision = "f32") -> TorchNetwork:
    """Make a converted network ready to run on a torch device.

    Parameters
    ----------
    path : Path
        An OpenVINO ``.xml`` with its ``.bin`` beside it.
    device : str
        As torch names it: ``cuda``, ``cuda:1``, ``cpu``.

    Raises
    ------
    WeightsMissing
        The files are absent, OpenVINO cannot read them, or they hold an operation that is not known here.
    """
    import openvino as ov

    _ask_for_float32()
    try:
        model = ov.Core().read_model(path)
    except RuntimeError as error:
        raise WeightsMissing(f"{path} is no network OpenVINO can load; run: groundswell weights fetch") from error
    return TorchNetwork(model, device=device, precision=precision)


def sees_cuda() -> bool:
    """Whether torch can use a GPU here."""
    import torch

    return bool(torch.cuda.is_available())


def _ask_for_float32() -> None:
    """Make float32 mean float32, and the same input give the same bits each time.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html (TensorFloat-32), .../notes/randomness.html.
    """
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False  # on by default, and good for three digits
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def _plan(nodes: "Sequence[ov.Node]", places: _Places, kept: set[int]) -> list[_Step]:
    """Look every operation up before anything runs, and note when each value is used for the last time."""
    from models.torch_ops import find_op

    needed_later = set(kept)
    steps = []
    for node in reversed(nodes):
        inputs = tuple(places.of(value) for value in node.input_values())
        outputs = tuple(places.of(output) for output in node.outputs())
        done_with = tuple({*inputs, *outputs} - needed_later)
        needed_later |= set(inputs)
        steps.append(_Step(find_op(node), node.get_attributes(), inputs, outputs, done_with))
    return steps[::-1]


def _constant(node: "ov.Node", device: str) -> "torch.Tensor":
    return _to_tensor(np.array(node.get_data()), device)


def _to_tensor(array: Array, device: str) -> "torch.Tensor":
    import torch

    tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    return tensor.to(device) if tensor.is_floating_point() else tensor


def _to_array(tensor: "torch.Tensor") -> Array:
    """Give an array of the caller's own, whatever else the tensor's memory is used for."""
    whole = tensor.float() if tensor.is_floating_point() else tensor
    return np.array(whole.cpu().numpy(), order="C")


def _fits(shape: Sequence[int], expected: "ov.PartialShape") -> bool:
    if len(shape) != expected.rank.get_length():
        return False
    return all(side.compatible(size) for size, side in zip(_dimensions(shape), expected, strict=True))


def _dimensions(shape: Sequence[int]) -> "list[ov.Dimension]":
    import openvino as ov

    return [ov.Dimension(size) for size in shape]
