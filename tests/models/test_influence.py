"""How somebody's videos did, without looking into the future."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.influence import Appearance, influence
from schemas.outcomes import OutcomeObserved

SEEN = [Appearance("url:a", 0.5), Appearance("url:b", 0.1)]


def test_what_nobody_dated_counts_only_when_no_date_is_asked_for():
    undated = {"url:a": [OutcomeObserved(event_id="o", video_id="url:a", views=100)]}
    assert influence([Appearance("url:a", 1.0)], undated).observed == 1
    assert influence([Appearance("url:a", 1.0)], undated, before_s=1e12).observed == 0


def outcome(video_id: str, observed_at_s: float, views: int, **counts: int) -> OutcomeObserved:
    return OutcomeObserved(
        event_id="o", video_id=video_id, observed_at_s=observed_at_s, age_h=int(observed_at_s), views=views, **counts
    )


def test_videos_and_time_add_up_without_any_outcome():
    known = influence(SEEN, {})
    assert known == (2, 0.3, 0, None, None)


def test_the_last_observation_before_the_moment_counts():
    outcomes = {"url:a": [outcome("url:a", 1, 10), outcome("url:a", 5, 90, likes=9), outcome("url:a", 9, 10**6)]}
    assert influence(SEEN, outcomes, before_s=9).views == pytest.approx(90)
    assert influence(SEEN, outcomes, before_s=9).engagement == pytest.approx(0.1)
    assert influence(SEEN, outcomes, before_s=1).observed == 0


def test_views_are_a_geometric_mean():
    outcomes = {"url:a": [outcome("url:a", 1, 9)], "url:b": [outcome("url:b", 1, 999)]}
    assert influence(SEEN, outcomes).views == pytest.approx(99)


def test_the_video_itself_is_left_out():
    outcomes = {"url:a": [outcome("url:a", 1, 9)], "url:b": [outcome("url:b", 1, 999)]}
    assert influence(SEEN, outcomes, except_for="url:b").views == pytest.approx(9)


@given(later=st.lists(st.tuples(st.sampled_from("ab"), st.integers(10, 99), st.integers(0, 10**6)), max_size=5))
def test_nothing_observed_later_changes_anything(later):
    before = {"url:a": [outcome("url:a", 3, 50, comments=2)], "url:b": [outcome("url:b", 4, 7)]}
    after = {k: [*v, *[outcome(k, at, views) for name, at, views in later if k[-1] == name]] for k, v in before.items()}
    assert influence(SEEN, after, before_s=10) == influence(SEEN, before)
