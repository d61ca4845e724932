"""Labelled segments become a release that tells classes: four ways in one table, one kept, each class calibrated."""

from pathlib import Path

import class_release
import numpy as np
import pytest
import scenes

from models.release import ClassManifest, ClassRelease, load
from models.taught_on import UNSAID
from processors.predict_classes import predict_classes, predict_segments
from schemas.codec import decode, encode
from schemas.errors import TrainingImpossible
from streams.target_files import shipped
from streams.training import Order
from streams.training_classes import (
    TrainedClasses,
    classes_too_weak,
    judge_classes_on,
    train_classes,
    write_class_release,
)


@pytest.fixture(scope="module")
def trained() -> TrainedClasses:
    return class_release.trained()


def written(trained: TrainedClasses, folder: Path) -> ClassRelease:
    write_class_release(trained, folder, stages={"visual": "1"})
    release = load(folder)
    assert isinstance(release, ClassRelease)
    return release


def test_labelled_segments_become_a_release_with_chances_better_than_base_rates(
    trained: TrainedClasses, tmp_path: Path
) -> None:
    manifest = written(trained, tmp_path).manifest
    assert isinstance(manifest, ClassManifest)
    assert (manifest.kind, manifest.rows, manifest.groups) == ("multilabel", 240, 20)
    assert [one.name for one in manifest.classes] == ["holiday", "halloween"]
    assert manifest.beats_constant
    assert {*map(str, manifest.taught_on.values())} == {str({UNSAID: 240})}, "its examples do not tell"
    for one in manifest.classes:
        assert one.beats_base_rate
        assert one.metrics["ap"] > 0.8 > 0.5 > one.base_rate
        assert one.metrics["ece"] < 0.1
        assert one.definition == next(c.definition for c in scenes.SCENES.classes if c.name == one.name)
    assert "shopping: 0 examples with it and 10 without" in manifest.training["left_out"]


def test_four_ways_are_judged_on_the_same_examples_and_have_a_mean_each(trained: TrainedClasses) -> None:
    assert [(one.method, one.name) for one in trained.scores] == [
        (method, name)
        for method in ("text match", "neighbours", "line", "calibrated line")
        for name in ("holiday", "halloween", "macro")
    ]
    figures = {one.method: one.figures for one in trained.scores if one.name == "holiday"}
    assert figures["line"]["auc"] > 0.9
    assert 0.6 < figures["text match"]["auc"] < 0.9, "half of the holidays have a tag that says so"
    assert {"ap", "auc", "accuracy", "recall", "f1"} <= figures["neighbours"].keys()


def test_a_release_read_from_disk_gives_the_same_chances_alone_and_in_any_batch(
    trained: TrainedClasses, tmp_path: Path
) -> None:
    release = written(trained, tmp_path)
    films = [scenes.segment(video, 1) for video in range(100, 140)]
    together = [encode(one) for one in predict_segments(films, release)]
    assert together == [encode(one) for film in films for one in predict_segments([film], release)]
    assert together == [encode(one) for film in reversed(films) for one in predict_segments([film], release)][::-1]


def test_chances_of_new_films_follow_what_they_show(trained: TrainedClasses, tmp_path: Path) -> None:
    release = written(trained, tmp_path)
    films = [scenes.segment(video, 1) for video in range(100, 160)]
    chances = [one.chances["holiday"] for one in predict_segments(films, release)]
    there = np.array([scenes.shows(video, 1)["holiday"] for video in range(100, 160)])
    assert np.mean(np.array(chances)[there]) > 0.6 > 0.3 > np.mean(np.array(chances)[~there])


def test_a_video_is_told_its_classes_the_likeliest_first_with_their_base_rates(
    trained: TrainedClasses, tmp_path: Path
) -> None:
    release = written(trained, tmp_path)
    (scored,) = predict_classes([scenes.whole(200)], release)
    assert [one.probability for one in scored.classes] == sorted(
        (one.probability for one in scored.classes), reverse=True
    )
    assert {one.name: one.base_rate for one in scored.classes} == {
        one.name: one.base_rate for one in release.manifest.classes
    }
    assert (scored.value, scored.probability_of) == (scored.classes[0].probability, scored.classes[0].name)
    assert decode(encode(scored), (type(scored),)) == scored
    assert any("segments only" in caveat for caveat in scored.caveats)


def test_the_same_examples_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    order = Order(target=scenes.SCENES, release_id="c1")
    films = list(range(30))
    for name, videos in (("one", films), ("other", films[::-1])):
        write_class_release(train_classes(order, scenes.source(videos)), tmp_path / name, stages={})
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_labels_that_nothing_follows_from_give_no_release_that_beats_its_base_rates() -> None:
    random = np.random.default_rng(3)
    said = [
        scenes.label(video, str(index), "holiday", value=bool(random.random() < 0.4))
        for video in range(scenes.VIDEOS)
        for index in range(scenes.SEGMENTS)
    ]
    noise = train_classes(Order(target=scenes.SCENES), scenes.source(said=said))
    assert not noise.beats_constant
    assert "Publish it all the same with --force" in classes_too_weak(noise)
    assert "holiday has" in classes_too_weak(noise)


def test_a_release_is_judged_on_films_that_nothing_was_learned_from(trained: TrainedClasses) -> None:
    elsewhere = judge_classes_on(trained, scenes.source(range(50, 90)))
    assert len(elsewhere.rows.truth) == 30 * scenes.SEGMENTS, "ten of the films were learned from"
    assert elsewhere.classes["holiday"]["auc"] > 0.8
    assert elsewhere.metrics["skill"] > 0.2
    with pytest.raises(TrainingImpossible, match="not learned from"):
        judge_classes_on(trained, scenes.source(range(10)))


@pytest.mark.parametrize(
    ("name", "videos", "message"),
    [("scenes", 5, "at least 40 labelled"), ("hashtags", 60, "at least 40 videos that bear hashtags, got 0")],
)
def test_what_cannot_be_learned_is_said(name: str, videos: int, message: str) -> None:
    with pytest.raises(TrainingImpossible, match=message):
        train_classes(Order(target=shipped()[name]), scenes.source(range(videos)))


def test_classes_without_both_answers_cannot_be_learned() -> None:
    said = [scenes.label(v, str(i), "holiday", value=False) for v in range(20) for i in range(scenes.SEGMENTS)]
    with pytest.raises(TrainingImpossible, match="no class of scenes has 5 examples with it"):
        train_classes(Order(target=scenes.SCENES), scenes.source(said=said))
