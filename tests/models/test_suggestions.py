"""Suggestions: found where there is something to find, and hardly ever where there is nothing."""

import math

import fitted
import msgspec
import numpy as np
import pytest

from models.comparables import (
    MOST,
    ComparableFacts,
    Comparables,
    Facets,
    facets_of,
    learn_comparables,
    restored_comparables,
    scale_of,
    to_arrays,
    topic,
    topic_block_of,
)
from models.estimators.examples import Examples
from models.estimators.folds import group_folds
from models.estimators.linear import RidgeRegression
from models.estimators.unexplained import unexplained, without_levers
from models.layout import Block, Layout, Table, full_layout
from models.levers import CAPTIONS, LEVERS, SHAPE, UNKNOWN, choices_of, is_pulled, lever_numbers
from models.suggestion_luck import dealt, with_luck
from models.suggestions import FALSE_SHARE, Suggestion, _deviate, suggest
from schemas.errors import ReleaseInvalid
from schemas.targets import Measure

NAMES = [lever.name for lever in LEVERS]
CAPTIONED = NAMES.index(CAPTIONS)
DIM = 16
CHANNELS = 80


def facets(count: int = 400, seed: int = 0) -> Facets:
    """Videos that have made their choices without a thought; an eighth tells nothing of each."""
    random = np.random.default_rng(seed)
    topics = np.array([topic(row) for row in random.normal(size=(count, DIM))])
    choices = np.stack([random.integers(0, len(lever.choices), count) for lever in LEVERS], axis=1)
    told = random.random(choices.shape) > 1 / 8
    return Facets(topics, np.where(told, choices, UNKNOWN).astype(np.int8), ("",) * count)


def channels(count: int = 400) -> np.ndarray:
    return np.arange(count) % CHANNELS


def luck(count: int = 400, seed: int = 0) -> np.ndarray:
    """What nobody can foresee: half of it belongs to the channel."""
    random = np.random.default_rng(1000 + seed)
    return random.normal(size=CHANNELS)[channels(count)] * 0.5 + random.normal(size=count) * 0.5


def captions_help(of: Facets, by: float) -> np.ndarray:
    return by * (of.choices[:, CAPTIONED] == 1)


def comparables(
    of: Facets, residuals: np.ndarray, *, scale: str = "log10", truth: np.ndarray | None = None
) -> Comparables:
    truth = np.zeros(len(of)) if truth is None else truth
    groups = channels(len(of))
    return learn_comparables(
        of, residuals, truth=truth, groups=groups, topic_block="video/text", scale=scale, unit="log10 of views"
    )


def low_scores(count: int) -> np.ndarray:
    return np.full(count, -1.0)


def planted(by: float = 1.0, *, scale: str = "log10") -> tuple[Facets, Comparables]:
    of = facets()
    return of, comparables(of, luck() + captions_help(of, by), scale=scale, truth=np.full(400, 2.0))


def without_captions(of: Facets) -> int:
    return int(np.flatnonzero(of.choices[:, CAPTIONED] == 0)[0])


def only(of: Facets, place: int) -> Facets:
    return Facets(of.topics[[place]], of.choices[[place]], (of.categories[place],))


def test_an_effect_that_is_there_is_found_and_measured():
    of, carried = planted(by=1.0)
    told = suggest(of, low_scores(400), carried)
    lacking = np.flatnonzero(of.choices[:, CAPTIONED] == 0)
    found = [[s for s in told[place] if s.feature == CAPTIONS] for place in lacking]
    assert np.mean([len(one) == 1 for one in found]) > 0.95
    inside = [s.low < 1.0 < s.high for one in found for s in one]
    assert np.mean(inside) > 0.8


def test_nobody_is_told_to_do_what_they_do_or_what_did_worse():
    of, carried = planted()
    for place, told in enumerate(suggest(of, low_scores(400), carried)):
        for suggestion in told:
            assert suggestion.suggested != suggestion.present
            assert suggestion.change > 0
            assert suggestion.low > 0
            if suggestion.feature == CAPTIONS:
                assert of.choices[place, CAPTIONED] == 0


@pytest.mark.parametrize("first_seed", [0, 10, 20])
def test_on_outcomes_of_pure_luck_fewer_than_one_in_twenty_videos_are_told_anything(first_seed):
    shares = []
    for seed in range(first_seed, first_seed + 10):
        of = facets(seed=seed)
        told = suggest(of, low_scores(400), comparables(of, luck(seed=seed)))
        shares.append(np.mean([bool(one) for one in told]))
    assert np.mean(shares) < FALSE_SHARE


