import learned_release
import msgspec
import numpy as np
import pytest
import runs
import scored
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import ReliabilityBin
from models.outcome_truth import AMONG_COMPARABLE, BY_LABELS, NO_COUNTS, NOT_DEFINED, ONLY_TOGETHER
from processors.folding import FoldInMemory
from processors.scoreboard import ScoreboardFold
from schemas.codec import encode
from schemas.errors import Unreadable
from schemas.event import Event
from schemas.media import Metadata
from schemas.predictions import Interval
from schemas.scoreboard import PredictionJudged, ScoreKept, week_of
from schemas.ticks import TimePassed
from streams.scoreboard import BoardRow, by_week, parts_of, recent, warnings
from streams.target_files import shipped


def kept(*events: Event, fold: ScoreboardFold | None = None) -> list[ScoreKept]:
    return parts_of(FoldInMemory(fold or scored.hearing(ScoreboardFold())).feed(events))


def board(*events: Event) -> list[BoardRow]:
    return by_week(kept(*events))


def test_predictions_are_held_against_what_came_true_beside_the_constant() -> None:
    (row,) = board(scored.prediction(1, 12.0), scored.prediction(2, 10.0), scored.outcome(1, 11), scored.outcome(2, 7))
    assert (row.compared, row.coverage, row.below, row.above) == (2, 0.5, 0.5, 0.0)
    assert (row.bias, row.error, row.constant_error) == (2.0, 2.0, 2.0)
    assert row.weeks == (week_of(scored.TRAINED_S + 60),)
    assert row.not_comparable == {}


def test_a_truth_above_the_interval_is_counted_apart_from_one_below() -> None:
    (row,) = board(scored.prediction(1, 10.0), scored.outcome(1, 13))
    assert (row.below, row.above, row.bias) == (0.0, 1.0, -3.0)


def test_shadows_and_live_releases_have_boards_of_their_own() -> None:
    rows = board(scored.prediction(1, 10.0), scored.shadow(1, 13.0), scored.outcome(1, 10))
    assert {row.release_id: row.error for row in rows} == {"r1": 0.0, "r2": 3.0}


def test_a_newer_prediction_or_outcome_replaces_what_the_older_one_added() -> None:
    replaced = board(
        *[scored.prediction(1, 30.0), scored.outcome(1, 99), scored.prediction(1, 10.0), scored.outcome(1, 11)]
    )
    assert replaced == board(scored.prediction(1, 10.0), scored.outcome(1, 11))


def test_a_later_outcome_moves_the_video_to_its_week() -> None:
    (row,) = board(scored.prediction(1), scored.outcome(1, 10), scored.outcome(1, 12, week=3))
    assert (row.compared, row.bias) == (1, -2.0)
    assert row.weeks == (week_of(scored.TRAINED_S + 60 + 3 * scored.WEEK_S),)


@pytest.mark.parametrize("observed_at_s", [None, 0.0, scored.TRAINED_S])
def test_an_outcome_that_was_there_before_the_training_or_has_no_date_does_not_count(observed_at_s) -> None:
    assert board(scored.prediction(1), scored.outcome(1, observed_at_s=observed_at_s)) == []


def test_copies_of_a_video_and_predictions_of_unfinished_ones_do_not_count() -> None:
    copy = scored.prediction(1, duplicate_of="url:v0")
    assert board(copy, scored.prediction(2, stage="partial"), scored.outcome(1), scored.outcome(2)) == []


@pytest.mark.parametrize(
    ("prediction", "outcome", "reason"),
    [
        (scored.prediction(1, unit="percentile"), scored.outcome(1), ONLY_TOGETHER),
        (scored.prediction(1, unit="bananas"), scored.outcome(1), NOT_DEFINED),
        (scored.prediction(1), scored.outcome(1, likes=None), NO_COUNTS),
    ],
)
def test_where_the_truth_cannot_be_told_the_board_says_why(prediction, outcome, reason) -> None:
    (row,) = board(prediction, outcome)
    assert (row.compared, row.error, row.coverage) == (0, None, None)
    assert row.not_comparable == {reason: 1}


def ranked(find) -> BoardRow:
    """A percentile foretold, and a hundred views that came."""
    said = scored.prediction(1, 50.0, unit="percentile", interval=Interval(low=30.0, high=70.0, level=0.9))
    (row,) = by_week(kept(said, scored.outcome(1), fold=scored.hearing(ScoreboardFold(find))))
    return row


