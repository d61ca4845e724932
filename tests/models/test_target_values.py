"""What each formula makes of outcomes and labels, by hand-made figures."""

import math

import numpy as np
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st

from models import target_values
from models.target_values import at_age, bars, early, label_truth, measured, raw_value
from schemas.labels import LabelGiven
from schemas.media import Metadata
from schemas.outcomes import OutcomeObserved
from schemas.summaries import Summarised
from schemas.targets import Measure, TargetClass, TargetDefined


def outcome(age_h: int | None = None, **counts) -> OutcomeObserved:
    return OutcomeObserved(event_id="o", video_id="url:a", age_h=age_h, **counts)


def example(*outcomes: OutcomeObserved, number: int = 0, **metadata) -> Summarised:
    return Summarised(
        event_id="s", video_id=f"url:v{number}", revision=runs.revision("x"), scope="video", complete=True, final=True,
        metadata=Metadata(**metadata), outcomes=outcomes,
    )  # fmt: skip


def target(*of: Measure, kind: str = "regression", **changes) -> TargetDefined:
    given = {"name": "t", "version": 1, "kind": kind, "title": "T", "description": "", "measures": of} | changes
    return TargetDefined(event_id="t", **given)


def measure(formula: str, **changes) -> Measure:
    return Measure(**{"name": "m", "formula": formula, "unit": "u"} | changes)


def value(formula: str, *outcomes: OutcomeObserved, **changes) -> float:
    one = measure(formula, **changes)
    return raw_value(target(one), one, example(*outcomes))


def test_virality_is_first_day_and_all_views_by_subscribers() -> None:
    series = (outcome(48, views=600, subscribers=1000), outcome(720, views=5000, subscribers=2000))
    assert value("virality_score", *series) == pytest.approx(300 / 1000 + 5000 / 2000)


def test_a_first_count_before_the_day_is_over_is_projected_to_its_end() -> None:
    series = (outcome(6, views=100, subscribers=1000), outcome(720, views=4000, subscribers=1000))
    assert value("virality_score", *series) == pytest.approx(400 / 1000 + 4000 / 1000)


@pytest.mark.parametrize(
    "series",
    [
        (),
        (outcome(48, views=600),),
        (outcome(24 * 30, views=600, subscribers=10),),
        (outcome(None, views=600, subscribers=10),),
        (outcome(48, views=600, subscribers=0),),
        (outcome(0, views=0, subscribers=10),),
    ],
    ids=["nothing", "no subscribers", "counted too late", "no age", "zero subscribers", "counted at once"],
)
def test_virality_is_not_known_without_early_counts_and_subscribers(series: tuple[OutcomeObserved, ...]) -> None:
    assert math.isnan(value("virality_score", *series))


@pytest.mark.parametrize(
    ("counts", "percent"),
    [
        ({"views": 200, "likes": 10, "comments": 6}, 8.0),
        ({"views": 200, "likes": 10}, 5.0),
        ({"views": 10, "likes": 50, "comments": 6}, 100.0),
        ({"views": 0, "likes": 0}, math.nan),
        ({"views": 200}, math.nan),
    ],
)
def test_engagement_is_likes_and_comments_in_a_hundred_views(counts: dict[str, int], percent: float) -> None:
    assert value("engagement", outcome(1, **counts)) == pytest.approx(percent, nan_ok=True)


def test_counts_and_scores_come_from_the_last_outcome_that_has_them() -> None:
    series = (outcome(10, views=99), outcome(20, views=999), outcome(30, likes=5), outcome(None, scores={"reach": 7.5}))
    assert value("log_count", *series, count="views") == pytest.approx(3.0)
    assert value("log_count", *series, count="likes") == pytest.approx(math.log10(6))
    assert value("score", *series, score="reach") == 7.5
    assert math.isnan(value("score", *series, score="other"))


def test_a_target_at_an_age_takes_the_nearest_count_and_none_that_is_too_far() -> None:
    monthly = target(age_days=30.0, tolerance_days=2.0)
    series = (outcome(24 * 27, views=1), outcome(24 * 29, views=2), outcome(24 * 32, views=3), outcome(None, views=4))
    assert [o.views for o in at_age(monthly, series)] == [2, 3]
    assert at_age(monthly, series[:1]) == []


def test_only_early_counts_of_known_age_may_be_seen_and_only_by_targets_that_say_so() -> None:
    series = (outcome(24, views=1), outcome(48, views=2), outcome(None, views=3))
    assert early(target(), series) == ()
    assert early(target(sees="early_outcomes", early_days=1.0, age_days=30.0), series) == series[:1]


def test_percentiles_share_the_rank_of_equals() -> None:
    one = measure("log_count", scale="percentile")
    found = measured(target(one), [example(outcome(1, views=v)) for v in (10, 20, 20, 40)])
    assert found.values.tolist() == [12.5, 50.0, 50.0, 87.5]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_percentiles_keep_the_order_and_stay_between_0_and_100(views: list[int]) -> None:
    one = measure("log_count", scale="percentile")
    found = measured(target(one), [example(outcome(1, views=v)) for v in views]).values
    assert (found > 0).all()
    assert (found < 100).all()
    assert [found[i] <= found[j] for i in range(len(views)) for j in range(len(views)) if views[i] < views[j]].count(
        False
    ) == 0


