"""all-MiniLM-L6-v2 (a small BERT) as an OpenVINO graph, built from its published files without torch.

Source: Devlin et al., BERT (2019), and its released code for the exact forms; Wang et al., MiniLM
(2020); Reimers and Gurevych, Sentence-BERT (2019), for mean pooling. Arrays and configuration are
named as in the published files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.graphs import network_of, save
from models.named_arrays import NamedArrays
from schemas.errors import WeightsMissing

if TYPE_CHECKING:
    import openvino as ov

    Node: TypeAlias = ov.Node | ov.Output

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]

NETWORK_FILE = "minilm.xml"
TOKENIZER_FILE = "tokenizer.json"

_FETCH_AGAIN = "fetch it again: groundswell weights fetch minilm"
_LENGTH_FLOOR = 1e-12
"""A sum shorter than this is divided by this, as torch's ``normalize`` does."""


class BertConfig(msgspec.Struct, frozen=True):
    """What the graph needs from the published ``config.json``; other activations or positions are refused."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    hidden_act: Literal["gelu"]
    position_embedding_type: Literal["absolute"]


def convert(source_folder: Path, target_folder: Path) -> None:
    """Write what `models.text.TextEncoder` loads: the network as OpenVINO IR in float32, and its tokenizer.

    Parameters
    ----------
    source_folder : Path
        Holds ``model.safetensors``, ``config.json`` and ``tokenizer.json``.
    target_folder : Path
        Exists; gets ``minilm.xml``, ``minilm.bin`` and ``tokenizer.json``.

    Raises
    ------
    WeightsMissing
        These are not the published files: an array is absent or has another shape.
    """
    from safetensors.numpy import load_file

    model = build(load_file(source_folder / "model.safetensors"), read_config(source_folder / "config.json"))
    save(model, target_folder / NETWORK_FILE)
    copyfile(source_folder / TOKENIZER_FILE, target_folder / TOKENIZER_FILE)


def read_config(path: Path) -> BertConfig:
    """Read the published configuration.

    Raises
    ------
    WeightsMissing
        It describes a network of another kind.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=BertConfig)
    except msgspec.DecodeError as error:
        raise WeightsMissing(f"{path.name} does not describe a BERT we can build: {error}; {_FETCH_AGAIN}") from error


def build(weights: Weights, config: BertConfig) -> "ov.Model":
    """Build the whole network: token ids in, unit vectors out.

    Parameters
    ----------
    weights : mapping of name to float32 array

    Returns
    -------
    Model with inputs ``input_ids`` and ``attention_mask`` (int64, shape (n_texts, n_tokens)) and the
    output ``embedding`` (float32, shape (n_texts, hidden_size), each of length 1). Every token has type 0.

    Raises
    ------
    WeightsMissing
        An array is absent or has another shape.
    """
    from openvino import opset15 as op

    named = _Named(NamedArrays(weights, "minilm"), config)
    input_ids = op.parameter([-1, -1], np.int64, name="input_ids")
    attention_mask = op.parameter([-1, -1], np.int64, name="attention_mask")
    mask = op.convert(attention_mask, "f32")
    hidden, blocked = _embed(named, input_ids), _block_padding(mask)
    for layer in range(config.num_hidden_layers):
        hidden = _encode(named.under(f"encoder.layer.{layer}."), hidden, blocked)
    embedding = _pool(hidden, mask)
    inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
    return network_of("all-minilm-l6-v2", inputs=inputs, outputs={"embedding": embedding})


@dataclass(frozen=True)
class _Named:
    """Arrays of the file under a prefix, and the sizes that they go by."""

    arrays: NamedArrays
    config: BertConfig

    def under(self, prefix: str) -> "_Named":
        return _Named(self.arrays.under(prefix), self.config)

    def array(self, name: str, *shape: int) -> NDArray[np.float32]:
        return self.arrays.array(name, *shape)


