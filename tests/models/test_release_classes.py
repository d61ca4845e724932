"""A release of classes on disk: whatever has been altered in it is refused before a scorer uses it."""

from collections.abc import Callable
from pathlib import Path

import class_release
import msgspec
import numpy as np
import pytest

from models.release import MANIFEST, load, save
from models.release_files import ARRAYS, describe, pack, unpack
from schemas.errors import ReleaseInvalid

Arrays = dict[str, np.ndarray]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return class_release.folder(tmp_path / "c1")


def altered(folder: Path, arrays: Callable[[Arrays], Arrays], **fields: object) -> Path:
    """Change arrays and fields, and pin them again as somebody would who knows how."""
    content = pack(arrays(dict(unpack((folder / ARRAYS).read_bytes()))))
    (folder / ARRAYS).write_bytes(content)
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes())
    pinned = describe(ARRAYS, content)
    files = [msgspec.to_builtins(pinned) if file["name"] == ARRAYS else file for file in manifest["files"]]
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest | fields | {"files": files}))
    return folder


def test_a_release_written_and_read_again_has_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    save(load(folder), tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: {name: array for name, array in arrays.items() if name != "classifier/weights"},
        lambda arrays: arrays | {"classifier/weights": arrays["classifier/weights"][1:]},
        lambda arrays: arrays | {"classifier/weights": arrays["classifier/weights"] * 1e300},
        lambda arrays: arrays | {"classifier/offsets": np.zeros(3)},
        lambda arrays: {name: array for name, array in arrays.items() if not name.startswith("calibrator/1/")},
        lambda arrays: arrays | {"calibrator/0/sigmoid": np.zeros(3)},
        lambda arrays: arrays | {"classifier/buckets": np.array([5, 4], np.int32), "classifier/rarity": np.ones(2)},
        lambda arrays: arrays | {"classifier/buckets": np.array([-1, 4], np.int32), "classifier/rarity": np.ones(2)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(folder: Path, change: Callable[[Arrays], Arrays]) -> None:
    with pytest.raises(ReleaseInvalid):
        load(altered(folder, change))


def classes_of(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = msgspec.json.decode((folder / MANIFEST).read_bytes())["classes"]
    return found


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"estimator": "oracle"}, "expected one of text match"),
        ({"estimator": "neighbours"}, "lacks array"),
        ({"classes": []}, "1 to 500 different classes"),
        ({"layout": {"blocks": []}}, "1 to 100000 columns"),
        ({"layout": {"blocks": [{"name": "smells/all", "size": 3}]}}, "does not know"),
        ({"kind": "oracle"}, "no release of format"),
        ({"rows": "many"}, "no release of format"),
    ],
)
def test_a_manifest_that_says_what_cannot_be_is_refused(folder: Path, fields: dict[str, object], message: str) -> None:
    with pytest.raises(ReleaseInvalid, match=message):
        load(altered(folder, lambda arrays: arrays, **fields))


@pytest.mark.parametrize(("name", "value"), [("base_rate", 1.5), ("likely_from", -0.1), ("name", "halloween")])
def test_a_class_that_cannot_be_is_refused(folder: Path, name: str, value: object) -> None:
    first, *others = classes_of(folder)
    with pytest.raises(ReleaseInvalid):
        load(altered(folder, lambda arrays: arrays, classes=[first | {name: value}, *others]))
