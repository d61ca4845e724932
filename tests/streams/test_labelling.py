"""``groundswell label`` on a real Kafka: a class of one's own from its definition to ten labels, and the way back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from subjects import SUBJECTS, summaries_of
from typer.testing import CliRunner

from schemas.errors import GroundswellError, UsageError
from schemas.labels import LabelGiven
from streams import settings as settings_module
from streams.commands.main import app
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, read_to_end
from streams.labelling import labeller, place_of, read_labels
from streams.settings import Settings

pytestmark = pytest.mark.broker

OWN = """
name = "kitchen"
version = 1
kind = "multilabel"
title = "Kitchen"
description = "What happens in a kitchen."
scope = "segment"

[[measures]]
name = "labelled"
formula = "labels"
unit = "yes or no"

[[classes]]
name = "baking"
definition = "Somebody bakes bread or a cake in an oven."
aliases = ["bread"]

[[classes]]
name = "washing_up"
definition = "Dirty dishes are washed."
"""


class Said(NamedTuple):
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stdout.splitlines()]


@pytest.fixture(scope="module")
def own_broker(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("label-kafka"), cache) as running:
        settings = Settings(home=tmp_path_factory.mktemp("label-home"), kafka=running.bootstrap, partitions=4)
        create_missing(settings, running.bootstrap)
        with BulkProducer(settings, running.bootstrap) as producer:
            for event in summaries_of(videos=8, segments=6):
                producer.send(event)
        yield running


@pytest.fixture
def cluster(own_broker: EmbeddedBroker, cache: Path, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, cache=cache, kafka=own_broker.bootstrap, partitions=4)


def groundswell(cluster: Settings, *words: str, typed: str = "") -> Said:
    """Run a command in this process, with the settings of its own."""
    settings_module.load.cache_clear()
    try:
        answer = CliRunner(env=cluster.environment()).invoke(app, words, input=typed)
    finally:
        settings_module.load.cache_clear()
    if answer.exception and not isinstance(answer.exception, SystemExit | GroundswellError):
        raise answer.exception
    return Said(answer.exit_code, answer.stdout, f"{answer.stderr}{answer.exception or ''}")


def define(cluster: Settings, tmp_path: Path, name: str) -> str:
    """Put a target of a name of its own on the topic."""
    path = tmp_path / f"{name}.toml"
    path.write_text(OWN.replace('"kitchen"', f'"{name}"'))
    added = groundswell(cluster, "targets", "add", str(path))
    assert f"groundswell label {name}" in added.stdout
    return name


def labels(cluster: Settings, target: str) -> list[LabelGiven]:
    return read_labels(cluster, str(cluster.kafka), target)


def test_a_class_of_ones_own_goes_from_a_definition_to_ten_labels_that_the_queue_uses(
    cluster: Settings, tmp_path: Path
) -> None:
    own = define(cluster, tmp_path, "own_class")
    first = groundswell(cluster, "label", "next", own, "--class", "baking", "--by", "ada", "--json")
    assert first.returncode == 0, first.stderr
    assert {q["why"] for q in first.lines} <= {"words", "new"}
    assert first.lines[0]["definition"] == "Somebody bakes bread or a cake in an oven."
    asked = [f"{q['video_id']}/{q['scope']}" for q in first.lines]
    truth = ["y" if _subject(place) == "bread" else "n" for place in asked]
    assert {"y", "n"} == set(truth), "the words find the class"
    for place, key in zip(asked, truth, strict=True):
        done = groundswell(cluster, "label", "give", own, place, "bread", key, "--by", "ada")
        assert done.returncode == 0, done.stderr
    assert len(labels(cluster, own)) == 10
    second = groundswell(cluster, "label", "next", own, "--class", "baking", "--by", "ada", "--count", "15", "--json")
    later = [f"{q['video_id']}/{q['scope']}" for q in second.lines]
    assert not set(later) & set(asked)
    assert {q["why"] for q in second.lines} == {"unsure", "likely", "new"}
    chances = {place: float(str(q["chance"])) for place, q in zip(later, second.lines, strict=True)}
    bread = [chance for place, chance in chances.items() if _subject(place) == "bread"]
    others = [chance for place, chance in chances.items() if _subject(place) != "bread"]
    assert min(bread) > max(others), "ten labels tell bread from the rest"


def test_answers_come_by_lines_and_undo_asks_again(cluster: Settings, tmp_path: Path) -> None:
    own = define(cluster, tmp_path, "by_lines")
    answers = tmp_path / "answers.txt"
    answers.write_text("y\n# a comment\n\nno\nu\nyes\ns\nq\ny\n")
    done = groundswell(cluster, "label", own, "--class", "baking", "--by", "eve", "--answers", str(answers))
    assert done.returncode == 0, done.stderr
    assert "3 of 40 answered by eve" in done.stdout
    assert "taken back: no" in done.stdout
    assert done.stdout.count("baking: Somebody bakes bread or a cake in an oven.") == 6, (
        "asked six times: one answer was taken back, one was to quit"
    )
    assert sorted(label.value for label in labels(cluster, own)) == ["skip", "yes", "yes"]


def test_without_a_terminal_standard_input_answers_and_its_end_ends(cluster: Settings, tmp_path: Path) -> None:
    own = define(cluster, tmp_path, "by_input")
    done = groundswell(cluster, "label", own, "--by", "eve", "--count", "3", typed="y\nn\n")
    assert done.returncode == 0, done.stderr
    assert "2 of 3 answered" in done.stdout
    bad = groundswell(cluster, "label", own, "--by", "eve", typed="n\nperhaps\n")
    assert bad.returncode == 1
    assert "standard input:2: expected one of y yes, n no" in bad.stderr
    assert len(labels(cluster, own)) == 3, "what was answered before the mistake is kept"


def test_a_label_is_taken_back_by_a_tombstone_and_nobody_elses(cluster: Settings, tmp_path: Path) -> None:
    own, place = define(cluster, tmp_path, "taken_back"), "url:v1/2"
    for by, value in (("ada", "yes"), ("bob", "no"), ("ada", "no")):
        assert groundswell(cluster, "label", "give", own, place, "baking", value, "--by", by).returncode == 0
    assert [(x.by, x.value) for x in labels(cluster, own)] == [("ada", "no"), ("bob", "no")]
    done = groundswell(cluster, "label", "undo", own, "--by", "ada", "--json")
    assert done.lines[0]["by"] == "ada"
    assert [(x.by, x.value) for x in labels(cluster, own)] == [("bob", "no")]
    stones = [r for r in read_to_end(cluster, str(cluster.kafka), ["labels"]) if r.value is None]
    assert f"{place}/{own}/baking/ada".encode() in {r.key for r in stones}
    assert groundswell(cluster, "label", "undo", own, "--by", "ada").returncode == 1


def test_people_are_compared_on_what_they_share(cluster: Settings, tmp_path: Path) -> None:
    own = define(cluster, tmp_path, "compared")
    for by, values in (("ada", "yynn"), ("bob", "ynnn")):
        for segment, value in enumerate(values):
            groundswell(cluster, "label", "give", own, f"url:v0/{segment}", "baking", value, "--by", by)
    said = groundswell(cluster, "label", "agreement", own, "--json").lines
    assert (said[0]["shared"], said[0]["same"], said[0]["kappa"]) == (4, 0.75, 0.5)
    assert said[0]["disputed"] == ["url:v0/1"]
    assert (said[1]["shared"], said[1]["kappa"]) == (0, None)
    shared = groundswell(
        cluster, "label", "next", own, "--class", "baking", "--shared", "--by", "cy", "--count", "40", "--json"
    )
    assert sorted(str(q["scope"]) for q in shared.lines) == ["0", "1", "2", "3"]
    listed = groundswell(cluster, "label", "list", own, "--by", "bob", "--json").lines
    assert [x["value"] for x in listed] == ["yes", "no", "no", "no"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("label", "virality"), "has no classes to label"),
        (("label", "give", "scenes", "url:v0/99", "shopping", "yes"), "url:v0/99 is not there"),
        (("label", "give", "scenes", "v0/1", "shopping", "yes"), "expected VIDEO/SEGMENT"),
        (("label", "give", "scenes", "url:v0/1", "cheese", "yes"), "no class 'cheese'"),
        (("label", "give", "scenes", "url:v0/1", "shopping", "undo"), "expected yes, no or skip"),
        (("label", "scenes", "--answers", "/nowhere/at/all"), "cannot read"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(cluster: Settings, words: tuple[str, ...], said: str) -> None:
    done = groundswell(cluster, *words)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize("name", ["a/b", "line\nbreak", "x" * 101])
def test_a_name_that_no_record_key_can_hold_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="without slashes"):
        labeller(name)


@pytest.mark.parametrize("text", ["", "nothing", "url:a/b/c", "url:a/-1", "../x/1"])
def test_what_names_no_segment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="VIDEO/SEGMENT"):
        place_of(text)


def _subject(place: str) -> str:
    video, _, segment = place.removeprefix("url:v").partition("/")
    return SUBJECTS[(int(video) + int(segment)) % len(SUBJECTS)]