@pytest.mark.parametrize("by", [0.0, 1.5])
def test_the_whole_procedure_finds_what_was_planted_and_nothing_once_outcomes_are_dealt_out(by):
    examples, of = _table()
    groups = channels()
    truth = examples.table.values[:, 0] + luck() + captions_help(of, by)
    told = _taught_and_told(examples, of, truth=truth)
    dealt = _taught_and_told(
        examples, of, truth=truth[np.argsort(np.random.default_rng(3).permutation(CHANNELS)[groups])]
    )
    lacking = of.choices[:, CAPTIONED] == 0
    share = np.mean([bool(one) for one, lacks in zip(told, lacking, strict=True) if lacks])
    assert share > 0.5 if by else share < FALSE_SHARE
    assert np.mean([bool(one) for one in dealt]) < FALSE_SHARE


def _table() -> tuple[Examples, Facets]:
    of = facets()
    layout = Layout((Block("video/text", DIM), Block("metadata/title_words"), Block("category/Music")))
    random = np.random.default_rng(2)
    values = np.hstack([of.topics / 127, random.normal(size=(400, 1)), random.integers(0, 2, (400, 1))])
    return Examples(Table(values, np.ones((400, 3), bool)), layout), of


def _taught_and_told(examples: Examples, of: Facets, *, truth: np.ndarray) -> list[tuple[Suggestion, ...]]:
    groups = channels()
    left = unexplained(examples, truth, groups=groups, folds=group_folds(groups), seed=1, estimator=RidgeRegression())
    return suggest(of, np.full(400, truth.min() - 1), comparables(of, left, truth=truth))


def test_a_release_knows_whether_it_suggests_more_than_luck_would():
    of, carried = planted()
    facts = with_luck(carried).facts
    assert facts.beats_luck
    assert facts.caveat == ""
    assert facts.told_share > 0.3 > 0.1 > facts.luck_share
    facts = with_luck(comparables(of, luck())).facts
    assert not facts.beats_luck
    assert "dealt out by chance" in facts.caveat


def test_outcomes_are_dealt_out_by_whole_channels():
    of = facets()
    carried = comparables(of, channels().astype(float))
    lucky = dealt(carried, 1)
    assert sorted(lucky.residuals) == sorted(carried.residuals)
    assert (lucky.residuals != carried.residuals).mean() > 0.9
    assert len(set(zip(lucky.groups.tolist(), lucky.residuals.tolist(), strict=True))) == CHANNELS


def test_a_good_score_gets_no_suggestion():
    of, carried = planted()
    assert carried.facts.low_below == 2.0
    assert suggest(of, np.full(400, 2.0), carried) == [()] * 400


def test_too_few_videos_or_channels_say_nothing():
    of = facets(60)
    told = suggest(of, low_scores(60), comparables(of, 5 * captions_help(of, 1.0) + luck(60) / 100))
    assert told == [()] * 60
    of = facets()
    few = np.arange(400) % 9
    carried = learn_comparables(
        of, captions_help(of, 5.0), truth=np.zeros(400), groups=few, topic_block="video/text", scale="points", unit=""
    )
    assert suggest(of, low_scores(400), carried) == [()] * 400


def test_what_a_video_does_not_tell_is_not_suggested():
    of, carried = planted()
    silent = Facets(of.topics, np.full_like(of.choices, UNKNOWN), of.categories)
    assert suggest(silent, low_scores(400), carried) == [()] * 400
    blank = Facets(np.zeros_like(of.topics), of.choices, of.categories)
    assert suggest(blank, low_scores(400), carried) == [()] * 400


def test_the_company_of_other_videos_does_not_change_a_suggestion():
    of, carried = planted()
    together = suggest(of, low_scores(400), carried)
    alone = [suggest(only(of, place), low_scores(1), carried)[0] for place in range(0, 400, 7)]
    assert alone == together[::7]


def test_comparables_come_from_the_category_where_it_has_enough():
    of = facets(600)
    categories = tuple("Music" if place < 300 else "Sports" for place in range(600))
    of = Facets(of.topics, of.choices, categories)
    helps = captions_help(of, 2.0) * (np.arange(600) < 300)
    carried = comparables(of, luck(600) + helps)
    told = suggest(of, low_scores(600), carried)
    captions = [any(s.feature == CAPTIONS for s in one) for one in told]
    lacking = of.choices[:, CAPTIONED] == 0
    assert np.mean(np.array(captions)[:300][lacking[:300]]) > 0.95
    assert np.mean(np.array(captions)[300:][lacking[300:]]) < 0.1


