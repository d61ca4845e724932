import io
import json
import pickle
import zipfile

import fitted
import msgspec
import numpy as np
import pytest

from models.layout import Block, Layout
from models.release import ARRAYS, MANIFEST, load, read_manifest, save
from schemas.errors import ReleaseInvalid
from streams.storage.releases import STARTERS


@pytest.fixture
def folder(tmp_path):
    return fitted.release_folder(tmp_path / "release")


def rewrite(folder, change, arrays=None):
    """Alter a release as somebody would who also mends the hashes."""
    content = (folder / ARRAYS).read_bytes() if arrays is None else arrays
    (folder / ARRAYS).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_text())
    from models.release import describe

    described = msgspec.to_builtins(describe(ARRAYS, content))
    manifest["files"] = [described if f["name"] == ARRAYS else f for f in manifest["files"]]
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_release_comes_back_as_it_was_written(folder):
    written, read = fitted.release(), load(folder)
    assert read.ridge.weights.tobytes() == written.ridge.weights.tobytes()
    assert read.errors.quantiles.tobytes() == written.errors.quantiles.tobytes()
    assert msgspec.structs.replace(read.manifest, files=()) == written.manifest
    assert read.card == "# made up\n"


def test_the_same_release_is_the_same_bytes(folder, tmp_path):
    again = fitted.release_folder(tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


@pytest.mark.parametrize("name", [ARRAYS, "card.md"])
def test_an_altered_file_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ReleaseInvalid, match="sha256"):
        load(folder)


@pytest.mark.parametrize("name", [ARRAYS, MANIFEST])
def test_an_absent_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(ReleaseInvalid, match="cannot be read"):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(format=2),
        lambda m: m.update(kind="oracle"),
        lambda m: m.update(estimator="forest"),
        lambda m: m.update(target="../elsewhere"),
        lambda m: m.update(release_id="../elsewhere"),
        lambda m: m.pop("layout"),
        lambda m: m["files"][0].update(name="../../etc/passwd"),
        lambda m: m["layout"]["blocks"][0].update(name="smell/rose"),
        lambda m: m["layout"]["blocks"][0].update(size=-1),
        lambda m: m["layout"]["blocks"][0].update(size=10**9),
        lambda m: m.update(files=[]),
    ],
)
def test_a_manifest_of_another_kind_is_refused(folder, change):
    rewrite(folder, change)
    with pytest.raises(ReleaseInvalid):
        load(folder)


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def pickled() -> bytes:
    array = io.BytesIO()
    np.lib.format.write_array(array, np.array([Bomb()], object), allow_pickle=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for name in ("mean", "weights", "low", "high", "errors"):
            files.writestr(f"{name}.npy", array.getvalue())
    return archive.getvalue()


@pytest.mark.parametrize(
    "arrays",
    [
        b"no archive",
        npz(mean=np.zeros(3)),
        npz(**dict.fromkeys(("mean", "weights", "low", "high", "errors"), np.zeros(3))),
        pickled(),
        pickle.dumps(Bomb()),
    ],
    ids=["not a zip", "arrays missing", "wrong shapes", "objects inside", "a pickle"],
)
def test_arrays_that_are_not_a_releases_are_refused(folder, arrays):
    rewrite(folder, lambda m: None, arrays)
    with pytest.raises(ReleaseInvalid):
        load(folder)


def test_weights_that_are_not_numbers_are_refused(folder):
    with np.load(folder / ARRAYS) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["weights"][0] = np.nan
    rewrite(folder, lambda m: None, npz(**arrays))
    with pytest.raises(ReleaseInvalid, match="weights"):
        load(folder)


def test_a_layout_without_columns_cannot_be_used(tmp_path):
    empty = fitted.release(layout=Layout(()))
    save(empty, tmp_path)
    with pytest.raises(ReleaseInvalid, match="columns"):
        read_manifest(tmp_path)


def test_a_field_of_a_later_version_does_no_harm(folder):
    rewrite(folder, lambda m: m.update(mood="sunny"))
    assert load(folder).manifest.release_id == "r1"


@pytest.mark.parametrize("starter", sorted(STARTERS.iterdir()), ids=lambda path: path.name)
def test_a_starter_is_small_verified_and_says_how_little_it_knows(starter):
    release = load(starter)
    assert sum(path.stat().st_size for path in starter.iterdir()) < 300_000
    assert release.manifest.beats_constant
    assert Block("video/text", 384) in release.manifest.layout.blocks
    assert 0.85 < release.manifest.metrics["coverage_90"] < 0.95
    assert "What it does not know" in release.card
    assert "2017" in release.card
