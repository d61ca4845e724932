"""Chances on a terminal, and where in the video: only what the same release said of the same content counts."""

import io
from collections.abc import Sequence

import msgspec
import pytest
from rich.console import Console

from schemas.event import Event
from schemas.predictions import ClassChance, Interval, Reason, SegmentScored, VideoScored
from streams import showing
from streams.board import Board
from streams.class_moments import Moment, moments_of
from streams.showing_classes import clock

VIDEO_ID = "url:film"


def chance(name: str, probability: float, *, beats: bool = True) -> ClassChance:
    return ClassChance(name=name, probability=probability, base_rate=0.2, likely_from=0.5, beats_base_rate=beats)


SCORED = VideoScored(
    event_id="e", video_id=VIDEO_ID, revision="0" * 16, summary_id="s", target="scenes", release_id="c1",
    stage="final", value=0.84, unit="chance, 0 to 1", interval=Interval(low=0.0, high=1.0, level=1.0), constant=0.2,
    beats_constant=True, probability=0.84, probability_of="gift giving", calibration_error=0.03,
    classes=(chance("gift_giving", 0.84), chance("holiday", 0.3), chance("shopping", 0.1, beats=False)),
)  # fmt: skip


def segment(index: int, *, gift_giving: float, holiday: float = 0.0, **changes: object) -> SegmentScored:
    given: dict[str, object] = {
        "event_id": str(index),
        "video_id": VIDEO_ID,
        "revision": "0" * 16,
        "scope": str(index),
        "summary_id": "s",
        "target": "scenes",
        "release_id": "c1",
        "start_s": index * 4.0,
        "end_s": index * 4.0 + 4,
        "chances": {"gift_giving": gift_giving, "holiday": holiday},
    }
    return SegmentScored(**given | changes)


SEGMENTS = [segment(0, gift_giving=0.1), segment(1, gift_giving=0.6), segment(2, gift_giving=0.9), segment(3, gift_giving=0.2), segment(30, gift_giving=0.7, holiday=0.5)]  # fmt: skip


def printed(events: Sequence[Event]) -> str:
    board = Board()
    for event in events:
        board.hear(event, 1.0)
    console = Console(width=120, record=True, force_terminal=False, file=io.StringIO())
    console.print(showing.table(board))
    console.print(showing.panel(board.videos[VIDEO_ID]))
    return console.export_text()


def test_likely_segments_that_follow_each_other_are_one_moment() -> None:
    assert moments_of(SCORED, SEGMENTS[::-1]) == {
        "gift_giving": (
            Moment(start_s=4.0, end_s=12.0, probability=0.9),
            Moment(start_s=120.0, end_s=124.0, probability=0.7),
        ),
        "holiday": (Moment(start_s=120.0, end_s=124.0, probability=0.5),),
        "shopping": (),
    }


@pytest.mark.parametrize(
    "other", [{"release_id": "c0"}, {"revision": "1" * 16}, {"target": "moods"}, {"video_id": "url:other"}]
)
def test_what_was_said_by_another_release_or_of_other_content_is_no_moment(other: dict[str, str]) -> None:
    assert not any(moments_of(SCORED, [segment(1, gift_giving=0.9, **other)]).values())


def test_a_copy_has_the_moments_of_its_original() -> None:
    copy = msgspec.structs.replace(SCORED, video_id="url:copy", duplicate_of=VIDEO_ID)
    assert moments_of(copy, SEGMENTS) == moments_of(SCORED, SEGMENTS)


def test_a_panel_says_each_chance_in_words_and_where_it_is() -> None:
    text = printed([*SEGMENTS, SCORED])
    for expected in ("scenes gift giving 84%", "84%  gift giving", "20% of all", "at 0:04-0:12 (90%), 2:00-2:04 (70%)",
                     "30%  holiday", "(no better than how common it is)", "chances were 3.0 points off"):  # fmt: skip
        assert expected in text
    assert "interval" not in text


def test_reasons_are_those_of_the_likeliest_class_in_points() -> None:
    why = (Reason(feature="sound", words="what can be heard", contribution=0.125),)
    text = printed([msgspec.structs.replace(SCORED, reasons=why)])
    assert "why gift giving, in points:" in text
    assert "+12.5  what can be heard" in text


def test_hashtags_to_copy_are_shown_harmlessly() -> None:
    told = msgspec.structs.replace(SCORED, suggestions=("#tea: 40% of videos\x1b[31m like this one bear it",))
    text = printed([told])
    assert "to copy: #tea: 40% of videos" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("at_s", "shown"), [(0, "0:00"), (59.9, "0:59"), (3661, "1:01:01")])
def test_moments_are_shown_as_players_do(at_s: float, shown: str) -> None:
    assert clock(at_s) == shown
