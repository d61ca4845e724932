"""Operations of OpenVINO's sets 1 to 15 in torch: arithmetic, shapes and choices.

Each takes the node's attributes and its inputs, and gives its outputs as a tuple. Those that networks learn with
(convolutions, pooling, normalisation, attention) are in `models.torch_layers`.

Source: https://docs.openvino.ai/2025/documentation/openvino-ir-format/operation-sets.html
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias  # attributes of a node are numbers, words or lists

from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    import openvino as ov
    from torch import Tensor

Attributes: TypeAlias = dict[str, Any]
Outputs: TypeAlias = "tuple[Tensor, ...]"
Op: TypeAlias = Callable[..., Outputs]

_DTYPES = {
    "f64": "float64",
    "f32": "float32",
    "f16": "float16",
    "bf16": "bfloat16",
    "i64": "int64",
    "i32": "int32",
    "i16": "int16",
    "i8": "int8",
    "u8": "uint8",
    "boolean": "bool",
}


def find_op(node: "ov.Node") -> Op:
    """Find how torch does what a node does.

    Raises
    ------
    WeightsMissing
        It is not known here.
    """
    from models.torch_layers import LAYERS

    name = node.get_type_name()
    op = OPS.get(name) or LAYERS.get(name)
    if op is None:
        version = node.get_type_info().version_id
        raise WeightsMissing(
            f"the network has an operation {name} ({version}), which models/torch_ops.py does not know yet; "
            "set device to cpu to run it on OpenVINO"
        )
    return op


def numbers(tensor: "Tensor") -> list[int]:
    """Read a small tensor of integers."""
    return [int(value) for value in tensor.reshape(-1).tolist()]


def together(*tensors: "Tensor") -> "list[Tensor]":
    """Bring tensors to the device of those that are not on the host."""
    device = next((t.device for t in tensors if t.device.type != "cpu"), tensors[0].device)
    return [tensor.to(device) for tensor in tensors]


def _plain(name: str) -> Op:
    """One tensor through a function of torch."""

    def run(attributes: Attributes, tensor: "Tensor") -> Outputs:
        import torch

        return (getattr(torch, name)(tensor),)

    return run


def _pair(name: str) -> Op:
    """Two tensors that are broadcast against each other."""

    def run(attributes: Attributes, one: "Tensor", other: "Tensor") -> Outputs:
        import torch

        return (getattr(torch, name)(*together(one, other)),)

    return run


def _divide(attributes: Attributes, one: "Tensor", other: "Tensor") -> Outputs:
    import torch

    one, other = together(one, other)
    if one.is_floating_point():
        return (torch.div(one, other),)
    return (torch.div(one, other, rounding_mode="floor" if attributes.get("m_pythondiv", True) else "trunc"),)


def _squared_difference(attributes: Attributes, one: "Tensor", other: "Tensor") -> Outputs:
    one, other = together(one, other)
    return ((one - other) ** 2,)


def _select(attributes: Attributes, condition: "Tensor", one: "Tensor", other: "Tensor") -> Outputs:
    import torch

    return (torch.where(*together(condition, one, other)),)


def _convert(attributes: Attributes, tensor: "Tensor") -> Outputs:
    import torch

    return (tensor.to(getattr(torch, _DTYPES[attributes["destination_type"]])),)


def _convert_like(attributes: Attributes, tensor: "Tensor", like: "Tensor") -> Outputs:
    return (tensor.to(like.device, like.dtype),)


def _clamp(attributes: Attributes, tensor: "Tensor") -> Outputs:
    return (tensor.clamp(attributes["min"], attributes["max"]),)


def _shape_of(attributes: Attributes, tensor: "Tensor") -> Outputs:
    import torch

    return (torch.tensor(tensor.shape, dtype=getattr(torch, _DTYPES[attributes["output_type"]])),)


def _reshape(attributes: Attributes, tensor: "Tensor", shape: "Tensor") -> Outputs:
    wanted = numbers(shape)
    if attributes["special_zero"]:
        wanted = [size or tensor.shape[place] for place, size in enumerate(wanted)]
    return (tensor.reshape(wanted),)


def _transpose(attributes: Attributes, tensor: "Tensor", order: "Tensor") -> Outputs:
    return (tensor.permute(numbers(order) or list(range(tensor.ndim))[::-1]),)


def _unsqueeze(attributes: Attributes, tensor: "Tensor", axes: "Tensor") -> Outputs:
    rank = tensor.ndim + axes.numel()
    for axis in sorted(axis % rank for axis in numbers(axes)):
        tensor = tensor.unsqueeze(axis)
    return (tensor,)


def _squeeze(attributes: Attributes, tensor: "Tensor", axes: "Tensor | None" = None) -> Outputs:
    return (tensor.squeeze() if axes is None else tensor.squeeze(numbers(axes)),)


def _concat(attributes: Attributes, *tensors: "Tensor") -> Outputs:
    import torch

    return (torch.cat(together(*tensors), attributes["axis"]),)


def _split(attributes: Attributes, tensor: "Tensor", axis: "Tensor") -> Outputs:
    (place,) = numbers(axis)
    return tuple(tensor.chunk(attributes["num_splits"], place))


def _variadic_split(attributes: Attributes, tensor: "Tensor", axis: "Tensor", lengths: "Tensor") -> Outputs:
    (place,), sizes = numbers(axis), numbers(lengths)
    rest = tensor.shape[place] - sum(size for size in sizes if size >= 0)
    return tuple(tensor.split([rest if size < 0 else size for size in sizes], place))


def _gather(attributes: Attributes, tensor: "Tensor", places: "Tensor", axis: "Tensor") -> Outputs:
    refuse(attributes.get("batch_dims", 0) != 0, "Gather with batch_dims")
    (along,) = numbers(axis)
    along %= tensor.ndim
    wanted = places.to(tensor.device).long() % tensor.shape[along]  # negative ones count from the end
    picked = tensor.index_select(along, wanted.reshape(-1))
    return (picked.reshape([*tensor.shape[:along], *places.shape, *tensor.shape[along + 1 :]]),)


def _slice(attributes: Attributes, tensor: "Tensor", *limits: "Tensor") -> Outputs:
    starts, stops, steps = (numbers(limit) for limit in limits[:3])
    axes = numbers(limits[3]) if len(limits) > 3 else range(len(starts))
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        tensor = _cut(tensor, axis % tensor.ndim, range(*slice(start, stop, step).indices(tensor.shape[axis])))
    return (tensor,)


def _cut(tensor: "Tensor", axis: int, wanted: range) -> "Tensor":
    """Take places along an axis; torch itself slices forwards only."""
    import torch

    return tensor.index_select(axis, torch.tensor(wanted, dtype=torch.int64, device=tensor.device))


def _strided_slice(attributes: Attributes, tensor: "Tensor", *limits: "Tensor") -> Outputs:
    refuse(any(attributes.get("ellipsis_mask", ())), "StridedSlice with an ellipsis")
    starts, stops = numbers(limits[0]), numbers(limits[1])
    steps = numbers(limits[2]) if len(limits) > 2 else [1] * len(starts)
    axis = 0
    for place, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        if _is_set(attributes, "new_axis_mask", place):
            tensor = tensor.unsqueeze(axis)
        elif _is_set(attributes, "shrink_axis_mask", place):
            tensor = tensor.select(axis, start)
            continue
        else:
            first = None if _is_set(attributes, "begin_mask", place) else start
            last = None if _is_set(attributes, "end_mask", place) else stop
            tensor = _cut(tensor, axis, range(*slice(first, last, step).indices(tensor.shape[axis])))
        axis += 1
    return (tensor,)


def _is_set(attributes: Attributes, mask: str, place: int) -> bool:
    bits = attributes.get(mask, ())
    return place < len(bits) and bool(bits[place])


def _range(attributes: Attributes, start: "Tensor", stop: "Tensor", step: "Tensor") -> Outputs:
    import torch

    dtype = getattr(torch, _DTYPES[attributes["output_type"]])
    return (torch.arange(start.item(), stop.item(), step.item(), dtype=dtype),)


def _broadcast(attributes: Attributes, tensor: "Tensor", shape: "Tensor", *axes: "Tensor") -> Outputs:
    import torch

    wanted = numbers(shape)
    if attributes["mode"] == "bidirectional":
        wanted = list(torch.broadcast_shapes(tuple(wanted), tensor.shape))
    else:
        refuse(attributes["mode"] != "numpy", f"Broadcast by {attributes['mode']}")
    return (tensor.expand(wanted),)


def _tile(attributes: Attributes, tensor: "Tensor", repeats: "Tensor") -> Outputs:
    return (tensor.tile(numbers(repeats)),)


def _einsum(attributes: Attributes, *tensors: "Tensor") -> Outputs:
    import torch

    return (torch.einsum(attributes["equation"], *together(*tensors)),)


def _reduce(name: str, attributes: Attributes, tensor: "Tensor", axes: "Tensor") -> Outputs:
    import torch

    return (getattr(torch, name)(tensor, dim=numbers(axes), keepdim=attributes["keep_dims"]),)


def _matmul(attributes: Attributes, one: "Tensor", other: "Tensor") -> Outputs:
    if attributes["transpose_a"] and one.ndim > 1:
        one = one.mT
    if attributes["transpose_b"] and other.ndim > 1:
        other = other.mT
    return (operator.matmul(*together(one, other)),)


def refuse(is_unknown: bool, what: str) -> None:
    """Refuse a variant of an operation.

    Raises
    ------
    WeightsMissing
        It is not known here.
    """
    if is_unknown:
        raise WeightsMissing(f"{what} is not known to models/torch_ops.py yet; set device to cpu")


OPS: dict[str, Op] = {
    "Abs": _plain("abs"),
    "Ceiling": _plain("ceil"),
    "Cos": _plain("cos"),
    "Erf": _plain("erf"),
    "Exp": _plain("exp"),
    "Floor": _plain("floor"),
    "Log": _plain("log"),
    "LogicalNot": _plain("logical_not"),
    "Negative": _plain("neg"),
    "Relu": _plain("relu"),
    "Sigmoid": _plain("sigmoid"),
    "Sin": _plain("sin"),
    "Sqrt": _plain("sqrt"),
    "Tanh": _plain("tanh"),
    "Add": _pair("add"),
    "Equal": _pair("eq"),
    "FloorMod": _pair("remainder"),
    "Greater": _pair("gt"),
    "GreaterEqual": _pair("ge"),
    "Less": _pair("lt"),
    "LessEqual": _pair("le"),
    "LogicalAnd": _pair("logical_and"),
    "LogicalOr": _pair("logical_or"),
    "Maximum": _pair("maximum"),
    "Minimum": _pair("minimum"),
    "Mod": _pair("fmod"),
    "Multiply": _pair("mul"),
    "NotEqual": _pair("ne"),
    "Power": _pair("pow"),
    "Subtract": _pair("sub"),
    "Divide": _divide,
    "SquaredDifference": _squared_difference,
    "Select": _select,
    "Convert": _convert,
    "ConvertLike": _convert_like,
    "Clamp": _clamp,
    "ShapeOf": _shape_of,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": _concat,
    "Split": _split,
    "VariadicSplit": _variadic_split,
    "Gather": _gather,
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    "Range": _range,
    "Broadcast": _broadcast,
    "Tile": _tile,
    "Einsum": _einsum,
    "MatMul": _matmul,
    "ReduceMax": partial(_reduce, "amax"),
    "ReduceMean": partial(_reduce, "mean"),
    "ReduceMin": partial(_reduce, "amin"),
    "ReduceSum": partial(_reduce, "sum"),
}