def test_a_video_is_not_compared_with_itself():
    of, carried = planted()
    place = without_captions(of)
    spoilt = np.where((carried.topics == of.topics[place]).all(axis=1), np.float32(-100.0), carried.residuals)
    itself = Comparables(carried.facts, carried.topics, spoilt, carried.groups, carried.choices, carried.categories)
    assert suggest(only(of, place), low_scores(1), itself) == suggest(only(of, place), low_scores(1), carried)


def test_the_words_say_what_was_seen_and_promise_nothing():
    of, carried = planted()
    place = without_captions(of)
    suggestion = next(s for s in suggest(only(of, place), low_scores(1), carried)[0] if s.feature == CAPTIONS)
    assert suggestion.words == (
        f"of {suggestion.videos} similar videos from {suggestion.groups} channels, those with captions did "
        f"{round(suggestion.change_percent)} % better than expected ({round(suggestion.low_percent)} to "
        f"{round(suggestion.high_percent)} %), compared with those without captions"
    )
    assert suggestion.change_percent == pytest.approx((10**suggestion.change - 1) * 100)
    assert suggestion.low_percent < suggestion.change_percent < suggestion.high_percent


@pytest.mark.parametrize(("scale", "percent"), [("ratio", 50.0), ("points", None)])
def test_per_cent_are_given_where_the_unit_has_a_zero(scale, percent):
    of, carried = planted(scale=scale)
    suggestion = next(
        s for s in suggest(only(of, without_captions(of)), low_scores(1), carried)[0] if s.feature == CAPTIONS
    )
    expected = None if percent is None else pytest.approx(suggestion.change / 2.0 * 100)
    assert suggestion.change_percent == expected
    assert ("log10 of views)" in suggestion.words) == (percent is None)


def test_a_measure_says_how_its_differences_are_told():
    engagement = Measure(name="engagement", formula="engagement", unit="likes and comments in 100 views")
    percentile = Measure(name="views", formula="log_count", unit="percentile of views", scale="percentile")
    assert (scale_of(engagement), scale_of(percentile)) == ("ratio", "points")


@pytest.mark.parametrize("freedom", [9, 15, 40])
@pytest.mark.parametrize("t", [-4.0, -1.0, 0.5, 2.0, 3.5])
def test_deviates_give_the_chances_of_students_t(t, freedom):
    from scipy.stats import t as students

    chance = math.erfc(abs(_deviate(t, 1.0, freedom)) / math.sqrt(2))
    assert chance == pytest.approx(2 * students.sf(abs(t), freedom), rel=0.05)


def test_stored_comparables_suggest_the_same():
    of, carried = planted()
    facts = msgspec.json.decode(msgspec.json.encode(carried.facts), type=ComparableFacts)
    again = restored_comparables(facts, to_arrays(carried))
    assert suggest(of, low_scores(400), again) == suggest(of, low_scores(400), carried)


def _spoilt(name: str, carried: Comparables) -> dict[str, np.ndarray]:
    arrays = to_arrays(carried)
    spoilt = {
        "absent": {k: v for k, v in arrays.items() if k != "groups"},
        "other type": arrays | {"topics": arrays["topics"].astype(np.float64)},
        "other length": arrays | {"residuals": arrays["residuals"][:-1]},
        "not a number": arrays | {"residuals": np.full_like(arrays["residuals"], np.nan)},
        "out of order": arrays | {"groups": arrays["groups"][::-1].copy()},
        "out of range": arrays | {"groups": arrays["groups"] + np.int32(10**6)},
        "other levers": arrays | {"choices": arrays["choices"][:, 1:]},
    }
    return spoilt[name]


@pytest.mark.parametrize(
    "name", ["absent", "other type", "other length", "not a number", "out of order", "out of range", "other levers"]
)
def test_spoilt_comparables_are_refused(name):
    _, carried = planted()
    with pytest.raises(ReleaseInvalid, match="train again"):
        restored_comparables(carried.facts, _spoilt(name, carried))


def test_comparables_by_other_levers_are_refused():
    _, carried = planted()
    facts = msgspec.structs.replace(carried.facts, levers=SHAPE[1:])
    with pytest.raises(ReleaseInvalid, match="train again"):
        restored_comparables(facts, to_arrays(carried))


def test_a_release_carries_a_bounded_number_of_videos():
    count = MOST + 500
    of = facets(count)
    carried = comparables(of, luck(count))
    again = comparables(of, luck(count))
    assert len(carried) == MOST
    assert carried.facts.rows == count
    assert all((a == b).all() for a, b in zip(to_arrays(carried).values(), to_arrays(again).values(), strict=True))


