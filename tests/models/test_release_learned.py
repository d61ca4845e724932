"""A release of anything learned comes back as it was, and nothing hostile gets past."""

import json
import re
from pathlib import Path

import learned_release
import msgspec
import numpy as np
import pytest

from models.release import ARRAYS, MANIFEST, LearnedRelease, load
from models.release_files import MAX_ARRAY_BYTES, describe, pack
from schemas.errors import ReleaseInvalid


@pytest.mark.parametrize("only", [None, 0, 1, 2, 3])
def test_what_was_learned_comes_back_and_predicts_the_same_bytes(tmp_path, only):
    written = learned_release.release(only=only)
    read = load(learned_release.release_folder(tmp_path, only=only))
    assert isinstance(read, LearnedRelease)
    examples = learned_release.taught().examples
    assert read.fitted.predict(examples).tobytes() == written.fitted.predict(examples).tobytes()
    assert read.difficulty.of(examples).tobytes() == written.difficulty.of(examples).tobytes()
    values = read.fitted.predict(examples)
    assert read.calibrator.chances(values).tobytes() == written.calibrator.chances(values).tobytes()
    assert (read.errors.low, read.errors.high, read.errors.level) == (written.errors.low, written.errors.high, 0.9)


def test_learning_again_gives_the_same_files(tmp_path):
    one = learned_release.release_folder(tmp_path / "one")
    learned_release.learned.cache_clear()
    other = learned_release.release_folder(tmp_path / "other")
    for path in one.iterdir():
        assert describe(path.name, path.read_bytes()) == describe(path.name, (other / path.name).read_bytes())


def rewritten(folder: Path, *, manifest=lambda m: None, arrays=lambda a: None) -> Path:
    """Alter a release as somebody would who also mends the hashes."""
    with np.load(folder / ARRAYS) as archive:
        held = {name: archive[name] for name in archive.files}
    arrays(held)
    content = pack(held)
    (folder / ARRAYS).write_bytes(content)
    said = json.loads((folder / MANIFEST).read_text())
    pinned = msgspec.to_builtins(describe(ARRAYS, content))
    said["files"] = [pinned if f["name"] == ARRAYS else f for f in said["files"]]
    manifest(said)
    (folder / MANIFEST).write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(format=3),
        lambda m: m.update(kind="multilabel"),
        lambda m: m["fitted"].update(kind="oracle"),
        lambda m: m["fitted"].update(kind="stack"),
        lambda m: m["fitted"].update(parameters={}),
        lambda m: m["fitted"]["parameters"].update(intercept="high", mean="high"),
        lambda m: m["fitted"]["parameters"].update(intercept=1e300),
        lambda m: m["difficulty"].update(kind="phrasing"),
        lambda m: m["layout"]["blocks"].pop(),
        lambda m: m.update(constant=1e300),
        lambda m: m.update(limits=[5.0, 1.0]),
        lambda m: m.update(limits=None, interval_low=None),
        lambda m: m.pop("difficulty_mean"),
        lambda m: m.update(files=[]),
    ],
)
def test_a_manifest_that_does_not_fit_its_arrays_is_refused(tmp_path, change):
    folder = rewritten(learned_release.release_folder(tmp_path, only=0), manifest=change)
    with pytest.raises(ReleaseInvalid):
        load(folder)


