"""A release on disk: ``release.json``, its arrays in one npz, and a card. Never pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.conformal import GRID, ErrorDistribution
from models.layout import Layout
from models.outcome_truth import Yardstick
from models.release_classes import ClassRelease, class_arrays, classes_from
from models.release_files import ARRAYS, CARD, MANIFEST, Arrays, describe, pack, unpack, verified
from models.release_learned import LearnedRelease, learned_arrays, learned_from, reference_among
from models.release_manifest import AnyManifest, ClassManifest, LearnedManifest, Manifest, read_manifest
from models.ridge import Ridge
from schemas.errors import ReleaseInvalid

__all__ = [
    "ARRAYS",
    "CARD",
    "MANIFEST",
    "AnyManifest",
    "AnyRelease",
    "ClassManifest",
    "ClassRelease",
    "LearnedManifest",
    "LearnedRelease",
    "Manifest",
    "NumberRelease",
    "Release",
    "describe",
    "load",
    "read_manifest",
    "save",
    "verified",
    "yardstick_of",
]

_SHAPES = ("mean", "weights", "low", "high")

_Some = TypeVar("_Some", Manifest, LearnedManifest, ClassManifest)


@dataclass(frozen=True)
class Release:
    """A ridge in memory, ready to predict."""

    manifest: Manifest
    ridge: Ridge
    errors: ErrorDistribution
    card: str = ""


NumberRelease: TypeAlias = Release | LearnedRelease
"""What says one number of a video."""

AnyRelease: TypeAlias = NumberRelease | ClassRelease


def save(release: AnyRelease, folder: Path) -> AnyManifest:
    """Write a release into an empty or new folder, and give the manifest with the files' hashes.

    The same release always gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {ARRAYS: pack(_arrays(release)), CARD: release.card.encode()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    if isinstance(release, LearnedRelease):
        return _write(release.manifest, contents, folder)
    if isinstance(release, ClassRelease):
        return _write(release.manifest, contents, folder)
    return _write(release.manifest, contents, folder)


def _write(manifest: _Some, contents: dict[str, bytes], folder: Path) -> _Some:
    files = tuple(describe(name, content) for name, content in contents.items())
    pinned = msgspec.structs.replace(manifest, files=files)
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(pinned), indent=2) + b"\n")
    return pinned


def load(folder: Path) -> AnyRelease:
    """Read and verify a release.

    Raises
    ------
    ReleaseInvalid
        A file is absent, altered or too large; a format, kind or block this version does not know;
        arrays of the wrong shape, or that give no predictions.
    """
    manifest = read_manifest(folder)
    contents = {file.name: verified(file, folder) for file in manifest.files}
    arrays = unpack(contents.get(ARRAYS, b""))
    card = contents.get(CARD, b"").decode("utf-8", "replace")
    if isinstance(manifest, LearnedManifest):
        return learned_from(manifest, arrays, card)
    if isinstance(manifest, ClassManifest):
        return classes_from(manifest, arrays, card)
    return _ridge_from(manifest, arrays, card)


def yardstick_of(folder: Path) -> Yardstick:
    """Read what a release says of how to measure a single video, without the rest of it.

    Raises
    ------
    ReleaseInvalid
        As for `load`.
    """
    manifest = read_manifest(folder)
    if isinstance(manifest, ClassManifest):
        return Yardstick()
    threshold = manifest.threshold if manifest.probability_of and manifest.kind == "regression" else None
    if not isinstance(manifest, LearnedManifest):
        return Yardstick(threshold=threshold)
    contents = {file.name: verified(file, folder) for file in manifest.files}
    reference = reference_among(unpack(contents.get(ARRAYS, b"")))
    return Yardstick(reference=reference, threshold=threshold, measure=manifest.measure, bars=manifest.bars)


def _ridge_from(manifest: Manifest, arrays: Arrays, card: str) -> Release:
    found = {name: _checked(name, arrays, manifest.layout) for name in (*_SHAPES, "errors")}
    ridge = Ridge(found["mean"], found["weights"], found["low"], found["high"], manifest.intercept)
    errors = ErrorDistribution(found["errors"], manifest.interval_low, manifest.interval_high, manifest.level)
    return Release(manifest, ridge, errors, card)


def _arrays(release: AnyRelease) -> Arrays:
    if isinstance(release, LearnedRelease):
        return learned_arrays(release)
    if isinstance(release, ClassRelease):
        return class_arrays(release)
    return {name: getattr(release.ridge, name) for name in _SHAPES} | {"errors": release.errors.quantiles}


def _checked(name: str, arrays: Arrays, layout: Layout) -> NDArray[np.float64]:
    expected = (GRID if name == "errors" else layout.columns,)
    array = arrays.get(name, np.zeros(0))
    if array.dtype != np.float64 or array.shape != expected:
        raise ReleaseInvalid(f"array {name!r}: expected {expected} finite float64, got {array.shape} {array.dtype}")
    return array.astype(np.float64, copy=False)
