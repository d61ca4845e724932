"""What the tables that people have say: which columns, which videos, which outcomes, whatever the order of rows."""

import random
from pathlib import Path

import pytest
from spreadsheets import INFLUENCER, TIKTOK, TRENDING, VIRANOVA, Row, write_excel, write_table

from schemas.codec import encode
from schemas.errors import UsageError
from schemas.event import Event
from schemas.media import MediaFetched
from schemas.outcomes import OutcomeObserved
from streams.imports.columns import COLUMNS, guess, overridden
from streams.imports.importing import Fetched, Imported, RejectsFile, RowsToEvents, bring_in
from streams.imports.rows import Reading
from streams.imports.tables import Line, open_table
from streams.imports.video_ids import VideoIds, title_key

DAY_S = 86_400
SEP_13_2017_S = 1_505_260_800.0


def brought(
    path: Path,
    *wishes: str,
    year: int | None = None,
    fetched: Fetched | None = None,
    observed_at_s: float | None = None,
) -> tuple[list[Event], Imported]:
    """Everything an import of a file would send, and its figures."""
    sent: list[Event] = []
    with open_table(path) as table:
        lines = list(table.lines)
        names = overridden(guess(table.headings, [line.cells for line in lines]), wishes, table.headings, COLUMNS)
    known = fetched or Fetched()
    reading = Reading(names=names, ids=VideoIds(known.by_title), year=year, observed_at_s=observed_at_s)
    counts = bring_in(lines, RowsToEvents(reading, known), sent.append, counts=Imported())
    return sent, counts


def compacted(events: list[Event]) -> dict[str, bytes]:
    """What compaction keeps: the last event of each type and key."""
    return {f"{type(e).__name__}/{e.record_key}": encode(e) for e in events}


def outcomes(events: list[Event]) -> list[OutcomeObserved]:
    return [event for event in events if isinstance(event, OutcomeObserved)]


def described(events: list[Event]) -> list[MediaFetched]:
    return [event for event in events if isinstance(event, MediaFetched)]


def test_viranovas_scores_and_transcripts(tmp_path: Path) -> None:
    events, counts = brought(write_table(tmp_path / "train.csv", VIRANOVA))
    first = outcomes(events)[0]
    assert (first.video_id, first.scores) == ("youtube:aB3dE5gH7jK", {"virality": 61.25, "engagement": 70.5})
    assert (first.age_h, first.observed_at_s, first.record_key) == (
        None,
        None,
        "youtube:aB3dE5gH7jK/once+engagement+virality",
    )
    assert [e.transcript.split()[:2] for e in described(events)] == [["so", "today"], ["never", "do"]]
    assert (counts.taken, counts.outcomes, counts.videos, counts.rejected) == (3, 3, 2, 0)


@pytest.mark.parametrize("name", ["data.xlsx", "data.csv"])
def test_the_influencer_studys_workbook(tmp_path: Path, name: str) -> None:
    write = write_excel if name.endswith("xlsx") else write_table
    events, counts = brought(write(tmp_path / name, INFLUENCER))
    assert [outcome.scores["performance"] for outcome in outcomes(events)] == [1.25, 0.75, 2.0]
    assert len({outcome.video_id for outcome in outcomes(events)}) == 3
    assert all(outcome.video_id.startswith("url:") for outcome in outcomes(events))
    assert (counts.rows, counts.taken) == (3, 3)


@pytest.mark.parametrize("name", ["us.csv.gz", "us.tsv", "us.xlsx"])
def test_trending_tables_have_a_row_a_day_and_spoilt_ids(tmp_path: Path, name: str) -> None:
    write = write_excel if name.endswith("xlsx") else write_table
    events, counts = brought(write(tmp_path / name, TRENDING), year=2017)
    of_tea = [o for o in outcomes(events) if o.video_id == "youtube:kR4mN8pQ2sT"]
    assert [(o.observed_at_s, o.views, o.likes, o.comments) for o in of_tea] == [
        (SEP_13_2017_S, 1000, 50, 7),
        (SEP_13_2017_S + DAY_S, 2500, 90, 9),
    ]
    spoilt = [o for o in outcomes(events) if o.video_id.startswith("row:")]
    assert len({o.video_id for o in spoilt}) == 1
    assert [o.views for o in spoilt] == [300, 900]
    assert len(described(events)) == 2, "a row a day is still one video"
    assert described(events)[0].metadata.tags == ("tea", "green tea")
    assert described(events)[0].metadata.category == "Howto & Style"
    assert counts.rejected == 1
    assert counts.examples[0].line == 6
    assert "24.09vW6xY8zA1bC" in counts.examples[0].reason


def test_without_a_year_a_trending_video_keeps_its_largest_counts(tmp_path: Path) -> None:
    events, _ = brought(write_table(tmp_path / "us.csv", TRENDING))
    kept = compacted(events)
    tea = [e for e in outcomes(events) if e.record_key == "youtube:kR4mN8pQ2sT/once"][-1]
    assert tea.views == 2500
    assert kept["OutcomeObserved/youtube:kR4mN8pQ2sT/once"] == encode(tea)


