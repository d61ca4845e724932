"""Every format gives the same lines, with the numbers an editor shows; what is broken is named."""

import gzip
import json
from pathlib import Path

import pytest
from spreadsheets import INFLUENCER, TRENDING, write_excel, write_table

from schemas.errors import UsageError
from streams.imports.tables import Line, open_table


def lines(path: Path) -> list[Line]:
    with open_table(path) as table:
        return list(table.lines)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "T.TSV.GZ", "t.CSV"])
def test_text_tables_are_alike_whatever_their_separator_and_packing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_table(path.with_name(name.lower()), TRENDING).rename(path)
    found = lines(path)
    assert [line.number for line in found] == [2, 3, 4, 5, 6]
    assert found[0].cells["title"] == "Tea, slowly"
    assert not any(line.problem for line in found)


def test_line_numbers_count_line_breaks_inside_quotes(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,title\n1,"two\nlines"\n2,one\n')
    assert [(line.number, line.cells["id"]) for line in lines(path)] == [(2, "1"), (4, "2")]


def test_a_line_with_too_many_or_too_few_cells_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,title\n1,a,b\n2\n\n3,c\n")
    first, second, third = lines(path)
    assert "3 cells" in first.problem
    assert "1 cells" in second.problem
    assert (third.number, third.cells, third.problem) == (5, {"id": "3", "title": "c"}, "")


def test_a_byte_order_mark_is_no_part_of_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,title\n1,a\n", encoding="utf-8-sig")
    with open_table(path) as table:
        assert table.headings == ("id", "title")


def test_headings_that_are_absent_or_repeated_get_a_place(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",views,views\n1,2,3\n")
    with open_table(path) as table:
        assert table.headings == ("column 1", "views", "views 3")


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json", "t.jsonl.gz"])
def test_json_objects_may_have_different_fields(tmp_path: Path, name: str) -> None:
    objects = [{"id": "a", "views": 1}, {"id": "b", "likes": 2, "tags": ["x"]}]
    text = (
        json.dumps(objects)
        if ".json" in Path(name).suffixes[:1] and name == "t.json"
        else "\n".join(map(json.dumps, objects))
    )
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    with open_table(tmp_path / name) as table:
        assert table.headings == ("id", "views", "likes", "tags")
        assert [line.cells for line in table.lines] == objects


def test_a_json_line_that_is_none_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": 1}\n{"id": \n[1]\n{"id": "half a \\ud800 sign"}\n{"id": 2}\n')
    assert [bool(line.problem) for line in lines(path)] == [False, True, True, True, False]
    assert [line.number for line in lines(path)] == [1, 2, 3, 4, 5]


def test_excel_gives_rows_by_their_number_and_leaves_empty_ones_out(tmp_path: Path) -> None:
    found = lines(write_excel(tmp_path / "t.xlsx", INFLUENCER, empty_rows=500))
    assert [line.number for line in found] == [2, 3, 5]
    assert found[0].cells == {"Performance": 1.25, "Video URL": "https://media.example.org/assets/hd-111"}


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.xls", b"x", "no ending"),
        ("t.parquet", b"x", "no ending"),
        ("t.xlsx", b"this is no workbook", "cannot be read"),
        ("t.csv.gz", b"this is not gzipped", "cannot be read"),
        ("t.csv.gz", gzip.compress(b"id\n" + b"1\n" * 9999, mtime=0)[:40], "cannot be read"),
        ("t.csv", b"id\n\xff\xfe\n", "UTF-8"),
        ("t.csv", b"", "is empty"),
        ("t.json", b'{"id": 1}', "expected a list"),
        ("t.json", b"[", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=says):
        lines(tmp_path / name)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a file"):
        lines(tmp_path / "absent.csv")


def test_progress_ends_at_the_end(tmp_path: Path) -> None:
    with open_table(write_table(tmp_path / "t.csv.gz", [("id",), *((n,) for n in range(50_000))])) as table:
        next(table.lines)
        begun = table.done()
        assert sum(1 for _ in table.lines) == 49_999
        assert 0 < begun <= table.done() == 1.0
