"""Files that are there whole or not at all."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.whole_files import write_secret, write_whole


@pytest.mark.parametrize("write", [write_whole, write_secret])
def test_a_file_takes_the_place_of_an_older_one_and_leaves_nothing_else(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(b"an older and longer one")
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_for_its_owner_only_even_where_all_could_read_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_secret(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
