"""Parts that transformers share, as OpenVINO nodes over arrays named as torch names them."""

from typing import TYPE_CHECKING

import numpy as np

from models.named_arrays import ANY, NamedArrays

if TYPE_CHECKING:
    import openvino as ov

NORM_EPSILON = 1e-6


def linear(named: NamedArrays, tokens: "ov.Node") -> "ov.Node":
    """Multiply the last axis with ``weight`` and add ``bias``; the width of the result is the array's.

    Raises
    ------
    WeightsMissing
        An array is absent or does not fit.
    """
    from openvino import opset15 as op

    weight = named.array("weight", ANY, int(tokens.get_output_shape(0)[-1]))
    product = op.matmul(tokens, weight, transpose_a=False, transpose_b=True)
    return op.add(product, named.array("bias", weight.shape[0]))


def layer_norm(named: NamedArrays, tokens: "ov.Node") -> "ov.Node":
    """Bring the last axis to mean 0 and deviation 1, then stretch and shift it by ``weight`` and ``bias``.

    Raises
    ------
    WeightsMissing
        An array is absent or does not fit.
    """
    from openvino import opset15 as op

    dim = int(tokens.get_output_shape(0)[-1])
    normal = op.mvn(tokens, np.array([-1]), normalize_variance=True, eps=NORM_EPSILON, eps_mode="inside_sqrt")
    return op.add(op.multiply(normal, named.array("weight", dim)), named.array("bias", dim))


def split_heads(tokens: "ov.Node", heads: int) -> "list[ov.Output]":
    """Take query, key and value out of one product: (1, n, 3 * dim) to three of (1, heads, n, dim / heads)."""
    from openvino import opset15 as op

    _, count, width = tokens.get_output_shape(0)
    shape = np.array([1, count, 3, heads, width // 3 // heads])
    parts = op.transpose(op.reshape(tokens, shape, special_zero=False), np.array([2, 0, 3, 1, 4]))
    return [op.squeeze(part, np.array([0])).output(0) for part in op.split(parts, np.int64(0), 3).outputs()]


def join_heads(attended: "ov.Node") -> "ov.Node":
    """(1, heads, n, dim / heads) to (1, n, dim)."""
    from openvino import opset15 as op

    _, heads, count, size = attended.get_output_shape(0)
    turned = op.transpose(attended, np.array([0, 2, 1, 3]))
    return op.reshape(turned, np.array([1, count, heads * size]), special_zero=False)
