"""Reads the float32 arrays out of an ONNX file, and nothing else of it.

An ONNX file is one protobuf message. Only a dozen lines of that format are needed to reach its arrays; the
package ``onnx`` would be a dependency of 20 MB for one conversion.

Source: protobuf's encoding (protobuf.dev/programming-guides/encoding) and the field numbers of ``onnx.proto``.
"""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.errors import WeightsMissing

Field: TypeAlias = tuple[int, "int | memoryview"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTH_BYTES = {_FIXED64: 8, _FIXED32: 4}

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA, _EXTERNAL_DATA = 1, 2, 8, 9, 13
_KEY, _VALUE = 1, 2
_FLOAT32 = 1


def read_float_arrays(model: bytes, external_data: bytes = b"") -> dict[str, NDArray[np.float32]]:
    """Give the float32 arrays of an ONNX model by name.

    Parameters
    ----------
    model : bytes
        A ``.onnx`` file.
    external_data : bytes
        The file in which the model keeps its large arrays, where it does.

    Raises
    ------
    WeightsMissing
        The bytes are no ONNX model, or an array reaches beyond their end.
    """
    try:
        tensors = [
            memory for graph in _messages(memoryview(model), _GRAPH) for memory in _messages(graph, _INITIALIZER)
        ]
        found = dict(filter(None, (_array(list(_fields(t)), external_data) for t in tensors)))
    except (IndexError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise WeightsMissing(f"expected an ONNX model whose arrays can be read: {error}; fetch it again") from error
    if not found:
        raise WeightsMissing("expected an ONNX model, found no float32 array in it; fetch it again")
    return found


def _array(fields: list[Field], external_data: bytes) -> tuple[str, NDArray[np.float32]] | None:
    if (_DATA_TYPE, _FLOAT32) not in fields:
        return None
    shape = [size for number, value in fields if number == _DIMS for size in _sizes(value)]
    (name,) = (bytes(value).decode() for number, value in fields if number == _NAME and not isinstance(value, int))
    inside = [value for number, value in fields if number == _RAW_DATA and not isinstance(value, int)]
    raw = inside[0] if inside else _outside(fields, external_data)
    return name, np.frombuffer(raw, "<f4").astype(np.float32).reshape(shape)


def _outside(fields: list[Field], external_data: bytes) -> memoryview:
    """Find an array's bytes in the file beside the model."""
    entries = {}
    for number, value in fields:
        if number == _EXTERNAL_DATA and not isinstance(value, int):
            parts = dict(_fields(value))
            entries[bytes(_as_bytes(parts[_KEY])).decode()] = bytes(_as_bytes(parts[_VALUE])).decode()
    start, length = int(entries.get("offset", "0")), int(entries["length"])
    if not 0 <= start <= start + length <= len(external_data):
        raise ValueError(f"an array lies at {start}-{start + length} of {len(external_data)} bytes")
    return memoryview(external_data)[start : start + length]


def _sizes(value: "int | memoryview") -> list[int]:
    """A shape's numbers, written one by one or packed together."""
    if isinstance(value, int):
        return [value]
    sizes, place = [], 0
    while place < len(value):
        size, place = _varint(value, place)
        sizes.append(size)
    return sizes


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in _fields(message):
        if number == wanted:
            yield _as_bytes(value)


def _as_bytes(value: "int | memoryview") -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message should")
    return value


def _fields(message: memoryview) -> Iterator[Field]:
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        length, place = (
            (_WIDTH_BYTES[wire_type], place) if wire_type in _WIDTH_BYTES else _length(message, place, wire_type)
        )
        if place + length > len(message):
            raise ValueError(f"a field of {length} bytes reaches beyond the end")
        yield number, message[place : place + length]
        place += length


def _length(message: memoryview, place: int, wire_type: int) -> tuple[int, int]:
    if wire_type != _BYTES:
        raise ValueError(f"there is no wire type {wire_type}")
    return _varint(message, place)


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Seven bits a byte, lowest first; the highest bit says that more follow. Returns the number and the next place."""
    number = shift = 0
    while True:
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("a number has more than 64 bits")
