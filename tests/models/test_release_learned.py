"""A release of anything learned comes back as it was, and nothing hostile gets past."""

import learned_release
import pytest

from models.release import LearnedRelease, load
from models.release_files import describe


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
