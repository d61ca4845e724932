"""What is printed on a terminal, also when a stranger wrote the title."""

import io

import msgspec
import pytest
from examples import FETCHED, VIDEO_ID
from rich.console import Console, RenderableType

from schemas.predictions import Interval, Reason, VideoScored
from streams import showing
from streams.board import Board
from streams.text_safety import harmless

SCORED = VideoScored(
    event_id="e", video_id=VIDEO_ID, revision="0" * 16, summary_id="s", target="virality", release_id="r1",
    stage="final", value=62.0, unit="percentile", interval=Interval(low=20.0, high=95.0, level=0.9), constant=50.0,
    beats_constant=False, probability=0.31, probability_of="among the top 20 %",
    reasons=(Reason(feature="title", words="the words of the title", contribution=4.5),),
    modalities_missing={"segments/visual": "not looked at"}, caveats=("does not beat a constant",),
)  # fmt: skip

HOSTILE = "\x1b]0;owned\x07 [red]not markup[/red] \u202egnp.exe" + "A" * 10_000


def printed(what: RenderableType) -> str:
    console = Console(width=120, record=True, force_terminal=False, file=io.StringIO())
    console.print(what)
    return console.export_text()


def board_with(title: str) -> Board:
    board = Board()
    metadata = msgspec.structs.replace(FETCHED.metadata, title=title)
    board.hear(msgspec.structs.replace(FETCHED, metadata=metadata), 1.0)
    board.hear(SCORED, 2.0)
    return board


def test_a_panel_says_value_interval_constant_reasons_gaps_and_caveats() -> None:
    text = printed(showing.panel(board_with("A title").videos[VIDEO_ID]))
    for expected in ("A title", "62.0", "90% interval 20.0 to 95.0", "constant: 50.0", "31% chance",
                     "the words of the title", "+4.5", "missing segments/visual", "does not beat a constant", "r1"):  # fmt: skip
        assert expected in text


def test_a_panel_says_what_might_be_changed_where_something_is_suggested() -> None:
    board = board_with("A title")
    assert "what might be changed" not in printed(showing.panel(board.videos[VIDEO_ID]))
    words = "of 156 similar videos from 109 channels, those with 20 or more tags did 21 % better than expected"
    board.hear(msgspec.structs.replace(SCORED, suggestions=(words,)), 3.0)
    text = printed(showing.panel(board.videos[VIDEO_ID]))
    assert words in " ".join(line.strip("│ ") for line in text.splitlines())


@pytest.mark.parametrize("show", [showing.table, lambda board: showing.panel(board.videos[VIDEO_ID])])
def test_a_hostile_title_is_shown_harmlessly(show: object) -> None:
    text = printed(show(board_with(HOSTILE)))  # type: ignore[operator]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]" in text
    assert len(text) < 6000


@pytest.mark.parametrize("value", [-20.0, 0.0, 100.0, 130.0])
def test_values_outside_the_scale_are_drawn_at_its_ends(value: float) -> None:
    board = Board()
    board.hear(msgspec.structs.replace(SCORED, value=value), 1.0)
    assert "●" in printed(showing.panel(board.videos[VIDEO_ID]))


def test_harmless_keeps_ordinary_text_and_cuts_long_text() -> None:
    assert harmless("Crème brûlée 日本 🎉") == "Crème brûlée 日本 🎉"
    assert harmless("x" * 300) == "x" * 199 + "…"
