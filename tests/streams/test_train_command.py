"""`groundswell train` as it is typed, on a real Kafka: what it publishes, refuses, writes and judges."""

import json
from collections.abc import Iterator
from pathlib import Path

import fitted
import msgspec
import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from schemas.errors import TrainingImpossible, UsageError
from schemas.promotions import RoleGiven
from schemas.releases import ReleasePublished
from schemas.summaries import Summarised
from streams import settings as settings_module
from streams.commands.main import app
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, read_to_end
from streams.release_roles import read_roster
from streams.settings import Settings
from streams.training_table import read_table

pytestmark = pytest.mark.broker

ROWS = 120


@pytest.fixture(scope="module")
def cluster(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Videos about cats are seen more; how engaging they are is luck."""
    with EmbeddedBroker(tmp_path_factory.mktemp("train-kafka"), cache) as running:
        settings = Settings(home=running.home, cache=cache, kafka=running.bootstrap, partitions=2)
        create_missing(settings, running.bootstrap)
        path = fitted.write_table(running.home / "videos.csv", rows=ROWS)
        with BulkProducer(settings, running.bootstrap) as producer:
            for number, summary in enumerate(read_table(path, fitted.HashedWords()).summaries):
                producer.send(_with_luck(summary, number))
        yield settings


def _with_luck(summary: Summarised, number: int) -> Summarised:
    share = np.random.default_rng(number).uniform(0.01, 0.2)
    outcomes = (msgspec.structs.replace(o, likes=int((o.views or 0) * share), comments=0) for o in summary.outcomes)
    return msgspec.structs.replace(summary, outcomes=tuple(outcomes))


def typed(settings: Settings, *words: str) -> Result:
    settings_module.load.cache_clear()
    try:
        return CliRunner(env=settings.environment()).invoke(app, ["train", *words, "--json"])
    finally:
        settings_module.load.cache_clear()


def outcome(answer: Result) -> dict[str, object]:
    assert answer.exception is None, answer.exception
    found: dict[str, object] = json.loads(answer.stdout.strip().splitlines()[-1])
    return found


def published(settings: Settings) -> dict[str, ReleasePublished | RoleGiven]:
    records = read_to_end(settings, str(settings.kafka), ["releases"])
    return {event.record_key: event for event in map(event_of, records)}  # type: ignore[misc]  # of this topic


def serving(settings: Settings, target: str) -> str | None:
    event = read_roster(settings, str(settings.kafka)).serving(target)
    return event.release_id if event else None


def test_what_beats_the_constant_is_published_and_serves(cluster: Settings, tmp_path: Path) -> None:
    page, folder = tmp_path / "report.html", tmp_path / "kept"
    answer = typed(cluster, "virality", "--release", "first", "--report", str(page), "--out", str(folder))
    said = outcome(answer)
    assert (said["published"], said["beats_constant"], said["rows"]) == (True, True, ROWS)
    assert serving(cluster, "virality") == "first"
    assert (cluster.home / "releases" / "virality" / "first" / "release.json").is_file()
    assert (folder / "release.json").is_file()
    assert "Worst mistakes" in page.read_text()
    assert "`groundswell replay --target virality` rescores the past" in answer.stderr
    _and_a_candidate_serves_nobody_yet(cluster)


def _and_a_candidate_serves_nobody_yet(cluster: Settings) -> None:
    assert outcome(typed(cluster, "virality", "--release", "second", "--candidate"))["published"] is True
    assert serving(cluster, "virality") == "first"
    roster = read_roster(cluster, str(cluster.kafka))
    assert [event.release_id for event in roster.shadows("virality")] == ["second"]


def test_what_is_no_better_than_the_constant_is_refused_unless_forced(cluster: Settings) -> None:
    before = published(cluster)
    refused = typed(cluster, "engagement", "--release", "luck")
    assert isinstance(refused.exception, TrainingImpossible)
    assert "no better than saying the same for every video" in str(refused.exception)
    assert "more examples" in str(refused.exception) or "no number of examples" in str(refused.exception)
    assert json.loads(refused.stdout.strip().splitlines()[-1])["published"] is False
    assert published(cluster) == before
    quiet = outcome(typed(cluster, "engagement", "--release", "luck", "--no-publish"))
    assert (quiet["published"], quiet["beats_constant"]) == (False, False)
    assert published(cluster) == before
    forced = outcome(typed(cluster, "engagement", "--release", "luck", "--force"))
    assert (forced["published"], forced["beats_constant"]) == (True, False)
    assert serving(cluster, "engagement") == "luck"


def test_a_table_teaches_and_another_one_judges(cluster: Settings, tmp_path: Path) -> None:
    before = published(cluster)
    past, newer = (
        fitted.write_table(tmp_path / "past.csv", rows=ROWS),
        fitted.write_table(tmp_path / "newer.csv", rows=150),
    )
    said = outcome(typed(cluster, "virality", "--from", str(past), "--test", str(newer), "--no-publish"))
    assert {"mse", "constant_mse", "r2", "rho", "coverage_90", "ece"} <= said.keys()
    assert isinstance(said["mse"], float)
    assert isinstance(said["constant_mse"], float)
    assert said["mse"] < said["constant_mse"]
    assert published(cluster) == before


def test_a_table_that_is_not_there_is_said(cluster: Settings, tmp_path: Path) -> None:
    answer = typed(cluster, "virality", "--from", str(tmp_path / "none.csv"))
    assert isinstance(answer.exception, UsageError)
    assert "is not a file" in str(answer.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--features", "visual=2", "--from", "videos.csv"), "are those on the topics"),
        (("--features", "visual"), "STAGE=VERSION"),
        (("--features", "text=2"), "no features of text by 2; there are 1"),
    ],
)
def test_features_that_are_not_there_are_said(cluster: Settings, words: tuple[str, ...], message: str) -> None:
    error = typed(cluster, "virality", *words).exception
    assert isinstance(error, UsageError)
    assert message in str(error)
