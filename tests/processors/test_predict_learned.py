"""Predictions of a learned release: the same alone and in a batch, and sums of their reasons."""

import fitted
import learned_release
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.estimators.from_summaries import examples_of
from models.release import load
from processors.predict import predict
from processors.score import ScoreProcessor
from schemas.codec import encode
from schemas.predictions import VideoScored
from streams.rescoring import compare, score_again
from streams.storage.releases import STARTERS, event_of

RELEASE = learned_release.release()
SUMMARIES = [learned_release.video(number) for number in range(400, 440)]


def added_up(scored: VideoScored) -> float:
    return scored.constant + sum(reason.contribution for reason in scored.reasons)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 39), min_size=1, max_size=40))
def test_a_learned_prediction_is_the_same_bytes_alone_and_in_any_batch(numbers):
    together = predict([SUMMARIES[n] for n in numbers], RELEASE)
    alone = [predict([SUMMARIES[n]], RELEASE)[0] for n in numbers]
    assert [encode(one) for one in together] == [encode(one) for one in alone]


@pytest.mark.parametrize("only", [None, 0, 1, 2, 3])
def test_the_reasons_of_every_kind_of_estimator_add_up_exactly(only):
    for scored in predict(SUMMARIES, learned_release.release(only=only)):
        assert added_up(scored) == scored.value


def test_a_release_read_from_disk_predicts_the_same_bytes(tmp_path):
    read = load(learned_release.release_folder(tmp_path))
    assert [encode(one) for one in predict(SUMMARIES, read)] == [encode(one) for one in predict(SUMMARIES, RELEASE)]


def test_words_spoken_and_written_are_a_reason():
    phrasing = learned_release.release(only=2)
    both = [learned_release.video(1, words=said) for said in ("a puppy plays", "an engine runs")]
    puppy, engine = ({r.feature: r.contribution for r in p.reasons} for p in predict(both, phrasing))
    assert puppy["wording"] > engine["wording"]


def test_intervals_are_wider_where_the_model_knows_less_and_stay_on_the_scale():
    harder = learned_release.harder_release()
    scales = harder.difficulty.of(examples_of(SUMMARIES, harder.manifest.layout))
    width = harder.errors.high - harder.errors.low
    found = predict(SUMMARIES, harder)
    assert np.ptp(scales) > 0.1 * scales.mean()
    assert [p.interval.high - p.interval.low for p in found] == pytest.approx((scales * width).tolist())
    on_a_scale = predict(SUMMARIES, learned_release.harder_release((20.0, 30.0)))
    assert all(20 <= p.interval.low <= p.interval.high <= 30 and 20 <= p.value <= 30 for p in on_a_scale)
    assert all(added_up(p) == p.value for p in on_a_scale)


def test_every_prediction_says_what_its_interval_and_probability_are_worth():
    for scored in predict(SUMMARIES, RELEASE):
        assert scored.coverage == RELEASE.manifest.metrics["coverage_90"]
        assert scored.calibration_error == RELEASE.manifest.metrics["ece"]
        assert 0 < scored.probability < 1


def test_a_probability_is_its_own_value_and_its_reasons_add_up_to_it():
    probability = learned_release.probability_release()
    for scored in predict(SUMMARIES, probability):
        assert scored.value == scored.probability == added_up(scored)
        assert 0 <= scored.interval.low <= scored.value <= scored.interval.high <= 1


@pytest.mark.parametrize(
    ("limits", "level", "words"), [((0.0, 100.0), 0.9, "end of the scale"), (None, 0.75, "in 75 % of cases only")]
)
def test_with_almost_no_training_data_the_interval_says_so(limits, level, words):
    scored = predict(SUMMARIES[:1], learned_release.of_few_groups(limits))[0]
    assert scored.interval.level == level
    assert any("7 groups only" in caveat and words in caveat for caveat in scored.caveats)
    assert encode(scored)
    if limits:
        assert (scored.interval.low, scored.interval.high) == limits


def test_two_targets_of_two_formats_are_predicted_live_and_again_with_the_same_bytes(tmp_path):
    learned = learned_release.release_folder(tmp_path, layout=RELEASE.manifest.layout)
    folders = {"engagement": learned, "virality": STARTERS / "virality"}
    live, again = (ScoreProcessor(lambda target, release_id: folders[target]) for _ in range(2))
    for folder in folders.values():
        live.hear(event_of(folder))
        again.hear(event_of(folder))
    summaries = [fitted.summary(number, pooled={}) for number in range(500, 512)]
    made = [event for one in summaries for event in live.transform([one])[0] if isinstance(event, VideoScored)]
    assert {p.target for p in made} == {"engagement", "virality"}
    replayed = list(score_again(summaries, again))
    for target in folders:
        mine = [p for p in made if p.target == target]
        found = compare(mine, [p for p in replayed if p.target == target], release=event_of(folders[target]).record_key)
        assert (found.compared, found.equal) == (12, 12)
