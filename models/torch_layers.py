"""Operations of OpenVINO's sets 1 to 15 in torch: convolutions, pooling, normalisation, attention, resizing.

Source: https://docs.openvino.ai/2025/documentation/openvino-ir-format/operation-sets.html
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.torch_ops import Attributes, Op, Outputs, numbers, refuse, together

if TYPE_CHECKING:
    from torch import Tensor


def _pads(attributes: Attributes, tensor: "Tensor", kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    """Work out how much is added before and behind each axis."""
    rank = len(kernel)
    if attributes["auto_pad"] == "valid":
        return [0] * rank, [0] * rank
    if attributes["auto_pad"] == "explicit":
        return list(attributes["pads_begin"]), list(attributes["pads_end"])
    dilations = attributes.get("dilations", [1] * rank)
    begins, ends = [], []
    for size, width, step, gap in zip(tensor.shape[2:], kernel, attributes["strides"], dilations, strict=True):
        needed = max(0, (math.ceil(size / step) - 1) * step + (width - 1) * gap + 1 - size)
        smaller, larger = needed // 2, needed - needed // 2
        begin, end = (smaller, larger) if attributes["auto_pad"] == "same_upper" else (larger, smaller)
        begins.append(begin)
        ends.append(end)
    return begins, ends


def _surround(tensor: "Tensor", pads: tuple[list[int], list[int]], value: float) -> "Tensor":
    from torch.nn import functional

    if not any(pads[0] + pads[1]):
        return tensor
    flat = [side for pair in zip(reversed(pads[0]), reversed(pads[1]), strict=True) for side in pair]
    return functional.pad(tensor, flat, value=value)


def _filter(attributes: Attributes, tensor: "Tensor", weight: "Tensor", groups: int = 1) -> "Tensor":
    from torch.nn import functional

    kernel = weight.shape[2:]
    filtered: Tensor = getattr(functional, f"conv{len(kernel)}d")(
        _surround(tensor, _pads(attributes, tensor, kernel), 0.0),
        weight,
        stride=attributes["strides"],
        dilation=attributes["dilations"],
        groups=groups,
    )
    return filtered


def _convolution(attributes: Attributes, tensor: "Tensor", weight: "Tensor") -> Outputs:
    return (_filter(attributes, tensor, weight),)


def _group_convolution(attributes: Attributes, tensor: "Tensor", weight: "Tensor") -> Outputs:
    return (_filter(attributes, tensor, weight.flatten(0, 1), groups=weight.shape[0]),)


def _spread(attributes: Attributes, tensor: "Tensor", weight: "Tensor", groups: int = 1) -> "Tensor":
    from torch.nn import functional

    refuse(attributes["auto_pad"] not in ("explicit", "valid"), f"a deconvolution padded {attributes['auto_pad']}")
    kernel = weight.shape[2:]
    begins, ends = _pads(attributes, tensor, kernel)
    spread: Tensor = getattr(functional, f"conv_transpose{len(kernel)}d")(
        tensor,
        weight,
        stride=attributes["strides"],
        output_padding=attributes.get("output_padding") or 0,
        dilation=attributes["dilations"],
        groups=groups,
    )
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True), 2):
        spread = spread.narrow(axis, begin, spread.shape[axis] - begin - end)
    return spread


def _deconvolution(attributes: Attributes, tensor: "Tensor", weight: "Tensor", *shape: "Tensor") -> Outputs:
    refuse(bool(shape), "a deconvolution with a wanted shape")
    return (_spread(attributes, tensor, weight),)


def _group_deconvolution(attributes: Attributes, tensor: "Tensor", weight: "Tensor", *shape: "Tensor") -> Outputs:
    refuse(bool(shape), "a deconvolution with a wanted shape")
    return (_spread(attributes, tensor, weight.flatten(0, 1), groups=weight.shape[0]),)


def _max_pool(attributes: Attributes, tensor: "Tensor") -> Outputs:
    from torch.nn import functional

    kernel = attributes["kernel"]
    padded = _surround(tensor, _pads(attributes, tensor, kernel), -math.inf)
    return (
        getattr(functional, f"max_pool{len(kernel)}d")(
            padded,
            kernel,
            attributes["strides"],
            dilation=attributes.get("dilations", 1),
            ceil_mode=attributes["rounding_type"] != "floor",
        ),
    )


def _avg_pool(attributes: Attributes, tensor: "Tensor") -> Outputs:
    import torch
    from torch.nn import functional

    kernel, pads = attributes["kernel"], _pads(attributes, tensor, attributes["kernel"])

    def mean(values: "Tensor") -> "Tensor":
        ceil = attributes["rounding_type"] != "floor"
        pooled: Tensor = getattr(functional, f"avg_pool{len(kernel)}d")(
            _surround(values, pads, 0.0), kernel, attributes["strides"], ceil_mode=ceil
        )
        return pooled

    if not attributes["exclude-pad"] or not any(pads[0] + pads[1]):
        return (mean(tensor),)
    return (mean(tensor) / mean(torch.ones_like(tensor[:1, :1])),)


def _pad(attributes: Attributes, tensor: "Tensor", begins: "Tensor", ends: "Tensor", *value: "Tensor") -> Outputs:
    from torch.nn import functional

    mode = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}.get(attributes["pad_mode"], "")
    refuse(not mode, f"Pad by {attributes['pad_mode']}")
    if mode == "constant":
        return (_surround(tensor, (numbers(begins), numbers(ends)), float(value[0]) if value else 0.0),)
    before, behind = numbers(begins), numbers(ends)
    refuse(any(before[:2] + behind[:2]), f"Pad by {attributes['pad_mode']} along batch or channels")
    flat = [side for pair in zip(before[:1:-1], behind[:1:-1], strict=True) for side in pair]
    return (functional.pad(tensor, flat, mode=mode),)


def _batch_norm(attributes: Attributes, tensor: "Tensor", *learned: "Tensor") -> Outputs:
    gain, shift, mean, variance = (part.reshape(-1, *[1] * (tensor.ndim - 2)) for part in learned)
    return ((tensor - mean) / (variance + attributes["epsilon"]).sqrt() * gain + shift,)


def _mean_variance(attributes: Attributes, tensor: "Tensor", axes: "Tensor") -> Outputs:
    along = numbers(axes)
    centred = tensor - tensor.mean(along, keepdim=True)
    if not attributes["normalize_variance"]:
        return (centred,)
    variance = (centred * centred).mean(along, keepdim=True)
    if attributes["eps_mode"] == "INSIDE_SQRT":
        return (centred / (variance + attributes["eps"]).sqrt(),)
    return (centred / (variance.sqrt() + attributes["eps"]),)


def _normalise(attributes: Attributes, tensor: "Tensor", axes: "Tensor") -> Outputs:
    squares = (tensor * tensor).sum(numbers(axes), keepdim=True)
    if attributes["eps_mode"] == "add":
        return (tensor / (squares + attributes["eps"]).sqrt(),)
    return (tensor / squares.clamp_min(attributes["eps"]).sqrt(),)


def _attention(attributes: Attributes, *inputs: "Tensor") -> Outputs:
    """Written out: torch's own kernels differ from device to device."""
    query, key, value, *rest = inputs
    mask, scale = rest[0] if rest else None, float(rest[1]) if len(rest) > 1 else query.shape[-1] ** -0.5
    scores = query * scale @ key.mT
    if attributes["causal"]:
        scores = scores + _later(scores)
    elif mask is not None and mask.numel():
        scores = scores + (mask if mask.is_floating_point() else _closed(mask, scores))
    return (scores.softmax(-1) @ value,)


