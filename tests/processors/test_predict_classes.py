"""A release of classes in the score stage: chances for a video and for each of its segments, never for the wrong one."""

from pathlib import Path

import class_release
import fitted
import msgspec
import numpy as np
import pytest
import scenes

from models.layout import Block, Layout
from models.release import ClassRelease, save
from processors.predict_classes import predict_classes, predict_segments
from processors.score import ScoreProcessor
from schemas.codec import decode, encode
from schemas.errors import ReleaseInvalid
from schemas.event import Event
from schemas.predictions import SegmentScored, VideoScored
from schemas.promotions import RoleGiven, ShadowScored
from schemas.summaries import Summarised
from streams.storage.releases import event_of

FILM = 300
SEGMENTS = [scenes.segment(FILM, index) for index in range(scenes.SEGMENTS)]


@pytest.fixture
def scorer(tmp_path: Path) -> ScoreProcessor:
    """Two targets serve: one is a number of the video, the other has classes."""
    folders = {
        "scenes": class_release.folder(tmp_path / "scenes"),
        "virality": fitted.release_folder(tmp_path / "virality"),
    }
    made = ScoreProcessor(lambda target, release_id: folders[target])
    for folder in folders.values():
        made.hear(event_of(folder))
    return made


def of(answers: list[list[Event]], kind: type) -> list[Event]:
    return [event for events in answers for event in events if isinstance(event, kind)]


def test_a_release_of_classes_speaks_of_a_video_and_of_each_segment(scorer: ScoreProcessor) -> None:
    answers = scorer.transform([*SEGMENTS, scenes.whole(FILM)])
    segments, videos = of(answers, SegmentScored), of(answers, VideoScored)
    assert [one.record_key for one in segments] == [f"url:v{FILM}/scenes/{index}" for index in range(4)]
    assert [(one.start_s, one.end_s) for one in segments] == [(0, 4), (4, 8), (8, 12), (12, 16)]
    assert [one.target for one in videos] == ["scenes", "virality"]
    assert [bool(one.classes) for one in videos] == [True, False]


def test_answers_stand_in_the_places_of_what_they_answer(scorer: ScoreProcessor) -> None:
    inputs = [scenes.whole(FILM), *SEGMENTS]
    together = scorer.transform(inputs)
    assert together == [scorer.transform([one])[0] for one in inputs]
    assert together[1:] == scorer.transform(inputs[::-1])[-2::-1]


def test_a_target_of_whole_videos_says_nothing_of_segments(tmp_path: Path) -> None:
    save(class_release.for_videos_only(), tmp_path)
    scorer = ScoreProcessor(lambda target, release_id: tmp_path)
    scorer.hear(event_of(tmp_path))
    assert scorer.transform(SEGMENTS) == [[]] * len(SEGMENTS)
    assert len(of(scorer.transform([scenes.whole(FILM)]), VideoScored)) == 1


def test_a_copy_of_the_video_has_the_same_chances(scorer: ScoreProcessor) -> None:
    copied = scenes.whole(FILM, duplicates=("url:copy",), targets=("scenes",))
    original, copy = of(scorer.transform([copied]), VideoScored)
    assert copy.duplicate_of == original.video_id
    assert copy.classes == original.classes


def test_a_shadow_says_its_chances_beside_and_nothing_of_segments(scorer: ScoreProcessor) -> None:
    scorer.hear(RoleGiven(event_id="r", target="scenes", release_id="c1", role="shadow", given_at_s=9e9))
    answers = scorer.transform([*SEGMENTS, scenes.whole(FILM)])
    (shadow,) = of(answers, ShadowScored)
    assert shadow.prediction.classes
    assert not of(answers, SegmentScored)


def test_what_is_no_better_than_base_rates_says_so() -> None:
    weak = class_release.release()
    manifest = msgspec.structs.replace(weak.manifest, beats_constant=False)
    (scored,) = predict_classes([scenes.whole(FILM)], type(weak)(
        manifest=manifest, classifier=weak.classifier, calibrators=weak.calibrators))  # fmt: skip
    assert not scored.beats_constant
    assert "no better than the base rates" in scored.caveats[-1]


def test_a_vector_of_another_network_is_refused() -> None:
    other = fitted.summary(1, scope="0", pooled={"segments/visual": fitted.pool_one(scenes.vector(1, 1)[:5])})
    with pytest.raises(ReleaseInvalid, match="another model"):
        predict_segments([other], class_release.release())


def test_a_segment_of_which_nothing_is_known_gets_chances_all_the_same() -> None:
    (scored,) = predict_segments([scenes.segment(FILM, 0, pooled={})], class_release.release())
    assert scored.chances.keys() == {"holiday", "halloween"}
    assert decode(encode(scored), (SegmentScored,)) == scored


def two_kinds_of_evidence() -> ClassRelease:
    """As if sounds had been heard too: half of each vector is taken for a sound."""
    made = class_release.release()
    half = scenes.DIM // 2
    layout = Layout((Block("segments/audio", half), Block("segments/visual", half)))
    manifest = msgspec.structs.replace(made.manifest, layout=layout)
    return ClassRelease(manifest=manifest, classifier=made.classifier, calibrators=made.calibrators)


def heard(video: int) -> Summarised:
    halves = np.split(scenes.vector(video, 0), 2)
    names = ("segments/audio", "segments/visual")
    return scenes.whole(video, pooled={name: fitted.pool_one(half) for name, half in zip(names, halves, strict=True)})


@pytest.mark.parametrize("release", [class_release.release(), two_kinds_of_evidence()])
def test_the_reasons_and_the_base_rate_add_up_to_the_chance_exactly(release: ClassRelease) -> None:
    films = [heard(video) if len(release.manifest.layout.blocks) > 1 else scenes.whole(video) for video in range(40)]
    for scored in predict_classes(films, release):
        assert scored.constant + sum(reason.contribution for reason in scored.reasons) == scored.value
        assert scored.constant == pytest.approx(scored.classes[0].base_rate)


def test_reasons_name_the_evidence_that_is_there() -> None:
    (scored,) = predict_classes([heard(7)], two_kinds_of_evidence())
    assert {reason.feature for reason in scored.reasons} == {"sound", "pictures", "start"}
    (silent,) = predict_classes([scenes.whole(7, pooled={})], two_kinds_of_evidence())
    assert [reason.feature for reason in silent.reasons] == ["start"]


def test_a_prediction_is_the_same_bytes_alone_and_in_any_batch() -> None:
    films = [heard(video) for video in range(30)]
    release = two_kinds_of_evidence()
    together = [encode(one) for one in predict_classes(films, release)]
    assert together == [encode(one) for film in films for one in predict_classes([film], release)]