def _embed(named: _Named, input_ids: "Node") -> "Node":
    from openvino import opset15 as op

    config, part = named.config, named.under("embeddings.")
    dim = config.hidden_size
    words = part.array("word_embeddings.weight", config.vocab_size, dim)
    places = part.array("position_embeddings.weight", config.max_position_embeddings, dim)
    # Every token has type 0, so its row is added to the positions once and for all.
    places = places + part.array("token_type_embeddings.weight", config.type_vocab_size, dim)[0]
    n_tokens = op.gather(op.shape_of(input_ids), np.int64(1), np.int64(0))
    numbers = op.range(np.int64(0), n_tokens, np.int64(1), "i64")
    summed = op.add(op.gather(words, input_ids, np.int64(0)), op.gather(places, numbers, np.int64(0)))
    return _layer_norm(part.under("LayerNorm."), summed)


def _block_padding(mask: "Node") -> "Node":
    """Turn 1 (a token) into 0, and 0 (padding) into a number that softmax makes exactly 0."""
    from openvino import opset15 as op

    lowest = np.finfo(np.float32).min
    return op.multiply(op.subtract(np.float32(1), op.unsqueeze(mask, np.array([1, 2]))), lowest)


def _encode(named: _Named, hidden: "Node", blocked: "Node") -> "Node":
    from openvino import opset15 as op

    dim, inner_dim = named.config.hidden_size, named.config.intermediate_size
    attention = named.under("attention.")
    heard = _attend(attention.under("self."), hidden, blocked)
    attended = _linear(attention.under("output.dense."), heard, (dim, dim))
    hidden = _layer_norm(attention.under("output.LayerNorm."), op.add(attended, hidden))
    inner = op.gelu(_linear(named.under("intermediate.dense."), hidden, (inner_dim, dim)), "erf")
    outer = _linear(named.under("output.dense."), inner, (dim, inner_dim))
    return _layer_norm(named.under("output.LayerNorm."), op.add(outer, hidden))


def _attend(named: _Named, hidden: "Node", blocked: "Node") -> "Node":
    # One product for all three of query, key and value was tried: no faster.
    from openvino import opset15 as op

    dim = named.config.hidden_size
    query, key, value = (
        _split_heads(_linear(named.under(f"{part}."), hidden, (dim, dim)), named.config)
        for part in ("query", "key", "value")
    )
    attended = op.scaled_dot_product_attention(query, key, value, blocked)
    return op.reshape(op.transpose(attended, np.array([0, 2, 1, 3])), np.array([0, 0, dim]), special_zero=True)


def _split_heads(hidden: "Node", config: BertConfig) -> "Node":
    """(n_texts, n_tokens, dim) to (n_texts, n_heads, n_tokens, dim / n_heads)."""
    from openvino import opset15 as op

    shape = np.array([0, 0, config.num_attention_heads, config.hidden_size // config.num_attention_heads])
    return op.transpose(op.reshape(hidden, shape, special_zero=True), np.array([0, 2, 1, 3]))


def _linear(named: _Named, hidden: "Node", shape: tuple[int, int]) -> "Node":
    from openvino import opset15 as op

    product = op.matmul(hidden, named.array("weight", *shape), transpose_a=False, transpose_b=True)
    return op.add(product, named.array("bias", shape[0]))


def _layer_norm(named: _Named, hidden: "Node") -> "Node":
    from openvino import opset15 as op

    dim, eps = named.config.hidden_size, named.config.layer_norm_eps
    normal = op.mvn(hidden, np.array([-1]), normalize_variance=True, eps=eps, eps_mode="inside_sqrt")
    return op.add(op.multiply(normal, named.array("weight", dim)), named.array("bias", dim))


def _pool(hidden: "Node", mask: "Node") -> "Node":
    """Mean over the tokens that are not padding, then length 1."""
    from openvino import opset15 as op

    # The mean's divisor would vanish in the normalisation, so only the sum is taken.
    total = op.reduce_sum(op.multiply(hidden, op.unsqueeze(mask, np.array([2]))), np.array([1]), keep_dims=False)
    return op.normalize_l2(total, np.array([1]), eps=_LENGTH_FLOOR, eps_mode="max")
