"""Reads the tensors of a torch weights file into numpy, without torch and without running what the file says.

Such files are pickles. Only the one class and the one function that a table of tensors needs can be named by
them; they build inert records, and arrays are made afterwards, from numbers we have checked.

Source: ``torch/serialization.py``: ``_legacy_save`` for the layout of files written before torch 1.6, ``_save`` for
the zip written since; the Python documentation of pickle, "Restricting Globals".
"""

import io
import math
import pickle  # the only place that may: see _Reader
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import WeightsMissing

Tensors = dict[str, NDArray[np.generic]]

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

_TYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
_COUNT = struct.Struct("<q")
_MOST_AXES = 8


class _Storage(NamedTuple):
    """A run of `size` numbers that tensors look into."""

    key: str
    dtype: str
    size: int


class _Tensor(NamedTuple):
    """A window on a storage; offset and strides in numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: Path) -> Tensors:
    """Read every tensor of a state dictionary as torch writes it, before version 1.6 or since.

    Returns
    -------
    dict of name to array, each with memory of its own

    Raises
    ------
    WeightsMissing
        Not such a file, cut off, or one that names anything but tensors.
    """
    try:
        file = io.BytesIO(path.read_bytes())
        return _read_zip(file) if zipfile.is_zipfile(file) else _read_legacy(file)
    except WeightsMissing:
        raise
    # A hostile or damaged file can make an unpickler raise nearly anything.
    except Exception as error:
        raise WeightsMissing(
            f"expected {path.name} to hold torch tensors and nothing else: {type(error).__name__}: {error}; "
            "fetch it again: groundswell weights fetch"
        ) from error


class _Reader(pickle.Unpickler):
    """An unpickler to which no name means anything but tensors, their storages and ordered dictionaries."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _REBUILD
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise WeightsMissing(f"the weights file names {module}.{name}, which is no part of a tensor; it is not run")

    def persistent_load(self, pid: object) -> _Storage:
        match pid:  # files of before 1.6 have a sixth part, for views of storages
            case ("storage", str(dtype), str(key), str(), int(size), *rest) if dtype in _TYPES.values():
                if rest in ([], [None]):
                    return _Storage(key, dtype, size)
        raise WeightsMissing(f"expected the weights file to refer to storages, got {pid!r:.80}")


class _Rebuild:
    """Stands for torch's function; without attributes a pickle could set."""

    __slots__ = ()

    def __call__(self, *window: object) -> _Tensor:
        match window:
            case (_Storage() as storage, int(offset), tuple(shape), tuple(strides), *_):
                if _are_counts((offset, *shape, *strides)):
                    return _Tensor(storage, offset, shape, strides)
        raise WeightsMissing(f"expected a tensor over a storage, got {window!r:.80}")


_REBUILD = _Rebuild()


def _are_counts(numbers: tuple[object, ...]) -> bool:
    return all(type(number) is int and number >= 0 for number in numbers)


def _read_zip(file: io.BytesIO) -> Tensors:
    with zipfile.ZipFile(file) as archive:
        (pickled,) = (name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise WeightsMissing("expected a weights file with little-endian numbers")
        table = _checked(_Reader(io.BytesIO(archive.read(pickled))).load())
        known = {tensor.storage.key: tensor.storage for tensor in table.values()}
        storages = {key: _numbers(archive.read(f"{folder}data/{key}"), storage) for key, storage in known.items()}
    return _tensors(table, storages)


def _read_legacy(file: io.BytesIO) -> Tensors:
    file.seek(0)
    # Safe: _Reader refuses every name but the three kinds above.
    magic, protocol, system = (_Reader(file).load() for _ in range(3))
    if (
        magic != MAGIC
        or protocol != PROTOCOL
        or not isinstance(system, dict)
        or system.get("little_endian") is not True
    ):
        raise WeightsMissing("expected a weights file as torch wrote it before version 1.6, little-endian")
    table = _checked(_Reader(file).load())
    keys = _Reader(file).load()
    storages = _read_storages(file, keys, {tensor.storage.key: tensor.storage for tensor in table.values()})
    return _tensors(table, storages)


def _checked(table: object) -> dict[str, _Tensor]:
    if not isinstance(table, dict) or not all(_is_entry(*item) for item in table.items()):
        raise WeightsMissing(f"expected a table of named tensors, got {type(table).__name__}")
    return table


def _tensors(table: Mapping[str, _Tensor], storages: Tensors) -> Tensors:
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in table.items()}


def _is_entry(name: object, tensor: object) -> bool:
    return isinstance(name, str) and isinstance(tensor, _Tensor)


def _read_storages(file: io.BytesIO, keys: object, known: Mapping[str, _Storage]) -> Tensors:
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(known):
        raise WeightsMissing("expected the numbers of exactly the storages that the tensors look into")
    return {key: _read_storage(file, known[key]) for key in keys}


def _read_storage(file: io.BytesIO, storage: _Storage) -> NDArray[np.generic]:
    (count,) = _COUNT.unpack(file.read(_COUNT.size))
    numbers = file.read(max(storage.size, 0) * np.dtype(storage.dtype).itemsize)
    return _numbers(numbers if count == storage.size else b"", storage)


def _numbers(content: bytes, storage: _Storage) -> NDArray[np.generic]:
    dtype = np.dtype(storage.dtype)
    if len(content) != storage.size * dtype.itemsize:
        raise WeightsMissing(f"storage {storage.key} should hold {storage.size} numbers; the file is cut off")
    return np.frombuffer(content, dtype)


def _view(tensor: _Tensor, numbers: NDArray[np.generic]) -> NDArray[np.generic]:
    """Copy a tensor out of its storage, once it is sure that it lies inside."""
    if len(tensor.shape) != len(tensor.strides) or len(tensor.shape) > _MOST_AXES:
        raise WeightsMissing(f"a tensor of shape {tensor.shape} cannot have strides {tensor.strides}")
    reach = sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    if math.prod(tensor.shape) > numbers.size or tensor.offset + reach >= numbers.size:
        raise WeightsMissing(f"a tensor of shape {tensor.shape} reaches beyond its {numbers.size} numbers")
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides, writeable=False).copy()
