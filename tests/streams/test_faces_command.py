"""`groundswell faces compare` says who is who on two pictures, and on a table of pairs."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result
from frame_zips import jpeg_of
from portraits import NOBODY, head, on_wall, portrait
from typer.testing import CliRunner

from schemas.errors import MediaUnreadable, UsageError
from streams import settings as settings_module
from streams.commands.main import app
from streams.face_photos import read_pairs

Command = Callable[..., Result]


@pytest.fixture
def compare(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """The command, with the networks of the shared cache."""
    monkeypatch.setenv("GROUNDSWELL_CACHE", str(cache))
    settings_module.load.cache_clear()
    yield lambda *words: CliRunner().invoke(app, ["faces", "compare", *map(str, words)])
    settings_module.load.cache_clear()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures: two people, each twice, both, and nobody."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "pioneer"):
        (folder / f"{name}.jpg").write_bytes(jpeg_of(portrait(name)))
        mirrored = np.ascontiguousarray(portrait(name)[:, ::-1, ::-1])
        cv2.imwrite(str(folder / f"{name}-mirrored.png"), mirrored)
    (folder / "both.jpg").write_bytes(jpeg_of(on_wall(head("astronaut"), head("pioneer"))))
    (folder / "nobody.jpg").write_bytes(jpeg_of(NOBODY))
    (folder / "text.jpg").write_bytes(b"no picture")
    return folder


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("astronaut.jpg", "astronaut-mirrored.png", True),
        ("pioneer-mirrored.png", "pioneer.jpg", True),
        ("astronaut.jpg", "pioneer.jpg", False),
        ("both.jpg", "pioneer.jpg", True),
        ("astronaut.jpg", "both.jpg", True),
    ],
)
def test_two_pictures_are_compared(compare: Command, photos: Path, one: str, other: str, same: bool) -> None:
    result = compare(photos / one, photos / other, "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert said["same"] is same
    assert (said["distance"] < said["threshold"]) is same
    assert [Path(said[side]["path"]).name for side in "ab"] == [one, other]
    assert [len(said[side]["faces"]) for side in "ab"] == [2 if "both" in name else 1 for name in (one, other)]
    face = said["a"]["faces"][0]
    assert face["width_px"] > 40
    assert (0.5 < face["score"] < 1, 0.3 < face["quality"] <= 1, face["reasons"]) == (True, True, [])


def test_people_read_a_sentence(compare: Command, photos: Path) -> None:
    said = compare(photos / "both.jpg", photos / "pioneer.jpg").stdout
    assert "2 faces" in said
    assert "1 face (" in said
    assert "the same person: distance 0." in said
    assert "different people" in compare(photos / "astronaut.jpg", photos / "pioneer.jpg").stdout


def test_without_a_face_there_is_no_verdict_and_no_success(compare: Command, photos: Path) -> None:
    result = compare(photos / "astronaut.jpg", photos / "nobody.jpg", "--json")
    said = json.loads(result.stdout)
    assert (said["same"], said["distance"], said["b"]["faces"]) == (None, None, [])
    assert said["reason"].endswith("nobody.jpg")
    assert isinstance(result.exception, MediaUnreadable)


@pytest.mark.parametrize("other", ["text.jpg", "missing.jpg"])
def test_what_is_no_picture_is_said_by_name(compare: Command, photos: Path, other: str) -> None:
    result = compare(photos / "astronaut.jpg", photos / other)
    assert isinstance(result.exception, MediaUnreadable)
    assert other in str(result.exception)


@pytest.mark.parametrize("words", [(), ("one.jpg",), ("one.jpg", "two.jpg", "--pairs", "table.csv")])
def test_what_to_compare_must_be_clear(compare: Command, words: tuple[str, ...]) -> None:
    assert isinstance(compare(*words).exception, UsageError)


def _table(folder: Path, *rows: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("header", [(), ("left,right",), ("file_x,file_y,Decision",)], ids=["none", "two", "three"])
def test_each_row_of_a_table_is_one_object(compare: Command, photos: Path, header: tuple[str, ...]) -> None:
    rows = ("astronaut.jpg,astronaut-mirrored.png", "astronaut.jpg,pioneer.jpg", '"both.jpg", pioneer.jpg,Yes')
    result = compare("--pairs", _table(photos, *header, *rows))
    assert result.exit_code == 0
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [pair["same"] for pair in said] == [True, False, True]
    assert [(pair["a"], pair["b"]) for pair in said][1:] == [
        ("astronaut.jpg", "pioneer.jpg"),
        ("both.jpg", "pioneer.jpg"),
    ]
    assert all(pair.keys() == {"a", "b", "distance", "same"} for pair in said)


def test_a_row_that_cannot_be_compared_does_not_stop_the_others(compare: Command, photos: Path) -> None:
    rows = ("astronaut.jpg,missing.jpg", "nobody.jpg,pioneer.jpg", "pioneer.jpg,pioneer-mirrored.png")
    result = compare("--pairs", _table(photos, *rows))
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [pair["same"] for pair in said] == [None, None, True]
    assert "missing.jpg" in said[0]["reason"]
    assert "no face" in said[1]["reason"]
    assert isinstance(result.exception, MediaUnreadable)
    assert "2 of 3 pairs" in str(result.exception)


def test_an_empty_table_says_nothing(compare: Command, tmp_path: Path) -> None:
    result = compare("--pairs", _table(tmp_path, ""))
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("content", [b"only-one-column\n", b"a.jpg,b.jpg\nc.jpg\n", b"\xff\xfe\x00bad"])
def test_a_table_of_another_kind_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(UsageError, match=r"table\.csv"):
        read_pairs(tmp_path / "table.csv")


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv"):
        read_pairs(tmp_path / "gone.csv")


def test_three_hundred_pairs_have_no_false_accept(compare: Command, data_folder: Path) -> None:
    table = data_folder / "deepface" / "master.csv"
    if not table.is_file():
        pytest.skip(f"no pairs to compare: {table} is not there")
    said = [json.loads(line) for line in compare("--pairs", table).stdout.splitlines()]
    with table.open(newline="") as file:
        _, *rows = csv.reader(file)
    assert len(said) == 300
    assert [pair["same"] for pair in said] == [verdict == "Yes" for *_, verdict in rows]
