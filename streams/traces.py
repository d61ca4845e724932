"""What must not be found any more after an erasure, and looking for it in bytes."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any  # Any: JSON

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import Vector

NEAR_COSINE = 1e-3
"""A copy that was rounded or averaged is this near; another face of the same person is not."""

LARGEST_ENTRY = 10.0
"""Bytes that are larger as a number belong to something else: entries of a face's vector stay below 1."""

SHORTEST_BARE_BYTES = 4
"""A shorter name is found in everything, so only as a whole quoted text: that is how our records keep names."""

LONGEST_DOUBTFUL_BYTES = 8
"""A name as short as this may be a part of another word; only by itself does it count."""

LEAST_ENERGY = 1e-4
"""Sum of squares; what has less is no vector of a face: those have about 2."""

_WINDOWS_AT_ONCE = 2**15

_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}")
_LETTERS = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Traces(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was erased.

    Attributes
    ----------
    names : tuple of str
        Of a person; of a video its title, description, address and file name.
    refs : tuple of str
        Places in the media store. One that ends in a slash stands for everything below it.
    """

    names: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    vectors: tuple[Vector, ...] = ()


class Search:
    """Looks for traces; made once for many places."""

    def __init__(self, traces: Traces) -> None:
        self._names = sorted({written for name in traces.names for written in _spelt(name)})
        self._refs = [ref.encode() for ref in traces.refs]
        self._stem = _stem(self._refs)
        rows = [_numbers(vector) for vector in traces.vectors]
        self._dim = rows[0].size if rows else 0
        self._rows = _units(np.stack(rows)) if rows else np.zeros((0, 0))
        self._exact = dict(_exact(traces.vectors))

    def in_path(self, path: str) -> str | None:
        """Say what is found in where a file lies: a picture that was erased may lie there still."""
        return self._in_words(f"/{path}".encode())

    def in_bytes(self, data: bytes) -> str | None:
        """Say what is found in raw bytes: words, exact vectors as numbers or as text, near vectors as numbers."""
        return self._exactly(data) or ("a vector nearly the same" if self._has_near(data) else None)

    def in_record(self, data: bytes) -> str | None:
        """Say what is found in a record: in its bytes, and in every vector and nested record of its JSON."""
        found = self._exactly(data)
        if found or not data.startswith((b"{", b"[")):
            return found
        try:
            content = json.loads(data)
        except ValueError:
            return None
        return next((what for what in self._in_json(content) if what), None)

    def _exactly(self, data: bytes) -> str | None:
        return self._in_words(data) or next((what for word, what in self._exact.items() if word in data), None)

    def _in_words(self, data: bytes) -> str | None:
        if any(_has_word(data, name) for name in self._names):
            return "a name"
        has_stem = bool(self._refs) and self._stem in data  # thousands of references begin alike
        return "a reference" if has_stem and any(ref in data for ref in self._refs) else None

    def _in_json(self, value: Any) -> Iterator[str | None]:
        if isinstance(value, dict):
            yield self._near(value)
            for part in value.values():
                yield from self._in_json(part)
        elif isinstance(value, list):
            for part in value:
                yield from self._in_json(part)
        elif isinstance(value, str) and (nested := _nested(value)):
            yield self.in_record(nested)

    def _near(self, value: dict[str, Any]) -> str | None:
        """Hold a vector, or the mean of a pooled one, against the erased ones."""
        numbers = _packed(value)
        if numbers is None or numbers.size != self._dim:
            return None
        return "a vector nearly the same" if self._is_near(numbers[None, :].astype(np.float64)) else None

    def _has_near(self, data: bytes) -> bool:
        """Try every place at which float32 numbers could begin; the zeros at the end of a file laid out in advance hold none."""
        width_bytes = 4 * self._dim
        data = data[: len(data.rstrip(b"\0")) + 4]
        for shift in range(4) if self._dim and len(data) >= width_bytes else ():
            count = (len(data) - shift) // 4
            if count < self._dim:
                continue
            if self._slides_near(np.frombuffer(data, "<f4", count, shift)):
                return True
        return False

    def _slides_near(self, numbers: NDArray[np.float32]) -> bool:
        """Hold every stretch of numbers against the vectors, where it can be one at all."""
        is_sane = np.abs(numbers) < LARGEST_ENTRY  # NaN is not smaller
        squares = np.where(is_sane, numbers, np.float32(0)).astype(np.float64) ** 2
        odd, energy = (np.concatenate([[0.0], np.cumsum(part)]) for part in (~is_sane, squares))
        could_be = (odd[self._dim :] == odd[: -self._dim]) & (energy[self._dim :] - energy[: -self._dim] > LEAST_ENERGY)
        windows, places = np.lib.stride_tricks.sliding_window_view(numbers, self._dim), np.flatnonzero(could_be)
        parts = (places[at : at + _WINDOWS_AT_ONCE] for at in range(0, len(places), _WINDOWS_AT_ONCE))
        return any(self._is_near(windows[part].astype(np.float64)) for part in parts)

    def _is_near(self, rows: NDArray[np.float64]) -> bool:
        return bool(np.any(_units(rows) @ self._rows.T > 1 - NEAR_COSINE))


def _stem(refs: list[bytes]) -> bytes:
    """What all references begin with."""
    first, last = (min(refs), max(refs)) if refs else (b"", b"")
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def _spelt(name: str) -> Iterator[bytes]:
    """A name as it may lie in a file: as it is, and as JSON writes it."""
    spellings = {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]}
    is_short = len(name.encode()) < SHORTEST_BARE_BYTES
    return ((f'"{written}"' if is_short else written).encode() for written in spellings)


def _has_word(data: bytes, word: bytes) -> bool:
    """Whether a word stands in `data` by itself: Ann is not in Annual."""
    at = data.find(word)
    while at >= 0:
        around = (*data[max(0, at - 1) : at], *data[at + len(word) : at + len(word) + 1])
        if len(word) > LONGEST_DOUBTFUL_BYTES or _LETTERS.isdisjoint(around):
            return True
        at = data.find(word, at + 1)
    return False


def _exact(vectors: tuple[Vector, ...]) -> Iterator[tuple[bytes, str]]:
    for vector in vectors:
        yield vector.data, "a vector"
        yield base64.b64encode(vector.data).rstrip(b"=")[:-1], "a vector as text"


def _numbers(vector: Vector) -> NDArray[np.float64]:
    kind = "<f2" if vector.dtype == "float16" else "<f4"
    return np.frombuffer(vector.data, kind).astype(np.float64)


def _packed(value: dict[str, Any]) -> NDArray[Any] | None:
    """Read what looks like a `Vector` or a `PooledVector`."""
    data, kind = (value.get("data"), value.get("dtype")) if "data" in value else (value.get("sums"), "<i8")
    kinds = {"float16": "<f2", "float32": "<f4", "<i8": "<i8"}
    if not isinstance(data, str) or kind not in kinds:
        return None
    try:
        return np.frombuffer(base64.b64decode(data), kinds[kind])
    except ValueError:
        return None


def _nested(text: str) -> bytes:
    """Bytes inside a record, as in a dead letter; empty when there are none."""
    if not _BASE64.fullmatch(text):
        return b""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _units(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    units: NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return units
