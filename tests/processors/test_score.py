import fitted
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pooling import pool_one
from processors.predict import predict
from processors.score import ScoreProcessor
from schemas.codec import encode
from schemas.errors import ReleaseInvalid
from schemas.media import Metadata
from schemas.predictions import VideoScored
from schemas.progress import StageProgressed
from streams.storage.releases import event_of

RELEASE = fitted.release()
SUMMARIES = [fitted.summary(number) for number in range(40)]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Releases by target and id, and the events that announced them."""
    folder = tmp_path_factory.mktemp("shelf")
    made = {
        ("virality", "r1"): fitted.release_folder(folder / "r1"),
        ("virality", "r2"): fitted.release_folder(folder / "r2", "r2", trained_at_s=2.0),
        ("virality", "r3"): fitted.release_folder(folder / "r3", "r3", trained_at_s=2.0),
        ("engagement", "e1"): fitted.release_folder(folder / "e1", "e1", target="engagement", limits=None),
    }
    return made, {name: event_of(path) for name, path in made.items()}


def scorer(shelf, *names) -> ScoreProcessor:
    folders, events = shelf
    made = ScoreProcessor(lambda target, release_id: folders[target, release_id])
    for name in names:
        made.hear(events[name])
    return made


def predictions(answers) -> list[VideoScored]:
    return [event for event in answers if isinstance(event, VideoScored)]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 39), min_size=1, max_size=40))
def test_a_prediction_is_the_same_bytes_alone_and_in_any_batch(numbers):
    together = predict([SUMMARIES[n] for n in numbers], RELEASE)
    alone = [predict([SUMMARIES[n]], RELEASE)[0] for n in numbers]
    assert [encode(one) for one in together] == [encode(one) for one in alone]


def test_the_reasons_and_the_constant_add_up_to_the_value_exactly():
    for scored in predict(SUMMARIES, RELEASE):
        assert scored.constant + sum(reason.contribution for reason in scored.reasons) == scored.value


def test_a_value_beyond_the_scale_is_cut_and_the_cut_is_a_reason():
    narrow = fitted.release(limits=(49.0, 51.0))
    cut = [s for s in predict(SUMMARIES, narrow) if any(r.feature == "limit" for r in s.reasons)]
    assert cut
    for scored in cut:
        assert scored.value in (49.0, 51.0)
        assert scored.constant + sum(reason.contribution for reason in scored.reasons) == scored.value
        assert 49.0 <= scored.interval.low <= scored.interval.high <= 51.0


def test_reasons_are_in_words_a_marketer_understands():
    features = {reason.feature for scored in predict(SUMMARIES, RELEASE) for reason in scored.reasons}
    assert {"title_and_description", "spoken_words", "title_form", "length", "category"} <= features


def test_a_prediction_says_what_it_used_and_what_was_missing():
    bare = fitted.summary(
        1, pooled={"video/text": SUMMARIES[1].pooled["video/text"]}, missing={"segments/text": "no speech"}
    )
    scored = predict([bare], RELEASE)[0]
    assert scored.modalities_used == ("metadata", "video/text")
    assert scored.modalities_missing == {"segments/text": "no speech"}
    assert "spoken_words" not in {reason.feature for reason in scored.reasons}


def test_a_video_of_which_nothing_is_known_gets_the_constant():
    unknown = fitted.summary(1, pooled={}, numbers={}, metadata=Metadata())
    scored = predict([unknown], RELEASE)[0]
    assert scored.value == scored.constant
    assert scored.reasons == ()


@pytest.mark.parametrize(
    ("release", "summary", "caveat"),
    [
        (RELEASE, SUMMARIES[0], "never saw pictures"),
        (RELEASE, SUMMARIES[0], "made up"),
        (fitted.release(beats_constant=False), SUMMARIES[0], "no better than saying the same"),
        (RELEASE, fitted.summary(0, final=False, complete=False), "still being processed"),
        (RELEASE, fitted.summary(0, complete=False), "gave no answer in time"),
    ],
)
def test_a_prediction_carries_its_caveats(release, summary, caveat):
    assert any(caveat in one for one in predict([summary], release)[0].caveats)


def test_the_probability_agrees_with_the_interval(shelf):
    for scored in predict(SUMMARIES, RELEASE):
        assert 0 <= scored.probability <= 1
        if scored.interval.low > RELEASE.manifest.threshold:
            assert scored.probability >= 0.9


def test_copies_of_a_video_get_the_same_prediction(shelf):
    summary = fitted.summary(5, duplicates=("url:copy1", "url:copy2"))
    scored = predictions(scorer(shelf, ("virality", "r1")).transform([summary])[0])
    assert [(s.video_id, s.duplicate_of) for s in scored] == [
        ("url:v5", None),
        ("url:copy1", "url:v5"),
        ("url:copy2", "url:v5"),
    ]
    assert len({s.value for s in scored}) == 1
    assert len({s.event_id for s in scored}) == 3


@pytest.mark.parametrize("order", [("r1", "r2", "r3"), ("r3", "r2", "r1"), ("r2", "r3", "r1", "r3", "r1")])
def test_the_newest_release_wins_in_any_order_of_hearing(shelf, order):
    stage = scorer(shelf, *[("virality", name) for name in order])
    assert predictions(stage.transform([SUMMARIES[0]])[0])[0].release_id == "r3"


def test_every_target_with_a_release_is_predicted_unless_the_summary_asks_for_some(shelf):
    stage = scorer(shelf, ("virality", "r1"), ("engagement", "e1"))
    everything, one = stage.transform([SUMMARIES[0], fitted.summary(1, targets=("engagement",))])
    assert {s.target for s in predictions(everything)} == {"virality", "engagement"}
    assert {s.target for s in predictions(one)} == {"engagement"}


@pytest.mark.parametrize(
    ("changes", "states"),
    [({}, ["done"]), ({"final": False}, []), ({"targets": ("smell",)}, ["waiting"])],
)
def test_progress_says_done_at_the_final_summary_and_waits_for_a_release(shelf, changes, states):
    answers = scorer(shelf, ("virality", "r1")).transform([fitted.summary(1, **changes)])[0]
    assert [event.state for event in answers if isinstance(event, StageProgressed)] == states


def test_without_any_release_the_video_waits_and_says_so(shelf):
    (answer,) = scorer(shelf).transform([SUMMARIES[0]])[0]
    assert answer.state == "waiting"
    assert "no release" in answer.message


def test_summaries_of_segments_are_passed_by(shelf):
    assert scorer(shelf, ("virality", "r1")).transform([fitted.summary(1, scope="3")]) == [[]]


def test_giving_up_tells_the_rest(shelf):
    (event,) = scorer(shelf).give_up(SUMMARIES[0], "broken")
    assert (event.state, event.message, event.video_id) == ("failed", "broken", "url:v0")


def test_a_summary_of_another_model_is_refused(shelf):
    other = fitted.summary(1, pooled={"video/text": pool_one(np.ones(5))})
    with pytest.raises(ReleaseInvalid, match="another model"):
        scorer(shelf, ("virality", "r1")).transform([other])


def test_a_release_that_was_swapped_after_it_was_published_is_not_used(shelf, tmp_path):
    _, events = shelf
    fitted.release_folder(tmp_path, rows=999)
    stage = ScoreProcessor(lambda target, release_id: tmp_path)
    with pytest.raises(ReleaseInvalid, match="sha256"):
        stage.hear(events["virality", "r1"])


def test_a_release_under_another_name_is_not_used(shelf):
    folders, events = shelf
    misnamed = msgspec.structs.replace(events["virality", "r1"], release_id="r9")
    with pytest.raises(ReleaseInvalid, match="expected release virality/r9"):
        ScoreProcessor(lambda target, release_id: folders["virality", "r1"]).hear(misnamed)
