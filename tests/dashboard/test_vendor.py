import hashlib
import tomllib
from pathlib import Path

import pytest

import dashboard

FOLDER = Path(dashboard.__file__).parent / "static/vendor"
PINNED = tomllib.loads((FOLDER / "vendor.toml").read_text())


@pytest.mark.parametrize("name", sorted(PINNED))
def test_what_others_wrote_is_what_was_pinned_and_has_its_licence(name: str) -> None:
    pinned = PINNED[name]
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == pinned["sha256"]
    assert (FOLDER / pinned["licence_file"]).read_text().strip()


def test_nothing_lies_there_that_is_not_pinned() -> None:
    known = {"vendor.toml", *PINNED, *(pinned["licence_file"] for pinned in PINNED.values())}
    assert {path.name for path in FOLDER.iterdir()} == known
