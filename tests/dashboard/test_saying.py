"""Numbers and names of the system in the words of people who have never heard of it."""

import re
from pathlib import Path

import pytest
from desks import a_client, a_desk
from examples import FETCHED, LINK, SCORED, SUMMARISED, VIDEO_ID
from msgspec.structs import replace

from dashboard.pages import saying
from schemas.event import derive_id
from schemas.predictions import Interval, Reason
from streams.target_files import shipped
from streams.topology import STAGES

BROWSER = {"Accept": "text/html"}
PERCENTILE = "percentile of views"
PLACES = re.compile(r"<(svg|path|rect|line|circle|video|a|script|link)\b[^>]*>")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (38.3, PERCENTILE, "38th percentile"),
        (11.2, PERCENTILE, "11th percentile"),
        (92.6, PERCENTILE, "93rd percentile"),
        (0.24, "chance, 0 to 1", "24%"),
        (57.31, "viral score, 0 to 100", "57.3"),
    ],
)
def test_a_value_is_written_as_its_unit_wants_it(value: float, unit: str, expected: str) -> None:
    assert saying.told(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "constant", "expected"),
    [
        (38.3, 50.0, "11.7 points below the constant, 50th"),
        (61.0, 50.0, "11 points above the constant, 50th"),
        (50.2, 50.0, "The same as the constant, 50th"),
    ],
)
def test_a_prediction_is_held_against_the_constant_in_words(value: float, constant: float, expected: str) -> None:
    assert saying.beside(value, constant, PERCENTILE).startswith(expected)


def test_every_stage_has_a_word_and_every_shipped_target_a_sentence() -> None:
    assert {stage.name for stage in STAGES} <= saying.STAGES.keys()
    assert shipped().keys() <= saying.TARGETS.keys()


def test_a_target_of_ones_own_is_told_by_its_first_sentence() -> None:
    assert saying.target("cats", "Whether a cat\nis there. Counted by hand.") == "Whether a cat is there."


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.7, "0.7 s"), (9.96, "10.0 s"), (12.4, "12 s"), (125.0, "2 min 5 s")]
)
def test_a_short_time_is_told_exactly(seconds: float, expected: str) -> None:
    assert saying.lasting(seconds) == expected


def test_a_warning_names_languages_in_words() -> None:
    said = saying.warning("no subtitles in en, de; words will be missing")
    assert said == "No subtitles in English, German; words will be missing"


def test_the_page_of_a_video_tells_a_percentile_and_what_it_means(tmp_path: Path) -> None:
    scored = replace(
        SCORED,
        value=61.8,
        constant=50.0,
        unit=PERCENTILE,
        interval=Interval(low=20.0, high=95.0, level=0.9),
        reasons=(),
    )
    client = a_client(a_desk(tmp_path, (LINK, FETCHED, scored)))
    page = client.get(f"/videos/{VIDEO_ID}", headers=BROWSER).text
    assert "62nd" in page
    assert "watched more than 62 of 100 videos" in page
    assert "62nd percentile" in client.get("/videos", headers=BROWSER).text


def test_chances_and_shares_are_told_in_hundredths_on_every_page(tmp_path: Path) -> None:
    scored = replace(
        SCORED,
        target="viral_probability",
        value=0.313,
        constant=0.2,
        unit="chance, 0 to 1",
        interval=Interval(low=0.0421, high=0.777, level=0.9),
        reasons=(Reason(feature="pace", words="many cuts", contribution=0.0173),),
        suggestions=(),
        caveats=(),
    )
    summary = replace(SUMMARISED, numbers={"numbers/audio/speech_share": 0.4139, "words_per_minute": 90.31})
    other = [replace(e, video_id="youtube:bbbbbbbbbbb", event_id=derive_id("t", "1", e.event_id))
             for e in (LINK, FETCHED, summary, scored)]  # fmt: skip
    client = a_client(a_desk(tmp_path, (LINK, FETCHED, summary, scored, *other)))
    for path in (f"/videos/{VIDEO_ID}", f"/compare?a={VIDEO_ID}&b=youtube:bbbbbbbbbbb"):
        text = client.get(path, headers=BROWSER).text
        assert "31%" in text
        assert "4% to 78%" in text
        assert "constant 20%" in text
        assert "+1.73" in text, "points of a hundred"
        assert "41.4%" in text
        assert "90.3" in text
        assert not re.search(r"\b0\.(31|04|77|78|20|41|017)", PLACES.sub("", text)), "no share as a fraction"
    assert "4% to 78%" in client.get("/videos", headers=BROWSER).text
