"""Suggestions in predictions: the same live, in a batch, from disk and when scored again."""

import re
from dataclasses import replace

import learned_release
import msgspec
import numpy as np
import pytest

from models.estimators.linear import RidgeRegression
from models.estimators.unexplained import comparables_for
from models.release import LearnedRelease, load, save
from processors.predict import predict
from processors.score import ScoreProcessor
from schemas.codec import encode
from schemas.errors import ReleaseInvalid
from schemas.predictions import VideoScored
from streams.rescoring import compare, score_again
from streams.storage.releases import event_of

PAST = [learned_release.video(number) for number in range(learned_release.COUNT)]
NEW = [learned_release.video(number) for number in range(400, 480)]
SENTENCE = re.compile(
    r"of \d+ similar videos from \d+ channels, those .+ did \d+ % better than expected \(\d+ to \d+ %\), "
    r"compared with those .+"
)


@pytest.fixture(scope="module")
def release() -> LearnedRelease:
    measure = learned_release.TARGET.measures[0]
    carried = comparables_for(learned_release.taught(), PAST, measure, estimator=RidgeRegression())
    return learned_release.release(only=0, comparables=carried)


def test_low_scores_are_told_what_longer_titles_did_and_good_ones_nothing(release):
    scored = predict(NEW, release)
    assert release.comparables is not None
    is_low = np.array([one.value < release.comparables.facts.low_below for one in scored])
    told = np.array([bool(one.suggestions) for one in scored])
    assert not told[~is_low].any()
    assert told[is_low].mean() > 0.3
    sentences = [words for one in scored for words in one.suggestions]
    assert all(SENTENCE.fullmatch(words) for words in sentences)
    assert any("with 5 to 8 words in the title" in words for words in sentences)


def test_a_release_read_from_disk_suggests_the_same_bytes(release, tmp_path):
    save(release, tmp_path)
    read = load(tmp_path)
    assert [encode(one) for one in predict(NEW, read)] == [encode(one) for one in predict(NEW, release)]


def test_a_suggestion_is_the_same_bytes_alone_and_in_any_batch(release):
    together = predict(NEW, release)
    alone = [predict([summary], release)[0] for summary in NEW]
    assert [encode(one) for one in together] == [encode(one) for one in alone]
    assert [encode(one) for one in predict(NEW[::-1], release)] == [encode(one) for one in together[::-1]]


def test_suggestions_are_made_live_and_again_with_the_same_bytes(release, tmp_path):
    save(release, tmp_path)
    published = event_of(tmp_path)
    live, again = (ScoreProcessor(lambda target, release_id: tmp_path) for _ in range(2))
    live.hear(published)
    again.hear(published)
    made = [event for one in NEW for event in live.transform([one])[0] if isinstance(event, VideoScored)]
    assert any(one.suggestions for one in made)
    found = compare(made, list(score_again(NEW, again)), release=published.record_key)
    assert (found.compared, found.equal) == (len(NEW), len(NEW))


def test_suggestions_change_nothing_else_in_a_prediction(release):
    plain = learned_release.release(only=0)
    assert release.manifest.compared is not None
    assert release.manifest.compared.beats_luck
    bare = [msgspec.structs.replace(one, suggestions=()) for one in predict(NEW, release)]
    assert [encode(one) for one in bare] == [encode(one) for one in predict(NEW, plain)]


def test_suggestions_that_may_be_luck_come_with_a_warning(release):
    carried = release.comparables
    assert carried is not None
    facts = msgspec.structs.replace(carried.facts, beats_luck=False, told_share=0.03, luck_share=0.02)
    doubtful = learned_release.release(only=0, comparables=replace(carried, facts=facts))
    for scored in predict(NEW, doubtful):
        is_warned = any("3.0 % of past videos would get one, and 2.0 %" in caveat for caveat in scored.caveats)
        assert is_warned == bool(scored.suggestions)


def test_a_video_that_is_still_being_processed_waits_for_its_suggestions(release):
    growing = [msgspec.structs.replace(summary, final=False, complete=False) for summary in NEW]
    assert not any(one.suggestions for one in predict(growing, release))


def test_a_release_that_lost_its_comparables_is_refused(release, tmp_path):
    bare = learned_release.release(only=0)
    save(LearnedRelease(**_fields(bare) | {"manifest": release.manifest}), tmp_path)
    with pytest.raises(ReleaseInvalid, match="comparables lack"):
        load(tmp_path)


def _fields(release: LearnedRelease) -> dict[str, object]:
    return {name: getattr(release, name) for name in LearnedRelease.__dataclass_fields__}
