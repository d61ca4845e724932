"""Writes weights files as torch writes them, before version 1.6 and since, honest and hostile, without torch."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
_TYPES = {"float32": "FloatStorage", "int64": "LongStorage"}


class Named:
    """Pickles as a bare name, whatever that name is."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """Pickles as a call of a name with arguments, to be made on loading."""

    def __init__(self, named: Named, *arguments: object) -> None:
        self.named, self.arguments = named, arguments


class Storage:
    """Pickles as a reference to numbers that come later in the file."""

    def __init__(self, key: str, numbers: np.ndarray, size: int | None = None, *, is_in_zip: bool = False) -> None:
        self.key, self.numbers = key, numbers
        pid = ("storage", Named("torch", _TYPES[numbers.dtype.name]), key, "cpu", size or numbers.size)
        self.pid = pid if is_in_zip else (*pid, None)


def tensor(
    storage: Storage, shape: tuple[int, ...], *, offset: int = 0, strides: tuple[int, ...] | None = None
) -> Call:
    """A window on a storage, as torch pickles it."""
    steps = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))) if strides is None else strides
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, storage, offset, shape, steps, False, OrderedDict())


def file_of(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A whole file in which every array has a storage of its own."""
    storages = {name: Storage(str(place), array.ravel()) for place, (name, array) in enumerate(arrays.items())}
    table = OrderedDict((name, tensor(storages[name], array.shape)) for name, array in arrays.items())
    return file_with(table, list(storages.values()))


def file_with(table: object, storages: list[Storage], *, magic: object = MAGIC) -> bytes:
    """A file with this table, whatever it is."""
    head = [magic, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}]
    pickles = [*head, table, [storage.key for storage in storages]]
    numbers = [struct.pack("<q", s.numbers.size) + s.numbers.tobytes() for s in storages]
    return b"".join([*map(_pickled, pickles), *numbers])


def zip_of(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A whole file in today's layout, in which every array has a storage of its own."""
    storages = {n: Storage(str(i), array.ravel(), is_in_zip=True) for i, (n, array) in enumerate(arrays.items())}
    table = OrderedDict((name, tensor(storages[name], array.shape)) for name, array in arrays.items())
    return zip_with(table, list(storages.values()))


def zip_with(table: object, storages: list[Storage], *, byteorder: bytes = b"little") -> bytes:
    """A file in today's layout with this table, whatever it is."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("weights/data.pkl", _pickled(table))
        archive.writestr("weights/byteorder", byteorder)
        for storage in storages:
            archive.writestr(f"weights/data/{storage.key}", storage.numbers.tobytes())
        archive.writestr("weights/version", b"3\n")
    return file.getvalue()


def _pickled(value: object) -> bytes:
    return b"\x80\x02" + _opcodes(value) + pickle.STOP


def _opcodes(value: object) -> bytes:
    """Write by hand what pickle would only write for classes that can be imported here."""
    match value:
        case Named():
            return pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode()
        case Call():
            return _opcodes(value.named) + _opcodes(value.arguments) + pickle.REDUCE
        case Storage():
            return _opcodes(value.pid) + pickle.BINPERSID
        case tuple():
            return pickle.MARK + b"".join(map(_opcodes, value)) + pickle.TUPLE
        case list():
            return pickle.EMPTY_LIST + pickle.MARK + b"".join(map(_opcodes, value)) + pickle.APPENDS
        case OrderedDict():
            return _opcodes(Call(Named("collections", "OrderedDict"))) + _items(value)
        case dict():
            return pickle.EMPTY_DICT + _items(value)
    return pickle.dumps(value, 2)[2:-1]


def _items(value: Mapping[object, object]) -> bytes:
    return pickle.MARK + b"".join(_opcodes(k) + _opcodes(v) for k, v in value.items()) + pickle.SETITEMS
