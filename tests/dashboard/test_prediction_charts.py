"""Where things lie in charts and on the timeline, by numbers."""

import math

import pytest
from examples import CUT, EXTRACTED, FETCHED, SCORED
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dashboard.pages.board_charts import board_charts
from dashboard.pages.charts import MARGIN, Scale, scale_over, signed_bars, steps_of
from dashboard.pages.prediction_views import grouped, views_of
from dashboard.pages.timeline import MOST_MARKS, timeline_of
from dashboard.rows import FaceSeen, Moment, PersonBrief, VideoDetail, VideoRow
from schemas.faces import Box
from schemas.features import Label
from schemas.predictions import Interval, Reason
from schemas.releases import ReleasePublished
from schemas.targets import Measure, TargetDefined
from streams.scoreboard import BoardRow

ROW = VideoRow(video_id=FETCHED.video_id, state="done", submitted_at_s=0.0, changed_at_s=0.0)
NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_a_scale_holds_every_value_between_its_margins(values: list[float]) -> None:
    scale = scale_over(values)
    assert scale.low <= min(values)
    assert scale.high >= max(values)
    assert all(MARGIN <= scale.at(value) <= 100 - MARGIN for value in values)


@given(NUMBERS, NUMBERS)
def test_a_larger_value_never_lies_further_left(one: float, other: float) -> None:
    scale = scale_over([one, other, 0.0])
    assert scale.at(min(one, other)) <= scale.at(max(one, other))


@given(st.lists(NUMBERS, min_size=2, max_size=5))
def test_ticks_lie_on_the_scale_in_order_and_are_few(values: list[float]) -> None:
    places = [at for at, _ in scale_over(values).ticks()]
    assert places == sorted(places)
    assert len(places) <= 12


def test_what_is_bounded_is_shown_from_end_to_end() -> None:
    assert scale_over([41.0, 60.0], low=0.0, high=100.0) == Scale(0.0, 100.0)


@pytest.mark.parametrize("values", [[], [math.nan, None], [3.0], [math.inf]])
def test_a_scale_over_nothing_much_still_has_a_length(values: list[float | None]) -> None:
    scale = scale_over(values)
    assert scale.high > scale.low


def test_the_largest_reason_fills_its_half_and_signs_lie_on_their_sides() -> None:
    bars = signed_bars([_reason(-8.0), _reason(2.0)])
    assert (bars[0].x, bars[0].width, bars[0].is_up) == (0.0, 50.0, False)
    assert (bars[1].x, bars[1].width, bars[1].is_up) == (50.0, 12.5, True)


def test_reasons_are_grouped_and_bars_of_all_groups_can_be_compared() -> None:
    reasons = (
        _reason(4.0, "pictures"),
        _reason(-8.0, "title_form"),
        _reason(1.0, "unheard_of"),
        _reason(2.0, at_s=3.0),
    )
    groups = dict(grouped(reasons))
    assert list(groups) == ["Words", "Pictures", "Moments in the video", "Around the video"]
    assert groups["Pictures"][0].width == 25.0


def test_a_new_release_is_marked_in_the_story() -> None:
    history = [_moment("a", 1.0), _moment("a", 2.0), _moment("b", 3.0)]
    steps = steps_of(history, Scale(0, 4))
    assert [step.release_begins for step in steps] == [False, False, True]
    assert steps[0].y > steps[2].y, "more lies higher"
    assert steps[0].x2 == steps[1].x


def test_what_came_lies_beside_what_was_predicted_where_it_can_be_measured() -> None:
    target = TargetDefined(
        event_id="00000000-0000-0000-0000-000000000001", name="virality", version=1, kind="regression", title="Views",
        description="", measures=(Measure(name="views", formula="log_count", unit=SCORED.unit),),
    )  # fmt: skip
    view = _view(targets=[target])
    assert view.truth == pytest.approx(math.log10(9121))
    assert view.truth_x is not None
    assert "what came" in view.in_words


def test_outcomes_from_before_the_release_prove_nothing() -> None:
    view = _view(trained_at_s=4e9)
    assert view.truth is None
    assert "before the release" in view.truth_why_not


def test_a_logarithm_is_said_as_a_count_too() -> None:
    view = _view(unit="log10 of views after 120 days")
    assert view.in_counts == "about 13,000 views after 120 days, 790 to 200,000"