def test_tiktok_tables_that_were_put_together_use_either_column(tmp_path: Path) -> None:
    events, _ = brought(write_table(tmp_path / "tiktok.csv", TIKTOK))
    one, two = outcomes(events)
    assert (one.video_id, one.views, one.shares, one.age_h) == ("tiktok:7507286333505719001", 416100, 496, None)
    assert (two.video_id, two.views, two.age_h) == ("tiktok:7507286333505719002", 1200, 240)
    assert described(events)[0].metadata.hashtags == ("boat", "sea")
    assert described(events)[1].metadata.channel == "two_b"


def test_counts_are_outcomes_and_never_what_is_known_before(tmp_path: Path) -> None:
    events, _ = brought(write_table(tmp_path / "us.csv", TRENDING))
    assert all(
        (e.metadata.views, e.metadata.likes, e.metadata.comments) == (None, None, None) for e in described(events)
    )


@pytest.mark.parametrize("rows", [VIRANOVA, TRENDING, TIKTOK], ids=["viranova", "trending", "tiktok"])
def test_any_order_of_rows_any_number_of_times_leaves_the_same_records(tmp_path: Path, rows: tuple[Row, ...]) -> None:
    head, *body = rows
    once = compacted(brought(write_table(tmp_path / "one.csv", rows), year=2017)[0])
    for seed in range(20):
        shuffled = body * 2
        random.Random(seed).shuffle(shuffled)
        table = write_table(tmp_path / f"{seed}.csv", [head, *shuffled])
        assert compacted(brought(table, year=2017)[0]) == once


def test_a_row_that_comes_again_is_not_sent_again(tmp_path: Path) -> None:
    head, *body = TRENDING
    once, _ = brought(write_table(tmp_path / "one.csv", TRENDING), year=2017)
    twice, counts = brought(write_table(tmp_path / "two.csv", [head, *body, *body]), year=2017)
    assert len(twice) == len(once)
    assert counts.taken == 2 * 4


def test_a_fetched_video_gets_the_outcome_and_keeps_its_own_words(tmp_path: Path) -> None:
    known = Fetched(frozenset({"youtube:kR4mN8pQ2sT", "url:minus"}), {title_key("SIGNS", " minus  first"): "url:minus"})
    events, _ = brought(write_table(tmp_path / "us.csv", TRENDING), fetched=known)
    assert described(events) == []
    assert {outcome.video_id for outcome in outcomes(events)} == known.ids


@pytest.mark.parametrize(
    ("cells", "video_id"),
    [
        ({"video_id": "dQw4w9WgXcQ"}, "youtube:dQw4w9WgXcQ"),
        ({"video_id": "vimeo:123"}, "vimeo:123"),
        ({"url": "https://youtu.be/dQw4w9WgXcQ?si=1", "video_id": "7507286333505719001"}, "youtube:dQw4w9WgXcQ"),
        ({"url": "no link", "video_id": "dQw4w9WgXcQ"}, "youtube:dQw4w9WgXcQ"),
        ({"video_id": 7507286333505719001}, "row:"),
        ({"video_id": "a-long-slug-of-its-own"}, "row:"),
    ],
)
def test_a_video_is_known_by_link_then_id(cells: dict[str, object], video_id: str) -> None:
    (outcome,) = outcomes(read_one({**cells, "views": 5, "title": "t", "channel": "c"}))
    assert outcome.video_id.startswith(video_id)


@pytest.mark.parametrize(
    ("platform", "own_id", "video_id"),
    [("vimeo", "76979871", "vimeo:76979871"), ("", "76979871", "row:"), ("instagram", "CxYz_-1", "instagram:CxYz_-1")],
)
def test_a_platform_may_be_said_for_all_ids(platform: str, own_id: str, video_id: str) -> None:
    assert VideoIds({}, platform).find(url="", own_id=own_id, channel="", title="").startswith(video_id)


def test_a_platform_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(UsageError, match="small letters"):
        VideoIds({}, "You/Tube")


def test_numbers_of_rows_do_not_join_the_videos_of_two_tables() -> None:
    one = outcomes(read_one({"id": "1", "views": 5, "title": "one"}))
    other = outcomes(read_one({"id": "1", "views": 5, "title": "other"}))
    assert one[0].video_id != other[0].video_id