def test_saturating_puts_half_at_fifty() -> None:
    one = measure("score", score="s", scale="saturating", half=2.0)
    found = measured(target(one), [example(outcome(1, scores={"s": s})) for s in (0.0, 2.0, 4.0, 1e9)])
    assert found.values.tolist() == [0.0, 50.0, 75.0, 100.0]


def test_the_measure_that_most_examples_can_be_measured_by_is_used_and_can_be_named() -> None:
    both = target(measure("score", name="scored", score="s"), measure("log_count", name="counted"))
    examples = [example(outcome(1, views=9)), example(outcome(1, views=99, scores={"s": 3.0}))]
    found = measured(both, examples)
    assert found.measure.name == "counted"
    assert found.values.tolist() == [1.0, 2.0]
    named = measured(both, examples, by="scored")
    assert named.usable.tolist() == [False, True]
    equal = measured(both, examples[1:])
    assert equal.measure.name == "scored", "of equals the first"
    with pytest.raises(KeyError):
        measured(both, examples, by="absent")


def test_a_success_is_among_the_best_share_of_its_category_where_that_is_large_enough() -> None:
    hits = target(measure("log_count"), kind="probability", compare_by="category", top_share=0.2)
    music = [example(outcome(1, views=1000 + n), category="Music", number=n) for n in range(50)]
    chess = [example(outcome(1, views=n), category="Chess", number=n) for n in range(50)]
    rare = [example(outcome(1, views=10**6), category="Kites"), example(category="Music")]
    found = measured(hits, [*music, *chess, *rare]).values
    assert found[:50].sum() == found[50:100].sum() == 10
    assert found[100] == 1.0, "compared with all"
    assert math.isnan(found[101])


def test_what_it_took_to_be_among_the_best_is_known_afterwards() -> None:
    hits = target(measure("log_count"), kind="probability", compare_by="category", top_share=0.2)
    categories = ["Music"] * 50 + ["Chess"] * 40 + ["Kites"] * 3
    raw = np.array([*np.arange(50.0), *np.arange(40.0) + 100, *np.arange(3.0) + 200])
    above = bars(hits, raw, categories)
    assert set(above) == {"", "Music", "Chess"}, "too few kites to compare them with kites"
    assert above["Music"] < above[""] < above["Chess"]
    own = np.array([above.get(category, above[""]) for category in categories])
    assert (raw > own).astype(float).tolist() == target_values.successes(hits, raw, categories).tolist()


def test_only_the_most_used_hashtags_are_classes_where_the_target_says_how_many() -> None:
    tags = target(measure("hashtags"), kind="multilabel", minimum_examples=1, maximum_classes=2)
    examples = [
        example(hashtags=("sea", "boat", "fish")),
        example(hashtags=("sea", "fish")),
        example(hashtags=("Sea",)),
    ]
    assert target_values.hashtag_classes(tags, examples) == ("sea", "fish")


def test_hashtags_that_few_bear_are_no_classes() -> None:
    tags = target(measure("hashtags"), kind="multilabel", minimum_examples=2)
    examples = [example(hashtags=("Sea", "boat")), example(hashtags=("sea", "SEA")), example()]
    classes = target_values.hashtag_classes(tags, examples)
    assert classes == ("sea",)
    assert target_values.hashtag_truth(classes, examples).tolist() == [[1.0], [1.0], [0.0]]
    assert target_values.hashtag_truth((), examples).shape == (3, 0)


def test_labels_are_the_share_of_those_who_say_yes() -> None:
    classes = (TargetClass(name="cat", definition="A cat."), TargetClass(name="dog", definition="A dog."))
    pets = target(measure("labels"), kind="multilabel", classes=classes)

    def said(label: str, value: str, by: str, scope: str = "video", of: str = "t") -> LabelGiven:
        return LabelGiven(event_id="l", video_id="url:a", target=of, scope=scope, label=label, value=value, by=by)  # type: ignore[arg-type]  # a judgement

    found = label_truth(
        pets, [said("cat", "yes", "a"), said("cat", "no", "b"), said("dog", "skip", "a"), said("dog", "yes", "a", "3"), said("cat", "no", "a", of="other")]
    )  # fmt: skip
    assert found.keys() == {("url:a", "video"), ("url:a", "3")}
    np.testing.assert_array_equal(found["url:a", "video"], [0.5, np.nan])
    np.testing.assert_array_equal(found["url:a", "3"], [np.nan, 1.0])


@pytest.mark.parametrize(
    ("metadata", "group"), [({"channel": "c", "channel_id": "i"}, "c"), ({"channel_id": "i"}, "i"), ({}, "url:v0")]
)
def test_a_group_is_whoever_is_behind_the_video(metadata: dict[str, str], group: str) -> None:
    assert target_values.group_of(example(**metadata)) == group
