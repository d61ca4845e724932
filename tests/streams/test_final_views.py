"""Final views from first days: a Hawkes process and a regression compete in one table, and predictions say which spoke."""

from collections.abc import Iterator
from pathlib import Path

import first_days
import pytest

from models.estimators.linear import RidgeRegression
from models.release import LearnedRelease, load
from processors.predict import predict
from schemas.codec import encode
from schemas.predictions import VideoScored
from schemas.summaries import Summarised
from streams.target_files import shipped
from streams.training import Order, Trained, train, write_release
from streams.training_source import Change, Source

VIDEOS = 110
SERIES = list(range(1, 19))
SPARSE = [4, 11]
OLD = [120]


def days_of(number: int) -> list[int]:
    """A third were counted every day."""
    return SPARSE if number % 3 else SERIES


def videos() -> Iterator[Summarised]:
    return (first_days.video(number, [*days_of(number), *OLD]) for number in range(VIDEOS))


@pytest.fixture(scope="module")
def trained() -> Trained:
    source = Source(
        words="made-up videos",
        changes=lambda: (Change(one.video_id, one, 1.7e9) for one in videos()),
        segments=videos,
    )
    order = Order(target=shipped()["final_views"], release_id="f1", members=(RidgeRegression(),))
    return train(order, source)


@pytest.fixture(scope="module")
def release(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> LearnedRelease:
    folder: Path = tmp_path_factory.mktemp("final") / "f1"
    write_release(trained, folder, stages={})
    made = load(folder)
    assert isinstance(made, LearnedRelease)
    return made


def said(release: LearnedRelease, number: int, days: list[int]) -> VideoScored:
    (scored,) = predict([first_days.video(number, days)], release)
    return scored


def test_a_process_and_a_regression_are_compared_in_one_table(trained: Trained) -> None:
    errors = {one.name: one.mse for one in trained.learned.choice.candidates}
    assert {"constant", "regression on early counts", "Hawkes intensity process", "ridge"} <= errors.keys()
    assert errors["regression on early counts"] < errors["constant"] / 2
    assert trained.learned.beats_constant


def test_first_days_beat_the_constant_on_channels_never_met(trained: Trained) -> None:
    assert trained.learned.metrics["r2_low"] > 0.5


def test_a_prediction_says_whether_counts_or_a_series_spoke(release: LearnedRelease) -> None:
    whole, sparse, nothing = (said(release, 500, days) for days in (SERIES, SPARSE, []))
    assert "early/series" in whole.modalities_used
    assert "early/series" in sparse.modalities_missing
    assert "early/counts" in sparse.modalities_used
    assert {"early/counts", "early/series"} <= nothing.modalities_missing.keys()
    for scored in (whole, sparse, nothing):
        assert scored.constant + sum(reason.contribution for reason in scored.reasons) == scored.value
    assert {"early_counts", "early_series"} & {reason.feature for reason in whole.reasons}
    assert not {"early_counts", "early_series"} & {reason.feature for reason in nothing.reasons}


@pytest.mark.parametrize("days", [SPARSE, SERIES])
def test_what_was_counted_later_changes_no_prediction(release: LearnedRelease, days: list[int]) -> None:
    assert encode(said(release, 500, days)) == encode(said(release, 500, [*days, 95, 120]))