def test_a_percentile_is_held_against_the_examples_that_its_release_brings_along(tmp_path) -> None:
    views = np.linspace(1.0, 3.0, 1001)
    learned_release.release_folder(tmp_path / "r1", "r1", reference=views)
    row = ranked(lambda target, release_id: tmp_path / release_id)
    rank = 100 * float((views < np.log10(101)).mean())
    assert (row.compared, row.coverage, row.not_comparable) == (1, 1.0, {})
    assert row.error == pytest.approx(abs(50 - rank), abs=0.3)


def test_a_percentile_without_these_examples_cannot_be_compared(tmp_path) -> None:
    learned_release.release_folder(tmp_path / "r1", "r1")
    for folder in (tmp_path / "r1", tmp_path / "nowhere"):
        row = ranked(lambda target, release_id, folder=folder: folder)
        assert (row.compared, row.not_comparable) == (0, {ONLY_TOGETHER: 1})


def test_who_is_among_the_best_is_not_known_without_what_the_release_was_taught_by() -> None:
    fold = scored.hearing(ScoreboardFold())
    fold.hear(msgspec.structs.replace(scored.TARGET, kind="probability", version=2))
    (row,) = by_week(kept(scored.prediction(1), scored.outcome(1), fold=fold))
    assert (row.compared, row.not_comparable) == (0, {AMONG_COMPARABLE: 1})


def test_a_chance_of_being_among_the_best_is_held_against_the_threshold_of_its_release(tmp_path) -> None:
    learned_release.release_folder(tmp_path / "r1", "r1", threshold=20.0)
    fold = scored.hearing(ScoreboardFold(lambda target, release_id: tmp_path / release_id))
    told = [(1, 0.9, 30), (2, 0.9, 10), (3, 0.15, 10), (4, 0.15, 20), (5, None, 30)]
    events = [
        e for n, chance, likes in told for e in (scored.prediction(n, probability=chance), scored.outcome(n, likes))
    ]
    (row,) = by_week(kept(*events, fold=fold))
    assert (row.compared, row.chances, row.not_comparable) == (5, 4, {})
    assert row.brier == pytest.approx((0.1**2 + 0.9**2 + 2 * 0.15**2) / 4, abs=1e-5)
    assert row.base_brier == pytest.approx((0.8**2 + 3 * 0.2**2) / 4, abs=1e-5), "a fifth is among the best"
    assert row.reliability == (ReliabilityBin(2, 0.15, 0.0), ReliabilityBin(2, 0.9, 0.5))
    assert row.calibration_error == pytest.approx((0.15 + 0.4) / 2)


BARS = {"": 20.0, "Music": 40.0}


def best_of(find, *events: Event) -> BoardRow:
    """A chance of 70 % to be among the best, by a target that is such a chance."""
    fold = scored.hearing(ScoreboardFold(find))
    fold.hear(msgspec.structs.replace(scored.TARGET, kind="probability", version=2))
    said = scored.prediction(1, 0.7, probability=0.7, constant=0.2, interval=Interval(low=0.1, high=0.9, level=0.9))
    (row,) = by_week(kept(said, *events, fold=fold))
    return row


@pytest.mark.parametrize(("category", "likes", "came"), [("", 30, 1), ("", 20, 0), ("Comedy", 30, 1), ("Music", 30, 0)])
@pytest.mark.parametrize("first", [True, False])
def test_a_video_is_compared_with_its_category_as_the_examples_were(tmp_path, category, likes, came, first) -> None:
    learned_release.release_folder(tmp_path / "r1", "r1", measure="counted", bars=BARS)
    media = runs.fetched("url:v1", metadata=Metadata(title="t", category=category))
    events = (media, scored.outcome(1, likes)) if first else (scored.outcome(1, likes), media)
    row = best_of(lambda target, release_id: tmp_path / release_id, *events)
    assert (row.compared, row.chances, row.not_comparable) == (1, 1, {})
    assert row.brier == pytest.approx((0.7 - came) ** 2, abs=1e-5)
    assert row.base_brier == pytest.approx((0.2 - came) ** 2, abs=1e-5)
    assert row.bias == pytest.approx(0.7 - came)
    assert row.coverage == 0.0, "a truth of 0 or 1 lies outside such an interval"


def test_a_release_of_before_says_nothing_of_the_best(tmp_path) -> None:
    learned_release.release_folder(tmp_path / "r1", "r1", measure="counted")
    row = best_of(lambda target, release_id: tmp_path / release_id, scored.outcome(1, 30))
    assert (row.compared, row.chances, row.not_comparable) == (0, 0, {AMONG_COMPARABLE: 1})