def _later(scores: "Tensor") -> "Tensor":
    import torch

    return torch.full_like(scores, -math.inf).triu(1)


def _closed(mask: "Tensor", scores: "Tensor") -> "Tensor":
    import torch

    openings = torch.zeros(mask.shape, device=scores.device, dtype=scores.dtype)
    return openings.masked_fill(~mask.to(scores.device), -math.inf)


def _softmax(attributes: Attributes, tensor: "Tensor") -> Outputs:
    return (tensor.softmax(attributes["axis"]),)


def _log_softmax(attributes: Attributes, tensor: "Tensor") -> Outputs:
    return (tensor.log_softmax(attributes["axis"]),)


def _gelu(attributes: Attributes, tensor: "Tensor") -> Outputs:
    from torch.nn import functional

    is_tanh = str(attributes.get("approximation_mode", "ERF")).upper() == "TANH"
    return (functional.gelu(tensor, approximate="tanh" if is_tanh else "none"),)


def _swish(attributes: Attributes, tensor: "Tensor", *beta: "Tensor") -> Outputs:
    return (tensor * (tensor * together(tensor, *beta)[1] if beta else tensor).sigmoid(),)


def _mobile_sigmoid(attributes: Attributes, tensor: "Tensor") -> Outputs:
    return ((tensor + 3).clamp(0, 6) / 6,)


