"""`groundswell train` on a real Kafka: what lies on the topics teaches what the same table teaches."""

from collections.abc import Iterator
from pathlib import Path

import fitted
import msgspec
import pytest
import scenes
from click.testing import Result
from typer.testing import CliRunner

from processors.score import ScoreProcessor
from schemas.errors import GroundswellError
from streams import settings as settings_module
from streams.commands.main import app
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, read_to_end
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.target_files import shipped
from streams.training_rows import rows_of
from streams.training_source import from_table, on_topics
from streams.training_table import read_table
from streams.world import open_media

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def cluster(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with EmbeddedBroker(tmp_path_factory.mktemp("training-kafka"), cache) as running:
        settings = Settings(home=running.home, kafka=running.bootstrap, partitions=3)
        create_missing(settings, running.bootstrap)
        yield settings


def test_topics_teach_what_their_table_teaches(cluster: Settings, tmp_path: Path) -> None:
    table = read_table(fitted.write_table(tmp_path / "videos.csv", rows=150), fitted.HashedWords())
    with BulkProducer(cluster, str(cluster.kafka)) as producer:
        for number, summary in enumerate(table.summaries):
            later = summary.outcomes if number % 2 else ()
            producer.send(msgspec.structs.replace(summary, outcomes=()))
            producer.send(msgspec.structs.replace(summary, outcomes=later))
            for outcome in summary.outcomes:
                producer.send(outcome)
    target = shipped()["virality"]
    live = rows_of(on_topics(cluster, str(cluster.kafka), "the topics"), target)
    read = rows_of(from_table(table, "the table", now_s=1.0), target)
    assert live.facts == read.facts
    assert live.truth.tolist() == read.truth.tolist()
    assert (live.examples.table.values == read.examples.table.values).all()
    assert live.examples.words == read.examples.words
    assert live.newest_s > read.newest_s
    _and_nothing_is_published_where_there_is_nothing_to_learn(cluster)


def test_labels_on_the_topics_become_a_release_that_scorers_take_up(cluster: Settings, tmp_path: Path) -> None:
    with BulkProducer(cluster, str(cluster.kafka)) as producer:
        for event in [*scenes.summaries(), *scenes.labels()]:
            producer.send(event)
    report = tmp_path / "report.html"
    answer = _asked(cluster, "train", "scenes", "--json", "--report", str(report))
    assert answer.exception is None
    outcome = msgspec.json.decode(answer.stdout.splitlines()[-1])
    assert (outcome["rows"], outcome["groups"], outcome["published"]) == (240, 20, True)
    assert "In pictures" in report.read_text("utf-8")
    (published,) = [event_of(record) for record in read_to_end(cluster, str(cluster.kafka), ["releases"])]
    assert (published.record_key, published.kind) == (f"scenes/{outcome['release']}", "multilabel")
    scorer = ScoreProcessor(ReleaseShelf(cluster.home, open_media(cluster)).folder)
    scorer.hear(published)
    (answers,) = scorer.transform([scenes.segment(300, 0)])
    assert [event.record_key for event in answers] == ["url:v300/scenes/0"]


def _and_nothing_is_published_where_there_is_nothing_to_learn(cluster: Settings) -> None:
    answer = _asked(cluster, "train", "final_views", "--json")
    assert isinstance(answer.exception, GroundswellError)
    assert "got 0 (of 150 in all)" in str(answer.exception)
    assert not [event_of(record) for record in read_to_end(cluster, str(cluster.kafka), ["releases"])]


def _asked(cluster: Settings, *words: str) -> Result:
    settings_module.load.cache_clear()
    try:
        return CliRunner(env=cluster.environment()).invoke(app, list(words))
    finally:
        settings_module.load.cache_clear()
