"""A table or the topics become a release: honest figures, the same bytes whatever the order, refusals in plain words."""

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import fitted
import msgspec
import numpy as np
import pytest

from models.estimators.linear import RidgeRegression
from models.release import load
from models.release_manifest import LearnedManifest
from schemas.errors import TrainingImpossible
from schemas.event import WHOLE_VIDEO
from schemas.outcomes import OutcomeObserved
from schemas.summaries import Summarised
from streams.target_files import shipped
from streams.training import Order, Trained, comparables_from, judge_on, too_weak, train, write_release
from streams.training_card import card_of
from streams.training_figures import outcome_of, what_matters
from streams.training_rows import rows_of
from streams.training_source import Change, Source, from_table
from streams.training_table import read_table

TEXT = fitted.HashedWords()
NOW_S = 1.7e9


def source_of(path: Path) -> Source:
    return from_table(read_table(path, TEXT), "a made-up table", now_s=NOW_S)


def order(name: str = "virality") -> Order:
    return Order(target=shipped()[name], release_id="r1", members=(RidgeRegression(),))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return source_of(fitted.write_table(tmp_path_factory.mktemp("training") / "videos.csv"))


@pytest.fixture(scope="module")
def trained(source: Source) -> Trained:
    return train(order(), source)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    path = fitted.write_table(tmp_path_factory.mktemp("noise") / "noise.csv", learnable=False)
    return train(order(), source_of(path))


def written(trained: Trained, folder: Path) -> dict[str, bytes]:
    write_release(trained, folder, stages={"text": "hashed"})
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_table_becomes_a_release_that_beats_the_constant(trained: Trained, tmp_path: Path) -> None:
    assert trained.learned.beats_constant
    assert trained.learned.metrics["mse"] < trained.learned.metrics["mse_constant"]
    assert 0.8 < trained.learned.metrics["coverage_90"] <= 1
    written(trained, tmp_path)
    manifest = load(tmp_path).manifest
    assert isinstance(manifest, LearnedManifest)
    assert (manifest.rows, manifest.groups, manifest.measure) == (400, 60, "view_percentile")
    assert manifest.training["source"] == "a made-up table"


def test_a_release_says_which_versions_of_models_made_its_examples(
    trained: Trained, source: Source, tmp_path: Path
) -> None:
    written(trained, tmp_path)
    (version,) = {one for c in source.changes() if c.summary for one in c.summary.made_by["video/text"]}
    release = load(tmp_path)
    assert release.manifest.taught_on == {"video/text": {version: 400}}
    assert f"Vectors of video/text by {version} (400 examples)." in release.card


def test_of_examples_by_two_versions_both_are_counted(source: Source) -> None:
    changes = [
        Change(c.video_id, _changed(c.summary, partial(_made_by, version="old" if number < 3 else "new")), NOW_S)
        for number, c in enumerate(source.changes())
    ]
    rows = rows_of(replace(source, changes=lambda: iter(changes)), shipped()["virality"])
    assert rows.taught_on == {"video/text": {"new": len(changes) - 3, "old": 3}}


def test_a_release_carries_the_videos_that_it_was_taught_on_without_their_names(
    trained: Trained, source: Source, tmp_path: Path
) -> None:
    carried = comparables_from(trained, source)
    assert carried is not None
    assert len(carried) == len(trained.rows.truth)
    write_release(trained, tmp_path / "release", stages={"text": "hashed"}, comparables=carried)
    restored = load(tmp_path / "release").comparables
    assert restored is not None
    assert restored.topics.tobytes() == carried.topics.tobytes()
    written = b"".join(path.read_bytes() for path in (tmp_path / "release").iterdir())
    assert trained.rows.facts[0].video_id.encode() not in written


def test_the_card_shows_the_errors_beside_the_constants(trained: Trained, tmp_path: Path) -> None:
    written(trained, tmp_path)
    card = load(tmp_path).card
    assert f"{trained.learned.metrics['mse']:.4g}" in card
    assert f"{trained.learned.metrics['mse_constant']:.4g}" in card
    assert "a made-up table" in card