def _hard_swish(attributes: Attributes, tensor: "Tensor") -> Outputs:
    return (tensor * _mobile_sigmoid(attributes, tensor)[0],)


def _hard_sigmoid(attributes: Attributes, tensor: "Tensor", slope: "Tensor", shift: "Tensor") -> Outputs:
    return ((tensor * slope + shift).clamp(0, 1),)


def _prelu(attributes: Attributes, tensor: "Tensor", slope: "Tensor") -> Outputs:
    """One slope for all, one for each channel, or as many as broadcast."""
    if slope.ndim == 1 and slope.numel() > 1 and tensor.ndim > 1:
        slope = slope.reshape(-1, *[1] * (tensor.ndim - 2))
    return (tensor.clamp_min(0) + slope * tensor.clamp_max(0),)


def _elu(attributes: Attributes, tensor: "Tensor") -> Outputs:
    from torch.nn import functional

    return (functional.elu(tensor, attributes["alpha"]),)


def _interpolate(attributes: Attributes, tensor: "Tensor", target: "Tensor", *rest: "Tensor") -> Outputs:
    """Resize the axes behind batch and channels; with opset 4 the scales come third, with opset 11 second."""
    from torch.nn import functional

    how, corners = attributes["mode"], attributes["coordinate_transformation_mode"]
    sizes = _sizes(attributes, tensor, (target, *rest))
    if how == "nearest":
        whole = all(new % old == 0 for new, old in zip(sizes, tensor.shape[2:], strict=True))
        refuse(not whole, "a nearest Interpolate that does not enlarge by a whole number")
        return (functional.interpolate(tensor, sizes, mode="nearest"),)
    refuse(how not in ("linear", "linear_onnx") or attributes.get("antialias", False), f"Interpolate by {how}")
    refuse(corners not in ("half_pixel", "pytorch_half_pixel", "align_corners"), f"Interpolate with {corners}")
    mode = {3: "linear", 4: "bilinear", 5: "trilinear"}[tensor.ndim]
    return (functional.interpolate(tensor, sizes, mode=mode, align_corners=corners == "align_corners"),)


def _sizes(attributes: Attributes, tensor: "Tensor", rest: "tuple[Tensor, ...]") -> list[int]:
    is_old = len(rest) > 1 and rest[0].numel() and not rest[0].is_floating_point() and rest[1].is_floating_point()
    by_scale = attributes["shape_calculation_mode"] == "scales"
    target = (rest[1] if by_scale else rest[0]) if is_old else rest[0]
    axes = numbers(rest[2 if is_old else 1]) if len(rest) > (2 if is_old else 1) else list(range(tensor.ndim))
    sizes = list(tensor.shape)
    for axis, wanted in zip(axes, target.tolist(), strict=True):
        sizes[axis] = math.floor(sizes[axis] * wanted + 1e-4) if by_scale else int(wanted)
    refuse(sizes[:2] != list(tensor.shape[:2]), "Interpolate of batch or channels")
    return sizes[2:]


LAYERS: dict[str, Op] = {
    "AvgPool": _avg_pool,
    "BatchNormInference": _batch_norm,
    "Convolution": _convolution,
    "ConvolutionBackpropData": _deconvolution,
    "Elu": _elu,
    "Gelu": _gelu,
    "GroupConvolution": _group_convolution,
    "GroupConvolutionBackpropData": _group_deconvolution,
    "HSigmoid": _mobile_sigmoid,
    "HSwish": _hard_swish,
    "HardSigmoid": _hard_sigmoid,
    "Interpolate": _interpolate,
    "LogSoftmax": _log_softmax,
    "MVN": _mean_variance,
    "MaxPool": _max_pool,
    "NormalizeL2": _normalise,
    "PRelu": _prelu,
    "Pad": _pad,
    "ScaledDotProductAttention": _attention,
    "Softmax": _softmax,
    "Swish": _swish,
}
