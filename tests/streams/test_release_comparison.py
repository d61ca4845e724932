import msgspec
import pytest
import scored
from rich.console import Console

from processors.active_releases import Roster
from schemas.codec import encode
from schemas.errors import UsageError
from schemas.event import Event
from schemas.promotions import RoleGiven
from streams.commands.status import _board
from streams.kafka.bulk import Record
from streams.release_comparison import collect, metrics_of, on_both
from streams.release_roles import find_release, role_given
from streams.scoreboard import BoardRow
from streams.target_files import shipped
from streams.topology import topic_of

A, B = scored.published("r1"), scored.published("r2")
NAMES = frozenset({("engagement", "r1"), ("engagement", "r2")})


def lying(*events: Event, erased: tuple[tuple[str, str], ...] = ()) -> list[Record]:
    """Records of events, and then tombstones by topic and key."""
    places = [(topic_of(e).name, e.record_key, encode(e)) for e in events] + [(*place, None) for place in erased]
    return [
        Record(topic=topic, partition=0, offset=at, key=key.encode(), value=value, headers=(), timestamp_ms=0)
        for at, (topic, key, value) in enumerate(places)
    ]


def compared(*events: Event, erased: tuple[tuple[str, str], ...] = ()):
    return on_both(collect(lying(*events, erased=erased), NAMES), A, B, scored.TARGET)


def test_two_releases_are_compared_on_videos_that_both_have_scored() -> None:
    said = [
        e for n, up in enumerate((1, 2, 3)) for e in (scored.prediction(n, 5.0 * n), scored.shadow(n, 5.0 * n + up))
    ]
    both = compared(*said, scored.prediction(9, 99.0))
    assert (both.videos, both.mean_difference, both.with_outcome) == (3, 2.0, 0)
    assert both.correlation == pytest.approx(1.0, abs=0.01)
    assert (both.error_a, both.share_b_worse) == (None, None)


def test_outcomes_say_which_one_was_farther_off() -> None:
    said = [e for n in range(4) for e in (scored.prediction(n, 10.0), scored.shadow(n, 13.0))]
    both = compared(*said, *[scored.outcome(n, truth) for n, truth in enumerate((10, 13, 11))])
    assert both.with_outcome == 3
    assert (both.error_a, both.error_b) == (pytest.approx(4 / 3), pytest.approx(5 / 3))
    assert (both.share_a_worse, both.share_b_worse) == (pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_an_outcome_that_one_of_them_may_have_learned_from_does_not_count() -> None:
    later = scored.published("r2", scored.TRAINED_S + scored.WEEK_S)
    said = collect(lying(scored.prediction(1), scored.shadow(1), scored.outcome(1)), NAMES)
    assert on_both(said, A, B, scored.TARGET).with_outcome == 1
    assert on_both(said, A, later, scored.TARGET).with_outcome == 0


def test_a_prediction_that_a_later_release_has_replaced_still_counts_for_its_own() -> None:
    both = compared(scored.prediction(1, 10.0), scored.prediction(1, 12.0, release_id="r2"))
    assert (both.videos, both.mean_difference, both.correlation) == (1, 2.0, None)


def test_without_common_videos_there_is_nothing_to_say() -> None:
    assert compared(scored.prediction(1), scored.shadow(2)).mean_difference is None


def test_erased_videos_and_outcomes_do_not_count() -> None:
    events = [e for n in (1, 2) for e in scored.story(n)]
    gone = (("predictions", "url:v1/engagement"), ("outcomes", scored.outcome(2).record_key))
    both = compared(*events, erased=gone)
    assert (both.videos, both.with_outcome) == (1, 0)


def test_figures_of_training_stand_side_by_side_also_where_one_has_none() -> None:
    measured = msgspec.structs.replace(A, metrics={"mse": 2.0})
    better = msgspec.structs.replace(B, metrics={"mse": 1.0, "ece": 0.1})
    assert metrics_of(measured, better) == {"mse": (2.0, 1.0), "ece": (None, 0.1)}


ROSTER = Roster.of([A, B, scored.published("old", 1.0)])


def test_a_role_is_later_than_all_that_was_said_also_on_a_clock_that_is_behind() -> None:
    given = role_given(ROSTER, ROSTER.published["engagement", "old"], "promoted", now_s=5.0)
    assert isinstance(given, RoleGiven)
    assert ROSTER.heard(given).serving("engagement").release_id == "old"
    again = role_given(ROSTER.heard(given), B, "promoted", now_s=5.0)
    assert ROSTER.heard(again).heard(given).serving("engagement").release_id == "r2"


def test_a_release_is_found_by_its_whole_name_or_by_its_id() -> None:
    assert find_release(ROSTER, "engagement/r1") == find_release(ROSTER, "r1") == A
    with pytest.raises(UsageError, match="releases list"):
        find_release(ROSTER, "r7")


def test_an_id_of_several_targets_is_not_guessed() -> None:
    two = ROSTER.heard(_of_target("virality"))
    with pytest.raises(UsageError, match="virality/r1"):
        find_release(two, "r1")


def _of_target(target: str):
    return msgspec.structs.replace(A, target=target)


def test_status_shows_the_board_and_what_it_cannot_compare() -> None:
    row = BoardRow(
        target="virality", release_id="r1", weeks=("2026-W41", "2026-W42"), unit="", level=0.9, compared=60,
        coverage=0.8, below=0.1, above=0.1, bias=-1.5, error=12.0, constant_error=14.5,
        not_comparable={"no date": 3}, chances=40, brier=0.125, base_brier=0.16, calibration_error=0.04,
    )  # fmt: skip
    console = Console(width=160)
    with console.capture() as said:
        console.print(_board([row]))
    shown = said.get()
    words = ("virality/r1", "2026-W41", "60", "14.5", "80% of 90%", "0.125", "0.16", "4%", "3 not comparable")
    assert all(word in shown for word in words)


def test_releases_of_classes_are_compared_class_by_class_and_segments_change_nothing() -> None:
    a, b = (scored.published(name, target="scenes", kind="multilabel") for name in ("c1", "c2"))
    said = [scored.film(n, holiday=0.5) for n in range(3)]
    later = [scored.film(n, release_id="c2", holiday=0.4 + n / 10, shopping=0.3) for n in range(2)]
    names = frozenset({("scenes", "c1"), ("scenes", "c2")})
    events = [*said, *later, *scored.segments_of(said[0]), *[scored.outcome(n) for n in range(3)]]
    both = on_both(collect(lying(*events), names), a, b, shipped()["scenes"])
    assert (both.videos, both.mean_difference, both.with_outcome) == (2, None, 0)
    assert both.classes == {"holiday": pytest.approx(-0.05), "shopping": pytest.approx(0.2)}