def test_channel_and_title_are_compared_without_capitals_and_spaces() -> None:
    one = outcomes(read_one({"title": "A  title", "channel": "Me", "views": 5}))
    other = outcomes(read_one({"title": "a TITLE ", "channel": "ME", "views": 6}))
    assert one[0].video_id == other[0].video_id


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"views": 5}, "nothing says which video"),
        ({"url": "ftp://x/y", "views": 5}, "http"),
        ({"url": "https://www.youtube.com/playlist?list=1", "views": 5}, "not one video"),
        ({"video_id": "#NAME?", "title": "only a title", "views": 5}, "nothing says which video"),
        ({"video_id": "dQw4w9WgXcQ"}, "neither counts nor scores nor words"),
        ({"video_id": "dQw4w9WgXcQ", "views": "many"}, "views: expected a count, got 'many'"),
        ({"video_id": "dQw4w9WgXcQ", "views": 5, "uploaded_at": "2024-05-05", "observed_at": "2024-05-01"}, "mixed up"),
        ({"video_id": "dQw4w9WgXcQ", "title": "t", "duration": "long"}, "duration"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_nothing_of_it_is_sent(cells: dict[str, object], says: str) -> None:
    sent: list[Event] = []
    counts = bring_in([Line(7, cells)], reader_of(cells), sent.append, counts=Imported())
    assert sent == []
    assert (counts.rejected, counts.examples[0].line) == (1, 7)
    assert says in counts.examples[0].reason


@pytest.mark.parametrize(
    ("cells", "age_h"),
    [
        ({"uploaded_at": "2024-05-01 12:00", "observed_at": "2024-05-03"}, 36),
        ({"uploaded_at": "2024-05-01 12:00", "observed_at": "2024-05-01"}, 0),
        ({"age_days": "7", "uploaded_at": "2024-05-01", "observed_at": "2024-06-01"}, 168),
        ({"uploaded_at": "2024-05-01"}, None),
    ],
)
def test_age_comes_from_the_dates_or_from_the_table(cells: dict[str, object], age_h: int | None) -> None:
    (outcome,) = outcomes(read_one({"video_id": "dQw4w9WgXcQ", "views": 5, **cells}))
    assert outcome.age_h == age_h


def test_a_date_of_counting_may_be_said_for_the_whole_table() -> None:
    cells = {"video_id": "dQw4w9WgXcQ", "views": 5, "uploaded_at": "2017-09-12"}
    (outcome,) = outcomes(read_one(cells, observed_at_s=SEP_13_2017_S))
    assert (outcome.age_h, outcome.observed_at_s) == (24, SEP_13_2017_S)


def test_a_speakers_name_is_taken_out_of_a_title_made_from_a_files_name() -> None:
    cells = {"title_file": "Ada Lovelace What engines might do", "speaker": "Ada Lovelace", "views": 5}
    (media,) = described(read_one(cells))
    assert media.metadata.title == "What engines might do"
    (kept,) = described(read_one({"title": "Ada Lovelace speaks", "speaker": "Ada Lovelace", "views": 5}))
    assert kept.metadata.title == "Ada Lovelace speaks"


@pytest.mark.parametrize(
    ("heading", "cells", "ours"),
    [("date", ["2017-04-24", "2016-01-01"], "uploaded"), ("date", ["13.09", "1.10"], "observed")],
)
def test_a_column_called_date_is_told_by_what_it_holds(heading: str, cells: list[str], ours: str) -> None:
    names = guess(["title", heading], [{"title": "t", heading: cell} for cell in cells])
    assert names[ours] == (heading,)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("views", "expected NAME=COLUMN"),
        ("colour=views", "expected NAME=COLUMN"),
        ("views=vues", "did you mean 'views'"),
        ("score.Bad Name=views", "expected NAME=COLUMN"),
    ],
)
def test_a_wish_that_cannot_be_met_says_why(wish: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        overridden({"views": ("views",)}, [wish], ["views", "title"], COLUMNS)


def test_wishes_go_before_guesses_and_a_column_means_one_thing() -> None:
    guessed = guess(["views", "title", "clicks"], [])
    names = overridden(guessed, ["views=clicks", "score.reach=views", "title="], ["views", "title", "clicks"], COLUMNS)
    assert names == {"views": ("clicks",), "score.reach": ("views",)}


def test_rejected_rows_can_be_mended_and_imported_again(tmp_path: Path) -> None:
    path = write_table(tmp_path / "us.csv", TRENDING)
    with open_table(path) as table, RejectsFile(tmp_path / "bad.csv", table.headings) as rejects:
        reading = Reading(names=guess(table.headings, []), ids=VideoIds({}))
        bring_in(
            table.lines, RowsToEvents(reading, Fetched()), lambda e: None, counts=Imported(), on_reject=rejects.write
        )
    text = (tmp_path / "bad.csv").read_text()
    assert "expected a date" in text
    (tmp_path / "bad.csv").write_text(
        text.replace("24.09vW6xY8zA1bC,", "24.09,").replace(",24.09vW6xY8zA1bC", ",24.09")
    )
    events, counts = brought(tmp_path / "bad.csv", year=2017)
    assert (counts.taken, counts.rejected) == (1, 0)
    assert outcomes(events)[0].video_id == "youtube:vW6xY8zA1bC"


def test_only_a_screenful_of_bad_rows_is_kept_and_the_rest_counted() -> None:
    bad = [Line(number, {"views": "x"}) for number in range(1000)]
    counts = bring_in(bad, reader_of({"views": "x"}), lambda e: None, counts=Imported())
    assert counts.rejected == 1000
    assert len(counts.examples) == 20


def reader_of(cells: dict[str, object], observed_at_s: float | None = None) -> RowsToEvents:
    reading = Reading(names=guess(cells, [cells]), ids=VideoIds({}), observed_at_s=observed_at_s)
    return RowsToEvents(reading, Fetched())


def read_one(cells: dict[str, object], observed_at_s: float | None = None) -> list[Event]:
    return reader_of(cells, observed_at_s).events(cells)
