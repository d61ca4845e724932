"""The files of a release folder: pinned by content, and read within bounds."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ReleaseInvalid
from schemas.releases import ReleaseFile

MANIFEST = "release.json"
ARRAYS = "arrays.npz"
CARD = "card.md"

MAX_FILE_BYTES = 64 * 2**20
MAX_ARRAYS = 1000
MAX_ARRAY_BYTES = 2**28
"""Of all arrays together, unpacked: several times what ten estimators on the longest texts take."""

_KINDS = "fiu"
"""Floats and whole numbers; nothing else is an array of a release."""

Arrays = Mapping[str, NDArray[np.generic]]


def describe(name: str, content: bytes) -> ReleaseFile:
    """Pin a file by its content."""
    return ReleaseFile(name=name, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def verified(file: ReleaseFile, folder: Path) -> bytes:
    """Read a file that must be what its description says.

    Raises
    ------
    ReleaseInvalid
        It is absent or altered.
    """
    content = read_file(folder / file.name)
    if describe(file.name, content) != file:
        raise ReleaseInvalid(
            f"{folder / file.name} is not the published file (sha256 differs); fetch the release again"
        )
    return content


def read_file(path: Path) -> bytes:
    """Read a whole file; raises `ReleaseInvalid` when it is absent or too large."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise ReleaseInvalid(f"{path} has {size_bytes} bytes, expected at most {MAX_FILE_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise ReleaseInvalid(f"{path} cannot be read: {error.strerror}; publish the release again") from error


def pack(arrays: Arrays) -> bytes:
    """Write arrays as one npz; the same arrays in the same order give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, NDArray[np.generic]]:
    """Read the arrays of an npz, none larger than it says, all finite numbers.

    Raises
    ------
    ReleaseInvalid
        The bytes are no such archive, or unpack to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            unpacked_bytes = sum(entry.file_size for entry in entries)
            if len(entries) > MAX_ARRAYS or unpacked_bytes > MAX_ARRAY_BYTES:
                raise ReleaseInvalid(f"{ARRAYS} holds {len(entries)} arrays of {unpacked_bytes} bytes: too much")
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry), entry) for entry in entries}
    except ReleaseInvalid:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds on bytes that are no archive
        raise ReleaseInvalid(f"{ARRAYS} does not hold the arrays of a release: {error}") from error


def _array(content: bytes, entry: zipfile.ZipInfo) -> NDArray[np.generic]:
    _check_size(content, entry.filename)
    array: NDArray[np.generic] = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ReleaseInvalid(f"array {entry.filename!r} of {ARRAYS} holds infinite or undefined numbers; train again")
    return array


def _check_size(content: bytes, name: str) -> None:
    """Compare the shape that the head promises with the bytes that are there, before anything is allocated."""
    head = io.BytesIO(content)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = read[np.lib.format.read_magic(head)](head)
    promised_bytes = dtype.itemsize * int(np.prod(shape, dtype=object))
    if dtype.kind not in _KINDS or promised_bytes != len(content) - head.tell():
        raise ReleaseInvalid(f"array {name!r} of {ARRAYS} is not {shape} numbers of {dtype}; fetch the release again")
