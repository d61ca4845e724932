"""What must not be found any more after an erasure, and looking for it in bytes."""

import base64
import json
from collections.abc import Iterator
from typing import Any  # Any: JSON

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import Vector

NEAR_COSINE = 1e-3
"""A copy that was rounded or averaged is this near; another face of the same person is not."""

LARGEST_ENTRY = 1e3
"""Bytes that are larger as a number belong to something else."""

SHORTEST_NAME = 3
"""Shorter names are found in everything."""


class Traces(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The names, references and vectors of what was erased."""

    names: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    vectors: tuple[Vector, ...] = ()


class Search:
    """Looks for traces; made once for many places."""

    def __init__(self, traces: Traces) -> None:
        self._words = dict(_words(traces))
        rows = [_numbers(vector) for vector in traces.vectors]
        self._dim = rows[0].size if rows else 0
        self._rows = _units(np.stack(rows)) if rows else np.zeros((0, 0))
        self._exact = dict(_exact(traces.vectors))

    def in_bytes(self, data: bytes) -> str | None:
        """Say what is found in raw bytes: words, exact vectors as numbers or as text, near vectors as numbers."""
        for word, what in (*self._words.items(), *self._exact.items()):
            if word in data:
                return what
        return "a vector nearly the same" if self._has_near(data) else None

    def in_record(self, data: bytes) -> str | None:
        """Say what is found in a record: in its bytes, and in every vector and nested record of its JSON."""
        found = next((what for word, what in (*self._words.items(), *self._exact.items()) if word in data), None)
        if found or not data.startswith((b"{", b"[")):
            return found
        try:
            content = json.loads(data)
        except ValueError:
            return None
        return next((what for what in self._in_json(content) if what), None)

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
            numbers = np.frombuffer(data, "<f4", count, shift)
            sane = np.where(np.abs(numbers) < LARGEST_ENTRY, numbers, np.float32(0))  # NaN is not smaller
            if self._slides_near(sane.astype(np.float64)):
                return True
        return False

    def _slides_near(self, numbers: NDArray[np.float64]) -> bool:
        ones = np.ones(self._dim)
        lengths = np.sqrt(np.maximum(np.convolve(numbers**2, ones, "valid"), 1e-12))
        return any(bool(np.any(np.correlate(numbers, row, "valid") / lengths > 1 - NEAR_COSINE)) for row in self._rows)

    def _is_near(self, rows: NDArray[np.float64]) -> bool:
        return bool(np.any(_units(rows) @ self._rows.T > 1 - NEAR_COSINE))


def _words(traces: Traces) -> Iterator[tuple[bytes, str]]:
    for name in traces.names:
        if len(name) >= SHORTEST_NAME:
            for written in (name, json.dumps(name)[1:-1]):
                yield written.encode(), "a name"
    for ref in traces.refs:
        yield ref.encode(), "a reference"


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
    """A record inside a record, as in a dead letter; empty when this is none."""
    if not text.startswith(("eyJ", "W3", "ey")):
        return b""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _units(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    units: NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return units
