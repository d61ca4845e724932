"""Weights come out of a torch file as arrays; anything else that such a file could do does not happen."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from torch_bytes import Call, Named, Storage, file_of, file_with, tensor, zip_of, zip_with

from models.torch_file import read_tensors
from schemas.errors import WeightsMissing

ARRAYS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "norm.bias": np.array([0.5, -1.0], np.float32),
    "norm.num_batches_tracked": np.array(7, np.int64),
}


def _read(folder: Path, data: bytes) -> dict[str, np.ndarray]:
    path = folder / "weights.pth"
    path.write_bytes(data)
    return read_tensors(path)


@pytest.mark.parametrize("write", [file_of, zip_of])
def test_every_array_comes_back_as_it_was(tmp_path: Path, write) -> None:
    read = _read(tmp_path, write(ARRAYS))
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


def test_tensors_may_be_windows_on_one_storage(tmp_path: Path) -> None:
    storage = Storage("0", np.arange(12, dtype=np.float32))
    turned = tensor(storage, (3, 2), offset=4, strides=(1, 4))
    table = OrderedDict(all=tensor(storage, (3, 4)), turned=turned)
    read = _read(tmp_path, file_with(table, [storage]))
    np.testing.assert_array_equal(read["turned"], np.arange(12).reshape(3, 4)[1:, :3].T)
    read["turned"][:] = 0  # a copy: the other tensor keeps its numbers
    np.testing.assert_array_equal(read["all"].ravel(), np.arange(12))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_qtensor"),
        ("collections", "namedtuple"),
        ("models.torch_file", "Path"),
    ],
)
def test_a_file_that_names_anything_else_is_refused_before_it_runs(tmp_path: Path, module: str, name: str) -> None:
    trap = tmp_path / "it-ran"
    call = Call(Named(module, name), f"touch {trap}")
    for table in (call, OrderedDict(x=call), OrderedDict(x=tensor(call, (1,)))):
        for data in (file_with(table, []), zip_with(table, [])):
            with pytest.raises(WeightsMissing, match=f"names {module}.{name}.*not run"):
                _read(tmp_path, data)
    assert not trap.exists()


def test_the_trap_would_work_without_the_reader(tmp_path: Path) -> None:
    """Otherwise the test before proves nothing."""
    import pickle

    trap = tmp_path / "it-ran"
    data = file_with(Call(Named("os", "system"), f"touch {trap}"), [])
    start = data.index(b"cos\nsystem") - 2
    pickle.loads(data[start:])
    assert trap.exists()


STORAGE = Storage("0", np.arange(4, dtype=np.float32))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (tensor(STORAGE, (2, 2)), "table of named tensors"),
        (OrderedDict(x=1), "table of named tensors"),
        (OrderedDict({1: tensor(STORAGE, (4,))}), "table of named tensors"),
        (OrderedDict(x=tensor(STORAGE, (5,))), "reaches beyond"),
        (OrderedDict(x=tensor(STORAGE, (4,), offset=1)), "reaches beyond"),
        (OrderedDict(x=tensor(STORAGE, (2, 2), strides=(3, 1))), "reaches beyond"),
        (OrderedDict(x=tensor(STORAGE, (2**40,), strides=(0,))), "reaches beyond"),
        (OrderedDict(x=tensor(STORAGE, (2, 2), strides=(1,))), "cannot have strides"),
        (OrderedDict(x=tensor(STORAGE, (2,), offset=-1)), "a tensor over a storage"),
        (OrderedDict(x=tensor(STORAGE, (2,), strides=(-1,))), "a tensor over a storage"),
        (OrderedDict(x=Call(Named("torch._utils", "_rebuild_tensor_v2"), 1, 2)), "a tensor over a storage"),
        (OrderedDict(x=tensor(Storage("0", STORAGE.numbers, size=3), (2,))), "cut off"),
        (OrderedDict(x=tensor(Storage("9", STORAGE.numbers), (2,))), "exactly the storages"),
    ],
)
def test_a_tensor_that_cannot_be_is_refused(tmp_path: Path, table: object, message: str) -> None:
    with pytest.raises(WeightsMissing, match=message):
        _read(tmp_path, file_with(table, [STORAGE]))


ZIPPED = Storage("0", STORAGE.numbers, is_in_zip=True)


@pytest.mark.parametrize(
    ("table", "storages", "byteorder", "message"),
    [
        (tensor(ZIPPED, (2, 2)), [ZIPPED], b"little", "table of named tensors"),
        (OrderedDict(x=tensor(ZIPPED, (5,))), [ZIPPED], b"little", "reaches beyond"),
        (OrderedDict(x=tensor(ZIPPED, (4,))), [], b"little", "no item named 'weights/data/0'"),
        (OrderedDict(x=tensor(ZIPPED, (4,))), [Storage("0", STORAGE.numbers[:3])], b"little", "cut off"),
        (OrderedDict(x=tensor(ZIPPED, (4,))), [ZIPPED], b"big", "little-endian"),
    ],
)
def test_a_zip_that_cannot_be_is_refused(
    tmp_path: Path, table: object, storages: list[Storage], byteorder: bytes, message: str
) -> None:
    with pytest.raises(WeightsMissing, match=message):
        _read(tmp_path, zip_with(table, storages, byteorder=byteorder))


@pytest.mark.parametrize("magic", [0, "torch", None])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, magic: object) -> None:
    with pytest.raises(WeightsMissing, match="before version"):
        _read(tmp_path, file_with(OrderedDict(), [], magic=magic))


@pytest.mark.parametrize("write", [file_of, zip_of])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, write) -> None:
    data = write(ARRAYS)
    for length in range(0, len(data), 7):
        with pytest.raises(WeightsMissing):
            _read(tmp_path, data[:length])


def test_noise_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    for _ in range(300):
        with pytest.raises(WeightsMissing):
            _read(tmp_path, noise.bytes(200))