def test_a_row_of_a_table_does_not_change_the_category_that_was_fetched(tmp_path) -> None:
    learned_release.release_folder(tmp_path / "r1", "r1", measure="counted", bars=BARS)
    fetched = runs.fetched("url:v1", media_ref="m", metadata=Metadata(title="t", category="Music"))
    described = runs.fetched("url:v1", "two", metadata=Metadata(title="t", category="Comedy"))
    for order in ((fetched, described), (described, fetched)):
        row = best_of(lambda target, release_id: tmp_path / release_id, *order, scored.outcome(1, 30))
        assert row.brier == pytest.approx(0.7**2, abs=1e-5)


def test_a_release_that_is_heard_of_late_is_judged_at_the_next_tick() -> None:
    fold = scored.hearing(ScoreboardFold(), "another")
    machine = FoldInMemory(fold)
    assert list(machine.feed([scored.prediction(1), scored.outcome(1)])) == []
    assert machine.waiting() == ["url:v1"]
    fold.hear(scored.published("r1"))
    tick = TimePassed(event_id="", stage="scoreboard", partition=0, at_s=1.0)
    (row,) = by_week(parts_of(machine.pass_time(tick)))
    assert row.compared == 1
    assert machine.waiting() == []


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 100), st.integers(0, 3)), max_size=40), st.data())
def test_any_order_of_arrival_gives_the_same_bytes(videos, data) -> None:
    """Each prediction and each outcome of an age once; those of one video may come long after one another."""
    events = [e for n, likes, week in videos for e in _of(n, likes, week)]
    unique = list({(type(e), e.record_key): e for e in events}.values())
    shuffled = data.draw(st.permutations(unique))
    assert list(map(encode, kept(*unique))) == list(map(encode, kept(*shuffled, *shuffled[:5])))


def _of(number: int, likes: int, week: int) -> list[Event]:
    return [
        scored.prediction(number, number / 7),
        scored.shadow(number, 10.1),
        scored.outcome(number, likes, week=week),
    ]


def test_sums_do_not_depend_on_how_videos_are_spread_over_parts() -> None:
    events = [e for n in range(200) for e in scored.story(n)]
    (row, other) = board(*events)
    assert (row.compared, other.compared) == (200, 200)
    errors = [abs(9.0 + n - min(10 + 2 * n, 100)) for n in range(200)]
    assert row.error == pytest.approx(sum(errors) / 200)


def test_a_video_that_is_erased_is_taken_out_of_the_count() -> None:
    machine = FoldInMemory(scored.hearing(ScoreboardFold()))
    said = list(machine.feed([*scored.story(1), *scored.story(2)]))
    erased = [e for e in said if isinstance(e, PredictionJudged) and e.video_id == "url:v1"]
    counts = [*said, *machine.feed(msgspec.structs.replace(e, event_id="e", judged=None) for e in erased)]
    assert parts_of(counts) == kept(*scored.story(2))
    assert b"url:v1" not in b"".join(
        msgspec.json.encode(state) for key, state in machine.states.items() if key != "url:v1"
    )


def test_a_value_that_is_no_measurement_is_refused() -> None:
    with pytest.raises(Unreadable, match="within"):
        kept(scored.prediction(1, value=1e12))


@pytest.mark.parametrize(
    ("videos", "outside", "words"),
    [(49, 49, None), (50, 5, None), (100, 15, None), (100, 16, "too narrow"), (100, 5, None), (100, 4, "too wide")],
)
def test_status_warns_when_enough_outcomes_leave_the_coverage(videos: int, outside: int, words: str | None) -> None:
    events = [e for n in range(videos) for e in (scored.prediction(n), scored.outcome(n, 99 if n < outside else 10))]
    said = warnings(recent(kept(*events)))
    assert [words in one for one in said] == ([True] if words else [])


def test_only_the_newest_weeks_with_enough_outcomes_are_judged() -> None:
    """An old failure that has been mended is no news, and a few new outcomes alone are no proof."""
    old = [e for n in range(60) for e in (scored.prediction(n), scored.outcome(n, 99))]
    new = [e for n in range(100, 160) for e in (scored.prediction(n), scored.outcome(n, 10 + 9 * (n < 106), week=2))]
    assert warnings(recent(kept(*old)))
    assert warnings(recent(kept(*old, *new))) == []
    assert len(by_week(kept(*old, *new))) == 2


def test_chances_of_classes_are_not_held_against_outcomes_and_segments_are_not_counted() -> None:
    fold = ScoreboardFold()
    fold.hear(scored.published("c1", target="scenes"))
    fold.hear(shipped()["scenes"])
    film = scored.film(1)
    (row,) = by_week(kept(*scored.segments_of(film), film, scored.outcome(1), fold=fold))
    assert (row.target, row.compared, row.not_comparable) == ("scenes", 0, {BY_LABELS: 1})
    assert [fold.key(segment) for segment in scored.segments_of(film)] == [None, None]
