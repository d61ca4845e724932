"""Cells: what each spelling means, and that a wrong one is refused, not guessed."""

from datetime import UTC, date, datetime

import pytest

from streams.imports import cells
from streams.imports.cells import BadCell


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ("1234", 1234), (" 1,234,567 ", 1234567), ("416100.0", 416100), (12.0, 12), (7, 7), ("1.2M", 1200000),
        ("3k", 3000), ("0", 0), ("", None), (None, None), ("nan", None), (float("nan"), None), ("None", None),
    ],
)  # fmt: skip
def test_counts(cell: object, means: int | None) -> None:
    assert cells.count(cell) == means


@pytest.mark.parametrize("cell", ["abc", "-5", "1e9", "1,23", "12 likes", True, "9" * 30, "1.2.3", "#NAME?"])
def test_what_is_no_count_is_refused(cell: object) -> None:
    with pytest.raises(BadCell, match="expected a count, got"):
        cells.count(cell)


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ("2017-09-13", datetime(2017, 9, 13)), ("2025-05-22 15:05:21", datetime(2025, 5, 22, 15, 5, 21)),
        ("2020-08-12T00:00:00Z", datetime(2020, 8, 12)), ("17.14.11", datetime(2017, 11, 14)),
        ("13.09", datetime(2017, 9, 13)), ("1.10", datetime(2017, 10, 1)), ("31.12.2019", datetime(2019, 12, 31)),
        ("1505260800", datetime(2017, 9, 13)), (1505260800000, datetime(2017, 9, 13)),
        (datetime(2017, 9, 13), datetime(2017, 9, 13)), (date(2017, 9, 13), datetime(2017, 9, 13)),
    ],
)  # fmt: skip
def test_dates(cell: object, means: datetime) -> None:
    assert cells.moment(cell, 2017) == means.replace(tzinfo=UTC).timestamp()


def test_a_date_without_a_year_says_nothing_until_somebody_says_the_year() -> None:
    assert cells.moment("13.09") is None
    assert cells.has_no_year("13.09")
    assert not cells.has_no_year("2017-09-13")


@pytest.mark.parametrize("cell", ["24.09xcaeyJTx4Co", "100", "31.02", "32.01", "yesterday", "2017-13-01", "17.31.31"])
def test_what_is_no_date_is_refused_with_and_without_a_year(cell: str) -> None:
    for year in (2017, None):
        with pytest.raises(BadCell, match="expected a date"):
            cells.moment(cell, year)


@pytest.mark.parametrize(
    ("cell", "means_s"),
    [("253", 253), ("4:13", 253), ("1:04:13", 3853), ("PT4M13S", 253), ("P1DT1H", 90000), (12.5, 12.5), ("", None)],
)
def test_lengths(cell: object, means_s: float | None) -> None:
    assert cells.length_s(cell) == means_s


@pytest.mark.parametrize("cell", ["-1", "long", "P", "inf"])
def test_what_is_no_length_is_refused(cell: str) -> None:
    with pytest.raises(BadCell):
        cells.length_s(cell)


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ('tea|"green tea"|tea', ("tea", "green tea")), ("['a', 'b c']", ("a", "b c")), ('["a", "b"]', ("a", "b")),
        ("#boat, #sea", ("boat", "sea")), (["x", "y"], ("x", "y")), ("[none]", ()), ("", ()), ([], ()),
    ],
)  # fmt: skip
def test_lists_of_words(cell: object, means: tuple[str, ...]) -> None:
    assert cells.words_list(cell) == means


@pytest.mark.parametrize(("cell", "means"), [("61.5%", 61.5), (0, 0.0), ("-3", -3.0), ("", None)])
def test_numbers(cell: object, means: float | None) -> None:
    assert cells.number(cell) == means


@pytest.mark.parametrize("cell", ["inf", "x", "1 2"])
def test_what_is_no_number_is_refused(cell: str) -> None:
    with pytest.raises(BadCell):
        cells.number(cell)
