"""A release on disk: ``release.json``, its arrays in one npz, and a card. Never pickle."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.conformal import GRID, ErrorDistribution
from models.layout import PLACES, Layout, topic_of
from models.ridge import Ridge
from schemas.errors import ReleaseInvalid
from schemas.releases import ReleaseFile, ReleaseId, TargetName

MANIFEST = "release.json"
ARRAYS = "arrays.npz"
CARD = "card.md"

FORMAT = 1
"""What this version writes, and the only one it reads."""

MAX_FILE_BYTES = 64 * 2**20
MAX_COLUMNS = 100_000

_SHAPES = ("mean", "weights", "low", "high")


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``release.json`` says.

    Attributes
    ----------
    kind, estimator : str
        What is predicted, and how; others than these are refused.
    limits : tuple of float or None
        Smallest and largest possible value of the target.
    constant : float
        What the baseline says for every video: the training mean.
    threshold, probability_of
        A probability is that of a value above `threshold`; empty `probability_of` means none.
    training : dict
        Facts about the table: rows, groups, source, window.
    metrics : dict
        Cross-validated on unseen groups, the constant's beside each error.
    stages : dict
        Versions of the stages the features came from.
    caveats : tuple of str
        What everyone who reads a prediction should know.
    files : tuple
        All other files of the folder, pinned by content.
    """

    format: Literal[1]
    target: TargetName
    release_id: ReleaseId
    kind: Literal["regression"]
    estimator: Literal["ridge"]
    unit: str
    layout: Layout
    intercept: float
    constant: float
    level: float
    interval_low: float
    interval_high: float
    trained_at_s: float
    rows: int
    beats_constant: bool
    files: tuple[ReleaseFile, ...]
    penalty: float = 0.0
    limits: tuple[float, float] | None = None
    threshold: float = 0.0
    probability_of: str = ""
    training: dict[str, str] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    stages: dict[str, str] = msgspec.field(default_factory=dict)
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release:
    """A release in memory, ready to predict."""

    manifest: Manifest
    ridge: Ridge
    errors: ErrorDistribution
    card: str = ""


def save(release: Release, folder: Path) -> Manifest:
    """Write a release into an empty or new folder, and give the manifest with the files' hashes.

    The same release always gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {ARRAYS: _arrays(release), CARD: release.card.encode()}
    files = tuple(describe(name, content) for name, content in contents.items())
    manifest = msgspec.structs.replace(release.manifest, files=files)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return manifest


def load(folder: Path) -> Release:
    """Read and verify a release.

    Raises
    ------
    ReleaseInvalid
        A file is absent, altered or too large; a format, kind or block this version does not know;
        arrays of the wrong shape.
    """
    manifest = read_manifest(folder)
    contents = {file.name: verified(file, folder) for file in manifest.files}
    arrays = _read_arrays(contents.get(ARRAYS, b""))
    _check_shapes(arrays, manifest.layout)
    ridge = Ridge(arrays["mean"], arrays["weights"], arrays["low"], arrays["high"], manifest.intercept)
    errors = ErrorDistribution(arrays["errors"], manifest.interval_low, manifest.interval_high, manifest.level)
    return Release(manifest, ridge, errors, contents.get(CARD, b"").decode("utf-8", "replace"))


def read_manifest(folder: Path) -> Manifest:
    """Read ``release.json`` alone; raises `ReleaseInvalid`."""
    content = _read(folder / MANIFEST)
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise ReleaseInvalid(f"{folder / MANIFEST} is no release of format {FORMAT}: {error}") from error
    _check_layout(manifest.layout)
    return manifest


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
    content = _read(folder / file.name)
    if describe(file.name, content) != file:
        raise ReleaseInvalid(
            f"{folder / file.name} is not the published file (sha256 differs); fetch the release again"
        )
    return content


def _read(path: Path) -> bytes:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise ReleaseInvalid(f"{path} has {size_bytes} bytes, expected at most {MAX_FILE_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise ReleaseInvalid(f"{path} cannot be read: {error.strerror}; publish the release again") from error


def _check_layout(layout: Layout) -> None:
    for block in layout.blocks:
        topic_of(block)
        if block.size < 1 or (block.place in PLACES[2:] and block.size != 1):
            raise ReleaseInvalid(f"block {block.name!r} cannot have {block.size} columns")
    if not 0 < layout.columns <= MAX_COLUMNS:
        raise ReleaseInvalid(f"expected 1 to {MAX_COLUMNS} columns, got {layout.columns}")


def _arrays(release: Release) -> bytes:
    ridge, buffer = release.ridge, io.BytesIO()
    np.savez_compressed(
        buffer,
        mean=ridge.mean,
        weights=ridge.weights,
        low=ridge.low,
        high=ridge.high,
        errors=release.errors.quantiles,
    )
    return buffer.getvalue()


def _read_arrays(content: bytes) -> dict[str, NDArray[np.float64]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in (*_SHAPES, "errors")}
    except Exception as error:  # numpy and zipfile raise many kinds on bytes that are no archive
        raise ReleaseInvalid(f"{ARRAYS} does not hold the arrays of a release: {error}") from error


def _check_shapes(arrays: dict[str, NDArray[np.float64]], layout: Layout) -> None:
    for name, array in arrays.items():
        expected = (GRID if name == "errors" else layout.columns,)
        if array.dtype != np.float64 or array.shape != expected or not np.isfinite(array).all():
            raise ReleaseInvalid(f"array {name!r}: expected {expected} finite float64, got {array.shape} {array.dtype}")
