"""The tables themselves, where they are: how many of their rows are taken, and why the others are not."""

import json
from pathlib import Path

import pytest

from schemas.event import Event
from streams.imports.importing import Imported
from streams.imports.label_rows import Classes
from streams.imports.whole_tables import Corrections, events_of
from streams.target_files import shipped

FIGURES = {
    "viranova/train_set.csv": (2268, 0, 2268),
    "viranova/validation_set.csv": (568, 0, 568),
    "youtube_us_2017/us_videos.csv.gz": (6387, 4, 1880),
    "tiktok/tiktok.csv.gz": (5775, 0, 5230),
    "influencer/Data.xlsx": (268, 0, 0),
    "ted/talks.csv.gz": (1805, 0, 1805),
    "warner_mlci2020/labels_final.json": (999, 0, 0),
}
"""Rows taken, rows not taken, videos known by their words."""


def brought(path: Path) -> tuple[list[Event], Imported]:
    classes = Classes(shipped()["scenes"]) if path.suffix == ".json" else None
    return events_of(path, Corrections(year=2017), classes=classes)


@pytest.mark.parametrize("name", FIGURES)
def test_a_real_table_is_taken_but_for_rows_that_are_spoilt(data_folder: Path, name: str) -> None:
    path = data_folder / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    _, counts = brought(path)
    assert (counts.taken, counts.rejected, counts.videos) == FIGURES[name]


def test_warnermedias_labels_are_those_of_the_file(data_folder: Path) -> None:
    path = data_folder / "warner_mlci2020/labels_final.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    sent, _ = brought(path)
    rows = json.loads(path.read_text())
    for label, theirs in (("holiday", "holiday"), ("shopping", "shopping scenes")):
        said_yes = [e for e in sent if (e.label, e.value) == (label, "yes")]  # type: ignore[attr-defined]  # labels
        assert len(said_yes) == sum(theirs in row["labels"] for row in rows)