def test_a_card_says_where_channels_were_too_few_for_an_interval_with_ends(trained: Trained, tmp_path: Path) -> None:
    written(trained, tmp_path)
    manifest = load(tmp_path).manifest
    assert isinstance(manifest, LearnedManifest)
    finite = {name: value for name, value in manifest.metrics.items() if name != "interval_width_constant"}
    card = card_of(msgspec.structs.replace(manifest, metrics=finite))
    assert "that of one answer for all is endless (too few channels)." in card


def test_the_same_summaries_in_another_order_and_more_than_once_give_the_same_bytes(
    trained: Trained, source: Source, tmp_path: Path
) -> None:
    changes = list(source.changes())
    changes += changes[::3]
    random.Random(4).shuffle(changes)
    again = train(order(), replace(source, changes=lambda: iter(changes)))
    assert written(again, tmp_path / "again") == written(trained, tmp_path / "once")


def test_counts_on_the_topic_that_no_summary_holds_yet_are_taken(source: Source) -> None:
    empty = [Change(c.video_id, _without_outcomes(c.summary), NOW_S) for c in source.changes() if c.summary]
    outcomes = {
        c.video_id: {o.record_key: o for o in c.summary.outcomes} for c in source.changes() if c.summary is not None
    }
    bare = replace(source, changes=lambda: iter(empty))
    target = shipped()["virality"]
    with pytest.raises(TrainingImpossible, match="got 0"):
        rows_of(bare, target)
    given = rows_of(replace(bare, outcomes=outcomes), target)
    assert given.truth.tolist() == rows_of(source, target).truth.tolist()


def test_a_video_that_was_taken_back_is_not_learned_from(source: Source) -> None:
    changes = list(source.changes())
    gone = changes[7].video_id
    rows = rows_of(replace(source, changes=lambda: iter([*changes, Change(gone, None, NOW_S)])), shipped()["virality"])
    assert len(rows.truth) == len(changes) - 1
    assert gone not in {fact.video_id for fact in rows.facts}


def test_a_video_that_vanishes_between_two_readings_leaves_no_row(source: Source) -> None:
    changes = list(source.changes())
    readings = iter([changes, changes[1:]])
    rows = rows_of(replace(source, changes=lambda: iter(next(readings))), shipped()["virality"])
    assert len(rows.truth) == len(rows.facts) == len(rows.examples) == len(changes) - 1


