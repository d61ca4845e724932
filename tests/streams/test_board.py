"""The board: what a person sees of each video."""

from examples import FETCHED, VIDEO_ID

from schemas.progress import StageProgressed
from streams.board import Board


def progress(stage: str, state: str, **fields: object) -> StageProgressed:
    return StageProgressed(event_id="e", video_id=VIDEO_ID, stage=stage, state=state, **fields)  # type: ignore[arg-type]


def test_a_board_follows_only_the_videos_it_was_asked_for() -> None:
    board = Board(["youtube:another"])
    assert board.hear(FETCHED, 1.0) is None
    assert board.videos == {}


def test_a_video_is_finished_when_it_is_scored() -> None:
    board = Board([VIDEO_ID])
    board.hear(progress("fetch", "done"), 1.0)
    assert not board.all_finished()
    board.hear(progress("score", "done"), 2.0)
    assert board.all_finished()


def test_a_refused_video_is_finished_and_says_why() -> None:
    board = Board([VIDEO_ID])
    board.hear(progress("fetch", "refused", message="10.0.0.1 is a private address"), 1.0)
    assert board.all_finished()
    assert board.videos[VIDEO_ID].problem == "fetch refused: 10.0.0.1 is a private address"


def test_a_known_video_is_not_finished_before_its_prediction_is_seen() -> None:
    board = Board([VIDEO_ID])
    board.hear(progress("fetch", "known"), 1.0)
    assert not board.all_finished()


def test_timings_say_how_long_after_the_stage_before_each_was_done() -> None:
    board = Board()
    board.hear(progress("fetch", "running"), 10.0)
    board.hear(progress("fetch", "done"), 12.0)
    board.hear(progress("segment", "running"), 12.5)
    board.hear(progress("segment", "done"), 15.0)
    board.hear(progress("text", "done"), 14.0)
    board.hear(progress("score", "done"), 16.0)
    timings = board.videos[VIDEO_ID].timings_s()
    assert timings == {"fetch": 2.0, "segment": 3.0, "text": 0.0, "score": 1.0}


def test_warnings_are_said_once() -> None:
    board = Board()
    board.hear(FETCHED, 1.0)
    board.hear(progress("fetch", "done", warnings=(*FETCHED.warnings, "something else")), 1.0)
    assert board.videos[VIDEO_ID].warnings == (*FETCHED.warnings, "something else")