def test_rows_that_nobody_judged_or_without_topic_are_left_out():
    of = facets()
    residuals = luck()
    residuals[:50] = np.nan
    topics = of.topics.copy()
    topics[50:70] = 0
    assert len(comparables(Facets(topics, of.choices, of.categories), residuals)) == 330


def test_what_is_expected_knows_no_lever_but_what_the_video_is_about():
    kept = [block.name for block in full_layout(("Music",)).blocks if not is_pulled(block)]
    assert {"video/text", "segments/visual", "category/Music", "numbers/video/influence/channel_views_log"} <= set(kept)
    assert not {"metadata/title_words", "metadata/title_characters", "metadata/hour_sine", "metadata/hashtags"} & set(
        kept
    )
    examples, _ = _table()
    assert [block.name for block in without_levers(examples).layout.blocks] == ["video/text", "category/Music"]
    assert without_levers(examples).table.values.shape == (400, DIM + 1)


@pytest.mark.parametrize(
    ("lever", "numbers", "words"),
    [
        ("length", {"metadata/log_duration": math.log(59.0)}, "shorter than 1 minute"),
        ("length", {"metadata/log_duration": math.log(3600.0)}, "of 20 minutes or more"),
        ("captions", {"captions": 1.0}, "with captions"),
        ("first_face", {"numbers/faces/first_face_after_s": 1.0}, "with a face within 3 s of the start of each part"),
        ("first_face", {"numbers/faces/face_share": 0.0}, "without a face"),
        ("music", {"numbers/audio/music_share": 0.9}, "with music most of the time"),
        ("loudness", {"numbers/audio/loudness_lufs": -14.0}, "near -14 LUFS"),
        ("brightness", {"numbers/visual/brightness_share": 0.1}, "with dark pictures"),
        ("pace", {"numbers/visual/cuts_per_minute": 12.0}, "with 12 to 30 cuts a minute"),
        ("title_length", {"metadata/title_words": 8.0}, "with 5 to 8 words in the title"),
        ("hashtags", {"metadata/title_words": 8.0}, "without hashtags"),
        ("tags", {"metadata/tags": 20.0}, "with 20 or more tags"),
        ("hour", {"metadata/hour_sine": 0.0, "metadata/hour_cosine": -1.0}, "published from 12 to 18 h UTC"),
        ("hour", {"metadata/hour_sine": -1e-17, "metadata/hour_cosine": 1.0}, "published from 0 to 6 h UTC"),
        ("weekday", {"metadata/weekend": 1.0}, "published at the weekend"),
    ],
)
def test_a_lever_reads_what_a_summary_says(lever, numbers, words):
    place = NAMES.index(lever)
    choice = choices_of([numbers])[0, place]
    assert LEVERS[place].choices[choice] == words


def test_a_lever_without_its_number_is_unknown():
    assert (choices_of([{}]) == UNKNOWN).all()


def test_captions_are_known_of_videos_that_were_fetched():
    seen = {"numbers/visual/cuts_per_minute": 3.0}
    numbers = {name.removeprefix("numbers/"): value for name, value in seen.items()} | {"words": 40.0}
    fetched = fitted.summary(1, numbers=numbers)
    warned = msgspec.structs.replace(fetched, warnings=("no subtitles in en; words will be missing",))
    row_of_a_table = fitted.summary(1)
    assert [lever_numbers(s).get(CAPTIONS) for s in (fetched, warned, row_of_a_table)] == [1.0, 0.0, None]


def test_facets_of_summaries_tell_topic_choices_and_category():
    summaries = [fitted.summary(number) for number in range(6)]
    assert topic_block_of(summaries) == "video/text"
    of = facets_of(summaries, "video/text")
    assert of.topics.shape == (6, fitted.DIM)
    assert of.categories == ("Music", "Comedy", "Sports", "Music", "Comedy", "Sports")
    assert (of.choices[:, NAMES.index("title_length")] != UNKNOWN).all()
    alone = facets_of(summaries[4:5], "video/text")
    assert (alone.topics == of.topics[4]).all()
    assert (alone.choices == of.choices[4]).all()


def test_a_summary_without_words_has_no_topic():
    summaries = [fitted.summary(1), fitted.summary(2, pooled={})]
    of = facets_of(summaries, "video/text")
    assert of.topics[0].any()
    assert not of.topics[1].any()