def test_the_timeline_joins_what_is_seen_without_a_break_and_keeps_overlaps_apart() -> None:
    cuts = tuple(replace(CUT, index=i, start_s=5.0 * i, end_s=5.0 * i + 5, shot_starts_s=(5.0 * i,)) for i in range(2))
    answers = tuple(
        replace(EXTRACTED, scope=str(i), modality="visual", transcript=None, labels=labels)
        for i, labels in enumerate(
            (
                (Label(name="dog", score=0.9, start_s=0.0, end_s=5.0, best_s=4.0), Label(name="ball", score=0.5)),
                (Label(name="dog", score=0.7, start_s=5.0, end_s=8.0), Label(name="blur", score=0.01)),
            )
        )
    )
    seen = _lanes(segments=cuts, answers=answers)["Seen"]
    assert [(m.words, m.start_s, m.end_s, m.at_s, m.row) for m in seen.marks] == [
        ("dog", 0.0, 8.0, 4.0, 0),
        ("ball", 0.0, 5.0, 0.0, 1),
    ]


def test_faces_bear_the_names_that_people_gave() -> None:
    person = PersonBrief(identity_id="person:00000000000000ab", name="Ada")
    box = Box(left=0, top=0, width=1, height=1)
    face = FaceSeen(segment=0, track=0, start_s=1, end_s=2, at_s=1.5, box=box, quality=0.9)
    lanes = _lanes(
        faces=(face, replace(face, track=1, start_s=3, end_s=4, identity_id=person.identity_id)), people=(person,)
    )
    assert [mark.words for mark in lanes["Faces"].marks] == ["somebody", "Ada"]


def test_a_lane_of_very_many_marks_is_bounded_and_says_so() -> None:
    many = MOST_MARKS + 50
    cuts = tuple(replace(CUT, index=i, count=many, start_s=2.0 * i, end_s=2.0 * i + 2) for i in range(many))
    words = _lanes(segments=cuts)["Words"]
    assert len(words.marks) == MOST_MARKS
    assert words.left_out == 50


def test_a_video_without_anything_has_empty_lanes_that_say_so() -> None:
    lanes = _lanes()
    assert all(lane.empty and not lane.marks for name, lane in lanes.items() if name != "Shots")


def _lanes(**changes: object) -> dict:
    detail = replace(VideoDetail(row=ROW), **changes)
    return {lane.name: lane for lane in timeline_of(detail).lanes}


def _view(*, targets=(), trained_at_s: float = 0.0, unit: str = SCORED.unit):
    from examples import OUTCOME

    from dashboard.rows import ReleaseRow

    release = ReleasePublished(
        event_id=SCORED.event_id, target=SCORED.target, release_id=SCORED.release_id, kind="ridge", files=(),
        trained_at_s=trained_at_s, rows=1, metrics={}, beats_constant=True,
    )  # fmt: skip
    detail = VideoDetail(row=ROW, predictions=(replace(SCORED, unit=unit),), outcomes=(OUTCOME,))
    return views_of(detail, targets, [ReleaseRow(release=release, role="serving")])[0]


def _reason(contribution: float, feature: str = "x", at_s: float | None = None) -> Reason:
    return Reason(feature=feature, words=feature, contribution=contribution, at_s=at_s)


def _moment(release_id: str, value: float) -> Moment:
    interval = Interval(low=value - 1, high=value + 1, level=0.9)
    return Moment(
        target="t", at_s=value, value=value, low=interval.low, high=interval.high, stage="final", release_id=release_id
    )


def test_shares_on_the_scoreboard_are_percents_and_errors_are_in_their_unit() -> None:
    weeks = [_week("2026-W20", error=0.25, coverage=0.9), _week("2026-W21", error=0.5, coverage=0.875)]
    (chart,) = board_charts(weeks)
    assert [words for _, words in chart.coverage_ticks] == ["50%", "60%", "70%", "80%", "90%", "100%"]
    (line,) = chart.coverages
    assert line.last_words == "88%"
    assert [words for *_, words in line.dots] == ["2026-W20: 90%", "2026-W21: 88%"]
    assert chart.errors[0].last_words == "0.50"
    assert all("%" not in words for _, words in chart.error_ticks)


def _week(week: str, *, error: float, coverage: float) -> BoardRow:
    return BoardRow(
        target="virality", release_id="r1", weeks=(week,), unit="percentile of views", level=0.9, compared=12,
        coverage=coverage, below=0.05, above=1 - coverage - 0.05, bias=0.0, error=error, constant_error=1.0,
        not_comparable={},
    )  # fmt: skip
