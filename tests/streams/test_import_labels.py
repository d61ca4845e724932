"""Tables of labels: lists of classes, one class a row, a column for each class."""

import json
from pathlib import Path

import pytest
from spreadsheets import WARNER, Row, write_table

from schemas.errors import UsageError
from schemas.labels import LabelGiven
from streams.imports.importing import Imported
from streams.imports.label_rows import Classes
from streams.imports.whole_tables import events_of
from streams.target_files import shipped

SCENES = shipped()["scenes"]
CLASSES = [one.name for one in SCENES.classes]


def brought(path: Path) -> tuple[list[LabelGiven], Imported]:
    events, counts = events_of(path, classes=Classes(SCENES))
    return [event for event in events if isinstance(event, LabelGiven)], counts


def said(labels: list[LabelGiven]) -> dict[str, str]:
    return {label.label: label.value for label in labels}


def test_warnermedias_lists_say_yes_to_what_they_name_and_no_to_the_rest(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(json.dumps(WARNER))
    labels, counts = brought(tmp_path / "labels.json")
    assert said(labels[:5]) == dict.fromkeys(CLASSES, "no") | {"holiday": "yes", "gift_giving": "yes"}
    assert said(labels[5:]) == dict.fromkeys(CLASSES, "no"), "none of the above"
    assert len({label.video_id for label in labels}) == 2
    assert {(label.target, label.scope, label.by) for label in labels} == {("scenes", "video", "")}
    assert (counts.taken, counts.labels, counts.rejected) == (2, 10, 1)
    assert "no class 'picnic'" in counts.examples[0].reason


ONE_A_ROW: tuple[Row, ...] = (
    ("url", "segment", "class", "value", "annotator", "labelled_at"),
    ("https://youtu.be/dQw4w9WgXcQ", 3, "Shopping Scenes", "yes", "an/na", "2024-05-01"),
    ("https://youtu.be/dQw4w9WgXcQ", 3, "shopping", "no", "ben", "2024-05-01"),
    ("https://youtu.be/dQw4w9WgXcQ", "", "xmas", "", "ben", ""),
    ("https://youtu.be/dQw4w9WgXcQ", "x", "holiday", "yes", "ben", ""),
    ("https://youtu.be/dQw4w9WgXcQ", 1, "holiday", "perhaps", "ben", ""),
)


def test_one_class_a_row_says_who_and_where(tmp_path: Path) -> None:
    labels, counts = brought(write_table(tmp_path / "labels.csv", ONE_A_ROW))
    assert [(label.scope, label.label, label.value, label.by) for label in labels] == [
        ("3", "shopping", "yes", "an na"),
        ("3", "shopping", "no", "ben"),
        ("video", "holiday", "yes", "ben"),
    ]
    assert len({label.record_key for label in labels}) == 3, "two people's words stand beside each other"
    assert labels[0].given_at_s == 1_714_521_600.0
    assert ["scope" in e.reason or "value" in e.reason for e in counts.examples] == [True, True]


def test_a_column_for_each_class_leaves_out_what_nobody_judged(tmp_path: Path) -> None:
    rows = (
        ("video_id", "Halloween", "family moments", "holiday"),
        ("dQw4w9WgXcQ", 1, 0, ""),
        ("aB3dE5gH7jK", "", "", ""),
    )
    labels, counts = brought(write_table(tmp_path / "labels.csv", rows))
    assert said(labels) == {"halloween": "yes", "family_moments": "no"}
    assert counts.examples[0].reason == "has no label"


def test_a_persons_later_word_counts_in_whatever_order_the_rows_come(tmp_path: Path) -> None:
    head = ("url", "label", "value", "by", "given_at")
    rows = [
        ("https://youtu.be/dQw4w9WgXcQ", "holiday", "yes", "ben", "2024-05-02"),
        ("https://youtu.be/dQw4w9WgXcQ", "holiday", "no", "ben", "2024-05-01"),
        ("https://youtu.be/dQw4w9WgXcQ", "holiday", "skip", "ben", "2024-05-03"),
    ]
    for order in (rows, rows[::-1], rows * 2):
        labels, _ = brought(write_table(tmp_path / "labels.csv", [head, *order]))
        assert labels[-1].value == "skip"


def test_a_table_without_labels_says_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column holds labels.*--map"):
        brought(write_table(tmp_path / "labels.csv", [("video_id", "views"), ("dQw4w9WgXcQ", 1)]))