def test_of_very_many_videos_the_same_part_is_learned_from(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.training_rows.MOST_ROWS", 150)
    once = rows_of(source, shipped()["virality"])
    backwards = list(source.changes())[::-1]
    again = rows_of(replace(source, changes=lambda: iter(backwards)), shipped()["virality"])
    assert len(once.truth) == 150
    assert len(once.reference) == 400
    assert once.facts == again.facts
    assert once.truth.tolist() == again.truth.tolist()


def test_nothing_is_learned_from_noise_and_it_is_said_what_would_help(noise: Trained) -> None:
    assert not noise.learned.beats_constant
    assert "--force" in too_weak(noise)
    assert "examples" in too_weak(noise)
    assert outcome_of(noise, None, is_published=False)["beats_constant"] is False


@pytest.mark.parametrize("name", ["engagement", "viral_probability"])
def test_other_targets_of_the_same_table_are_learned_alike(name: str, source: Source, tmp_path: Path) -> None:
    trained = train(order(name), source)
    assert trained.learned.beats_constant
    written(trained, tmp_path)
    manifest = load(tmp_path).manifest
    assert manifest.kind == shipped()[name].kind
    assert ("" in manifest.bars) == (name == "viral_probability"), "outcomes that come later are held against it"
    outcome = outcome_of(trained, None, is_published=False)
    assert ("coverage_90" in outcome) == (name == "engagement")
    assert outcome["ece"] < 0.1


def test_a_table_never_seen_is_judged_by_the_same_measure_without_videos_that_taught(
    trained: Trained, source: Source
) -> None:
    with pytest.raises(TrainingImpossible, match="not learned from"):
        judge_on(trained, source)
    elsewhere = judge_on(trained, _renamed(source))
    outcome = outcome_of(trained, elsewhere, is_published=False)
    assert outcome["judged"] == 400
    assert outcome["mse"] < outcome["constant_mse"]
    assert {"r2", "rho", "coverage_90", "ece", "cross_validated"} <= outcome.keys()
    assert np.allclose(elsewhere.rows.truth, trained.rows.truth[_order_of(elsewhere.rows, trained.rows)])


def test_what_matters_is_said_in_words(trained: Trained) -> None:
    found = what_matters(trained)
    assert found[0].mean_size >= found[-1].mean_size > 0
    assert any("words" in one.words or "title" in one.words for one in found)


def test_a_split_by_time_is_a_second_figure_where_there_are_dates(source: Source) -> None:
    dated = [
        replace(c, summary=_uploaded(c.summary, at_s=1.5e9 + 86400.0 * number))
        for number, c in enumerate(source.changes())
        if c.summary
    ]
    trained = train(order(), replace(source, changes=lambda: iter(dated)))
    assert trained.later is not None
    assert trained.later["r2"] > 0
    assert train(order(), source).later is None


@pytest.mark.parametrize(
    ("target", "rows", "message"),
    [("scenes", 120, "several classes"), ("virality", 40, "at least 100 videos"), ("final_views", 120, "got 0")],
)
def test_what_cannot_be_learned_is_said(target: str, rows: int, message: str, tmp_path: Path) -> None:
    table = fitted.write_table(tmp_path / "videos.csv", rows=rows)
    with pytest.raises(TrainingImpossible, match=message):
        train(order(target), source_of(table))


def test_a_table_that_says_nothing_of_its_videos_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["video_id", "views"], ["aB3dE5gH7jK", 5]])
    with pytest.raises(TrainingImpossible, match="titles or transcripts"):
        read_table(path, TEXT)


def test_a_table_read_in_batches_gives_the_summaries_that_an_import_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fitted.write_table(tmp_path / "videos.csv", rows=50)
    whole = read_table(path, TEXT).summaries
    monkeypatch.setattr("streams.training_table.BATCH_VIDEOS", 7)
    assert read_table(path, TEXT).summaries == whole
    assert all(s.scope == WHOLE_VIDEO and s.final and s.outcomes for s in whole)


def _changed(summary: Summarised | None, change: Callable[[Summarised], Summarised]) -> Summarised | None:
    return None if summary is None else change(summary)


def _made_by(summary: Summarised, *, version: str) -> Summarised:
    return msgspec.structs.replace(summary, made_by={"video/text": (version,)})


def _without_outcomes(summary: Summarised | None) -> Summarised | None:
    return _changed(summary, lambda s: msgspec.structs.replace(s, outcomes=()))


def _uploaded(summary: Summarised | None, *, at_s: float) -> Summarised | None:
    def dated(one: Summarised) -> Summarised:
        return msgspec.structs.replace(one, metadata=msgspec.structs.replace(one.metadata, uploaded_at_s=at_s))

    return _changed(summary, dated)


def _renamed(source: Source) -> Source:
    """The same videos under other ids, as another table would bring them."""
    changes = [
        Change(f"url:{c.video_id[4:]}", msgspec.structs.replace(c.summary, video_id=f"url:{c.video_id[4:]}"), NOW_S)
        for c in source.changes()
        if c.summary
    ]
    return replace(source, changes=lambda: iter(changes), outcomes=dict[str, dict[str, OutcomeObserved]]())


def _order_of(one, other) -> list[int]:
    places = {fact.video_id[4:]: place for place, fact in enumerate(other.facts)}
    return [places[fact.video_id[4:]] for fact in one.facts]
