"""`groundswell import` on a real Kafka: what lies on the topics, whatever the order, however often, however it ends."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from spreadsheets import TRENDING, VIRANOVA, WARNER, write_table
from typer.testing import CliRunner

from schemas.errors import GroundswellError
from schemas.event import Event
from schemas.media import MediaFetched, Metadata
from schemas.outcomes import OutcomeObserved
from schemas.targets import TargetDefined
from streams import settings as settings_module
from streams.commands import imports
from streams.commands.main import app
from streams.imports.importing import Imported, bring_in, read_fetched
from streams.imports.tables import open_table
from streams.imports.whole_tables import Corrections, names_of, reader_of
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.settings import Settings

pytestmark = pytest.mark.broker

TOPICS = ("media", "outcomes", "labels", "targets")
MANY = 3000


class Said(NamedTuple):
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def own_broker(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("import-kafka"), cache) as running:
        yield running


@pytest.fixture
def cluster(own_broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, kafka=own_broker.bootstrap, partitions=4)
    create_missing(settings, own_broker.bootstrap)
    return settings


def groundswell(cluster: Settings, *words: str) -> Said:
    """Run a command in this process, with the settings of its own."""
    settings_module.load.cache_clear()
    try:
        answer = CliRunner(env=cluster.environment()).invoke(app, words)
    finally:
        settings_module.load.cache_clear()
    if answer.exception and not isinstance(answer.exception, SystemExit | GroundswellError):
        raise answer.exception
    return Said(answer.exit_code, answer.stdout, f"{answer.stderr}{answer.exception or ''}")


def compacted(cluster: Settings) -> dict[object, bytes | None]:
    """Every topic as compaction would leave it."""
    records = latest_per_key(read_to_end(cluster, str(cluster.kafka), TOPICS))
    return {key: record.value for key, record in records.items()}


def events(cluster: Settings, video_id: str) -> list[Event]:
    records = latest_per_key(read_to_end(cluster, str(cluster.kafka), TOPICS)).values()
    return [e for e in map(event_of, records) if getattr(e, "video_id", "") == video_id]


def trending(videos: int, first: int = 0) -> list[tuple[str, ...]]:
    """A table of its own: two days of made-up videos."""
    rows = [
        (
            f"v{first + n:010d}",
            f"title {n}",
            f"channel {n % 50}",
            "24",
            "a|b",
            str(1000 * day + n),
            "5",
            "1",
            "2",
            "",
            f"{day}.09",
        )
        for day in (13, 14)
        for n in range(videos)
    ]
    return [TRENDING[0], *rows]  # type: ignore[list-item]  # made of text


def test_importing_again_and_in_another_order_leaves_the_same_records(cluster: Settings, tmp_path: Path) -> None:
    head, *body = trending(MANY // 2, first=10**6)
    table = write_table(tmp_path / "videos.csv", [head, *body])
    done = groundswell(cluster, "import", "outcomes", str(table), "--year", "2017", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["taken"], figures["outcomes"], figures["videos"]) == (MANY, MANY, MANY // 2)
    once = compacted(cluster)
    random.Random(3).shuffle(body)
    shuffled = write_table(tmp_path / "shuffled.tsv.gz", [head, *body, *body[:100]])
    assert groundswell(cluster, "import", "outcomes", str(shuffled), "--year", "2017").returncode == 0
    assert compacted(cluster) == once


def test_bad_rows_are_named_the_rest_is_taken_and_the_exit_status_says_so(cluster: Settings, tmp_path: Path) -> None:
    table = write_table(tmp_path / "us.csv", TRENDING)
    rejects = tmp_path / "bad.csv"
    done = groundswell(cluster, "import", "outcomes", str(table), "--year", "2017", "--rejects", str(rejects))
    assert done.returncode == imports.SOME_REJECTED
    assert "us.csv:6: observed: expected a date such as 2024-05-31, got '24.09vW6xY8zA1bC'" in done.stderr
    assert "channel_title" in done.stderr, "the mapping is shown"
    assert "not used: dislikes, thumbnail_link" in done.stderr
    assert "imported 4 of 5 rows" in done.stdout
    assert rejects.read_text().splitlines()[1].startswith('6,"observed: expected a date')
    assert len([e for e in events(cluster, "youtube:kR4mN8pQ2sT") if isinstance(e, OutcomeObserved)]) == 2


def test_a_table_of_which_nothing_is_taken_fails(cluster: Settings, tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", [("views", "likes"), (1, 2)])
    assert groundswell(cluster, "import", "outcomes", str(table)).returncode == 1


def test_a_dry_run_shows_and_sends_nothing(cluster: Settings, tmp_path: Path) -> None:
    before = compacted(cluster)
    table = write_table(tmp_path / "t.csv", VIRANOVA)
    nowhere = cluster.model_copy(update={"kafka": "127.0.0.1:1"})
    done = groundswell(
        nowhere, "import", "outcomes", str(table), "--dry-run", "--map", "score.reach=engagement_score_%"
    )
    assert done.returncode == 0, done.stderr
    assert "OutcomeObserved youtube:aB3dE5gH7jK  scores={'virality': 61.25, 'reach': 70.5}" in done.stdout
    assert compacted(cluster) == before


def test_a_video_that_was_fetched_keeps_its_words_and_gets_the_outcome(cluster: Settings, tmp_path: Path) -> None:
    fetched = MediaFetched(
        event_id="1", video_id="url:film", submission_id="s", revision="0" * 16, sha256="0" * 64,
        media_ref="videos/film/media.mp4", metadata=Metadata(title="A film of ours", channel="Our channel"),
    )  # fmt: skip
    with BulkProducer(cluster, str(cluster.kafka)) as producer:
        producer.send(fetched)
    rows = [("title", "channel", "views"), ("a film  of OURS", "our channel", 70), ("Another", "our channel", 5)]
    done = groundswell(cluster, "import", "outcomes", str(write_table(tmp_path / "t.csv", rows)))
    assert done.returncode == 0, done.stderr
    media, outcome = sorted(events(cluster, "url:film"), key=lambda e: type(e).__name__)
    assert media == fetched
    assert outcome.views == 70
    assert "url:film" in read_fetched(cluster, str(cluster.kafka)).ids
    assert len(read_fetched(cluster, str(cluster.kafka)).ids) == 1, "rows of tables were never fetched"


def test_an_import_that_is_stopped_goes_on_without_harm(cluster: Settings, tmp_path: Path) -> None:
    table = write_table(tmp_path / "videos.csv", trending(400, first=2 * 10**6))
    _interrupted(cluster, table)
    partly = {key for key in compacted(cluster) if b"youtube:v0002" in key[1]}  # type: ignore[index]
    assert 0 < len(partly) < 800 + 400
    assert groundswell(cluster, "import", "outcomes", str(table), "--year", "2017").returncode == 0
    after = {key for key in compacted(cluster) if b"youtube:v0002" in key[1]}  # type: ignore[index]
    assert partly < after
    assert len(after) == 800 + 400, "two outcomes and the words of each of 400 videos"


def _interrupted(cluster: Settings, path: Path) -> None:
    """Ctrl-C comes in the middle of the table, as it would: between two rows."""
    with open_table(path) as table:
        said = Corrections(year=2017)
        reader = reader_of(names_of(table, [next(table.lines)], said), said)

        def lines() -> Iterator[object]:
            for number, line in enumerate(table.lines):
                if number == 500:
                    raise KeyboardInterrupt
                yield line

        with pytest.raises(KeyboardInterrupt), BulkProducer(cluster, str(cluster.kafka)) as producer:
            bring_in(lines(), reader, producer.send, counts=Imported())  # type: ignore[arg-type]


def test_labels_bring_the_definition_of_their_target_along(cluster: Settings, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(json.dumps(WARNER))
    done = groundswell(cluster, "import", "labels", str(tmp_path / "labels.json"), "--target", "scenes", "--json")
    assert done.returncode == imports.SOME_REJECTED, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["labels"] == 10
    records = latest_per_key(read_to_end(cluster, str(cluster.kafka), ["labels", "targets"])).values()
    found = list(map(event_of, records))
    assert len([e for e in found if not isinstance(e, TargetDefined)]) == 10
    assert "scenes" in {e.name for e in found if isinstance(e, TargetDefined)}


def test_a_class_of_ones_own_needs_a_definition_and_labels_and_no_code(cluster: Settings, tmp_path: Path) -> None:
    shown = groundswell(cluster, "targets", "show", "scenes").stdout
    definition = tmp_path / "picnics.toml"
    own = shown.split("\n[[classes]]")[0].replace('"scenes"', '"picnics"') + (
        '\n[[classes]]\nname = "picnic"\ndefinition = "People eat outdoors, sitting on the ground."\n'
    )
    definition.write_text(own)
    assert groundswell(cluster, "targets", "check", str(definition)).returncode == 0
    added = groundswell(cluster, "targets", "add", str(definition))
    assert "picnics version 1 is published" in added.stdout
    assert "was there already" in groundswell(cluster, "targets", "add", str(definition)).stdout
    definition.write_text(own.replace("outdoors", "in a garden"))
    changed = groundswell(cluster, "targets", "add", str(definition))
    assert changed.returncode == 1
    assert "set version = 2" in changed.stderr
    definition.write_text(own.replace("outdoors", "in a garden").replace("version = 1", "version = 2"))
    assert groundswell(cluster, "targets", "add", str(definition)).returncode == 0
    listed = [json.loads(line) for line in groundswell(cluster, "targets", "list", "--json").stdout.splitlines()]
    assert {(t["name"], t["version"]) for t in listed} > {("picnics", 2), ("scenes", 1), ("virality", 1)}
    labels = write_table(tmp_path / "l.csv", [("url", "segment", "picnic"), ("https://vimeo.com/76979871", 4, "yes")])
    assert groundswell(cluster, "import", "labels", str(labels), "--target", "picnics").returncode == 0
    (label,) = events(cluster, "vimeo:76979871")
    assert label.record_key == "vimeo:76979871/4/picnics/picnic/"
