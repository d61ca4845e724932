"""What is known of first days, and that nothing counted later slips in."""

import math

import first_days
import numpy as np
import pytest

from models.early_series import Window, early_names, early_numbers, window_of, windows_in
from models.estimators.early import FittedProcess, HawkesProcess, early_members
from models.estimators.from_summaries import examples_of
from models.estimators.restore import restored
from models.layout import Block, Layout, modality_of, topic_of, vectorise
from schemas.errors import ReleaseInvalid
from streams.target_files import shipped

WINDOW = Window(40, 120)
EVERY_DAY = list(range(1, 41))


def numbers(days, seed: int = 1) -> dict[str, float]:
    found = early_numbers(WINDOW, tuple(first_days.counted(seed, days)))
    return {name.rpartition("/")[2]: value for name, value in found.items()}


def test_final_views_sees_ninety_days_and_virality_none():
    assert window_of(shipped()["final_views"]) == Window(90, 120)
    assert window_of(shipped()["virality"]) is None


def test_counts_are_the_last_ones_inside_the_window():
    (at_20,) = first_days.counted(1, [20])
    found = numbers([10, 20])
    assert found["views_log"] == math.log10(at_20.views + 1)
    assert found["shares_log"] == math.log10(at_20.shares + 1)
    assert found["age_log"] == math.log10(20 * 24)
    assert "likes_log" not in found


@pytest.mark.parametrize("days", [[10, 20], EVERY_DAY])
def test_what_was_counted_after_the_window_changes_nothing(days):
    assert numbers([*days, 41, 80, 120]) == numbers(days)


def test_outcomes_of_unknown_age_are_not_early():
    (one,) = first_days.counted(1, [10])
    unknown = type(one)(event_id="x", video_id=one.video_id, views=5)
    assert early_numbers(WINDOW, (unknown,)) == {}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_daily_series_foretells_the_views_at_the_later_age(seed):
    views, _ = first_days.daily(seed)
    found = numbers(EVERY_DAY, seed)
    assert found["process_views_log"] == pytest.approx(math.log10(views.sum() + 1), abs=0.1)
    assert found["process_response_log"] >= 0


@pytest.mark.parametrize("days", [list(range(1, 10)), [1, 5, 10, 20, 30, 40], list(range(1, 41, 2))])
def test_a_short_series_or_one_with_gaps_is_none(days):
    assert not any("process" in name for name in numbers(days))


def test_a_series_without_shares_is_one_all_the_same():
    without = [type(o)(event_id=o.event_id, video_id=o.video_id, age_h=o.age_h, views=o.views)
               for o in first_days.counted(2, EVERY_DAY)]  # fmt: skip
    found = early_numbers(WINDOW, tuple(without))
    assert WINDOW.name("process_views_log") in found
    assert WINDOW.name("process_virality_log") not in found


@pytest.mark.parametrize("days", [[], [3], [10, 20], EVERY_DAY])
def test_what_is_named_without_a_fit_is_what_a_fit_gives(days):
    outcomes = tuple(first_days.counted(1, days))
    told = {name for name in early_numbers(WINDOW, outcomes) if "virality" not in name}
    assert set(early_names(WINDOW, outcomes)) == told


def test_blocks_say_what_they_may_look_at_and_who_spoke():
    counts, process = (Block(WINDOW.name(name)) for name in ("views_log", "process_views_log"))
    assert windows_in([counts.name, process.name, "metadata/tags"]) == (WINDOW,)
    assert [modality_of(block) for block in (counts, process)] == ["early/counts", "early/series"]
    assert [topic_of(block).feature for block in (counts, process)] == ["early_counts", "early_series"]


@pytest.mark.parametrize(
    "name", ["early/views_log", "early/x/120/views_log", "early/120/90/views_log", "early/1/inf/v"]
)
def test_a_block_that_tells_of_no_window_is_refused(name):
    with pytest.raises(ReleaseInvalid, match="window"):
        windows_in([name])


LAYOUT = Layout(tuple(map(Block, (WINDOW.name("process_views_log"), WINDOW.name("views_log"), "metadata/title_words"))))


def test_the_process_speaks_where_there_is_a_series_and_the_regression_elsewhere():
    summaries = [first_days.video(seed, EVERY_DAY if seed < 4 else [10]) for seed in range(24)]
    examples = examples_of(summaries, LAYOUT)
    truth = np.linspace(3, 5, 24)
    made = HawkesProcess().fit(examples, truth, groups=np.arange(24), seed=1)
    again = restored(made.to_arrays())
    foretold = vectorise(summaries, LAYOUT).values[:4, 0]
    said = made.contributions(examples)
    assert isinstance(again, FittedProcess)
    assert (again.predict(examples) == made.predict(examples)).all()
    assert said.totals[:4] == pytest.approx(foretold, abs=1e-9)
    assert (said.totals[4:] == made.otherwise.predict(examples)[4:]).all()
    assert (said.parts[:4] != 0).sum(axis=1).tolist() == [1] * 4


def test_who_competes_depends_on_what_is_known():
    assert [one.name for one in early_members(LAYOUT)] == ["regression on early counts", "Hawkes intensity process"]
    assert len(early_members(Layout(LAYOUT.blocks[1:]))) == 1
    assert early_members(Layout(LAYOUT.blocks[2:])) == ()