@pytest.mark.parametrize(
    ("only", "name", "change"),
    [
        (0, "fitted/weights", lambda a: a[:-1]),
        (0, "errors", lambda a: a[::-1].copy()),
        (0, "errors", lambda a: a[:5]),
        (0, "errors", lambda a: np.full_like(a, np.inf)),
        (0, "calibrator/sigmoid", lambda a: a[:1]),
        (1, "fitted/centres_0", lambda a: a[:, :-1]),
        (1, "fitted/heights_0", lambda a: a[:-1]),
        (1, "fitted/heights_0", lambda a: a * 1e300),
        (2, "fitted/buckets", lambda a: a[::-1].copy()),
        (2, "fitted/rarity", lambda a: a[:3]),
        (2, "fitted/weights", lambda a: a[:3]),
        (3, "fitted/axes_0", lambda a: a[:-1]),
        (3, "fitted/model", lambda a: a[:1000]),
        (3, "fitted/model", lambda a: np.zeros(0, np.uint8)),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(tmp_path, only, name, change):
    folder = learned_release.release_folder(tmp_path, only=only)
    with pytest.raises(ReleaseInvalid):
        load(rewritten(folder, arrays=lambda a: a.update({name: change(a[name])})))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"split_feature=\d+", "split_feature=9999"),
        (r"split_feature=\d+", "split_feature=-9"),
        (r"left_child=-?\d+", "left_child=77777"),
        (r"left_child=-?\d+", "left_child=0"),
        (r"right_child=-?\d+", "right_child=-77777"),
        (r"num_leaves=\d+", "num_leaves=3000"),
        (r"num_cat=0", "num_cat=4"),
        (r"is_linear=0", "is_linear=1"),
        (r"decision_type=2", "decision_type=1"),
        (r"decision_type=2", "decision_type=6"),
        (r"leaf_count=\d+", "leaf_count=-1"),
        (r"leaf_value=\S+", "leaf_value=nan"),
        (r"tree_sizes=\d", "tree_sizes=9"),
        (r"max_feature_idx=\d+", "max_feature_idx=1"),
        (r"num_class=1", "num_class=7"),
        (r"shrinkage=", "left_child="),
    ],
)
def test_trees_that_are_none_or_lead_where_nothing_is_are_refused(tmp_path, old, new):
    def alter(arrays):
        text = arrays["fitted/model"].tobytes().decode()
        assert re.search(old, text)
        arrays["fitted/model"] = np.frombuffer(sized(re.sub(old, new, text, count=1)).encode(), np.uint8)

    folder = rewritten(learned_release.release_folder(tmp_path, only=3), arrays=alter)
    with pytest.raises(ReleaseInvalid):
        load(folder)


def sized(text: str) -> str:
    """Mend the sizes of trees, as somebody would who knows the format; unless they are what was altered."""
    if "tree_sizes=9" in text:
        return text
    starts = [m.start() for m in re.finditer(r"^Tree=\d+$", text, re.MULTILINE)]
    ends = [*starts[1:], text.index("end of trees")]
    sizes = " ".join(str(end - start) for start, end in zip(starts, ends, strict=True))
    return re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", text, flags=re.MULTILINE)


def test_trees_as_they_were_written_are_taken(tmp_path):
    folder = rewritten(learned_release.release_folder(tmp_path, only=3))
    assert load(folder).manifest.fitted.kind == "trees"


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    folder = learned_release.release_folder(tmp_path, only=0)
    with pytest.raises(ReleaseInvalid, match="too much"):
        load(rewritten(folder, arrays=lambda a: a.update(more=np.zeros(MAX_ARRAY_BYTES + 1, np.uint8))))


def test_the_manifest_says_what_was_learned_and_what_it_is_worth(tmp_path):
    manifest = load(learned_release.release_folder(tmp_path)).manifest
    assert (manifest.target_version, manifest.measure, manifest.groups) == (3, "share", 40)
    assert manifest.window_s == (1.6e9, 1.7e9)
    assert manifest.probability_of == learned_release.TARGET.success
    assert {"mse", "mse_constant", "coverage_90", "ece", "r2_low"} <= manifest.metrics.keys()
    assert {"constant", "ridge", manifest.estimator} <= manifest.candidates.keys()


def test_a_percentile_keeps_what_it_is_a_percentile_of(tmp_path):
    folder = learned_release.release_folder(tmp_path, reference=np.arange(1001.0))
    reference = load(folder).reference
    assert reference.shape == (400,)
    assert reference[200] == pytest.approx(501.25)
