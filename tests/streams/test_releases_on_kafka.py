"""Releases on a real Kafka: promoted, retired and in the shadow, under a scorer that runs on."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fitted
import pytest
from workers import wait_until

from schemas.codec import encode
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.promotions import ShadowScored
from schemas.scoreboard import ScoreKept
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import BulkProducer, event_of, read_to_end
from streams.release_roles import announce
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.target_shelf import publish_shipped
from streams.world import open_media

pytestmark = pytest.mark.broker

UNIT = "viral score, 0 to 100"
"""In which an outcome alone says what the truth is."""


class Scoring:
    """A worker of the score stage and one of the scoreboard, and the command line beside them."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.sent = settings, 0
        self.environment = os.environ | settings.environment()
        self.log = settings.home / "score.log"
        with self.log.open("ab") as out:
            self.process, self.counting = (
                subprocess.Popen(
                    [sys.executable, "-m", "streams.commands.main", "worker", stage],
                    env=self.environment, stdout=out, stderr=out,
                )
                for stage in ("score", "scoreboard")
            )  # fmt: skip

    def run(self, *words: str) -> str:
        command = [sys.executable, "-m", "streams.commands.main", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def events(self, topic: str) -> list:
        return [event_of(r) for r in read_to_end(self.settings, self.settings.kafka, [topic])]

    def used(self) -> str:
        """The release that predicts a new video."""
        self.sent += 1
        summary = fitted.summary(self.sent)
        with BulkProducer(self.settings, self.settings.kafka) as producer:
            producer.send(summary)

        def answers() -> list[VideoScored]:
            return [e for e in self.events("predictions") if e.summary_id == summary.event_id]

        wait_until(answers, limit_s=60, what="a prediction", tell=self.log.read_text)
        return answers()[-1].release_id

    def wait_used(self, release_id: str) -> None:
        """The news of a promotion takes its moment to arrive."""
        wait_until(lambda: self.used() == release_id, limit_s=60, what=release_id, tell=self.log.read_text)


@pytest.fixture(scope="module")
def scoring(cache: Path, tmp_path_factory) -> Iterator[Scoring]:
    with EmbeddedBroker(tmp_path_factory.mktemp("releases-kafka"), cache) as broker:
        settings = Settings(home=broker.home, cache=cache, kafka=broker.bootstrap, partitions=2)
        create_missing(settings, broker.bootstrap)
        publish_shipped(settings, broker.bootstrap)
        made = tmp_path_factory.mktemp("made")
        shelf = ReleaseShelf(settings.home, open_media(settings))
        for number, name in enumerate(("r1", "r2"), 1):
            folder = fitted.release_folder(made / name, name, trained_at_s=float(number), unit=UNIT)
            announce(settings, broker.bootstrap, shelf.publish(folder), role="promoted" if name == "r1" else "shadow")
        running = Scoring(settings)
        try:
            yield running
        finally:
            for process in (running.process, running.counting):
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def test_a_scorer_is_promoted_and_retired_under_without_a_restart_and_shadows_stay_apart(scoring: Scoring) -> None:
    scoring.wait_used("r1")
    shadows = {e.video_id: e.prediction for e in scoring.events("shadows") if isinstance(e, ShadowScored)}
    assert {p.release_id for p in shadows.values()} == {"r2"}
    assert {e.release_id for e in scoring.events("predictions")} == {"r1"}
    watched = [json.loads(line) for line in scoring.run("watch", "url:v1", "--json").splitlines()]
    assert {e["release_id"] for e in watched if e["type"] == "VideoScored"} == {"r1"}
    verified = json.loads(scoring.run("replay", "--target", "virality", "--verify", "--json").splitlines()[-1])
    assert (verified["release"], verified["comparison"]["different"]) == ("virality/r1", 0)

    scoring.run("releases", "promote", "virality/r2")
    scoring.wait_used("r2")
    scoring.run("replay", "--target", "virality", "--json")
    replayed = {e.video_id: e for e in scoring.events("predictions") if e.release_id == "r2"}
    assert encode(replayed["url:v1"]) == encode(shadows["url:v1"])

    rows = [json.loads(line) for line in scoring.run("releases", "list", "--json").splitlines()]
    assert {r["release_id"]: (r["role"], r["serves"]) for r in rows} == {
        "r1": ("promoted", False),
        "r2": ("promoted", True),
    }
    compared = json.loads(scoring.run("releases", "compare", "r1", "r2", "--json"))
    assert compared["videos"]["videos"] >= 1
    assert compared["videos"]["mean_difference"] == 0.0

    assert "virality/r1 serves" in scoring.run("releases", "retire", "r2")
    scoring.wait_used("r1")
    assert "no release of virality serves now" in scoring.run("releases", "retire", "r1")
    assert scoring.process.poll() is None


def test_outcomes_that_come_later_are_counted_for_live_releases_and_shadows_alike(scoring: Scoring) -> None:
    truths = {f"url:v{number}": 50.0 for number in range(1, scoring.sent + 1)}
    with BulkProducer(scoring.settings, scoring.settings.kafka) as producer:
        for video_id, score in truths.items():
            producer.send(
                OutcomeObserved(event_id=video_id, video_id=video_id, observed_at_s=1e9, scores={"virality": score})
            )

    def boards() -> dict[str, dict]:
        rows = json.loads(scoring.run("status", "--json"))["scoreboard"]
        return {row["release_id"]: row for row in rows}

    wait_until(
        lambda: boards().get("r1", {}).get("compared", 0) >= 2 and "r2" in boards(),
        limit_s=90, what="two boards", tell=scoring.log.read_text,
    )  # fmt: skip
    last = {e.video_id: e for e in scoring.events("predictions") if e.release_id == "r1"}
    wait_until(lambda: boards()["r1"]["compared"] == len(last), limit_s=60, what="all", tell=scoring.log.read_text)
    errors = [abs(p.value - truths[video_id]) for video_id, p in last.items()]
    assert boards()["r1"]["error"] == pytest.approx(sum(errors) / len(errors), abs=1e-5)
    assert boards()["r1"]["weeks"] == ["2001-W36"]
    came = fitted.release("r1").manifest.threshold < 50.0
    assert boards()["r1"]["chances"] == len(last)
    squares = [((p.probability or 0.0) - came) ** 2 for p in last.values()]
    assert boards()["r1"]["brier"] == pytest.approx(sum(squares) / len(squares), abs=1e-5)
    status = json.loads(scoring.run("status", "--json"))
    assert {row["release_id"]: row["compared"] for row in status["scoreboard"]}["r1"] == len(last)
    assert status["serving"] == {"virality": None}
    assert "no release of virality serves" in status["warnings"][0]


def test_status_warns_of_intervals_that_hold_too_few_of_the_truths(scoring: Scoring) -> None:
    kept = ScoreKept(
        event_id="kept", target="engagement", release_id="e1", week="2026-W41", part=0, unit="%", level=0.9,
        compared=60, inside=50, below=5, above=5,
    )  # fmt: skip
    with BulkProducer(scoring.settings, scoring.settings.kafka) as producer:
        producer.send(kept)
    warned = json.loads(scoring.run("status", "--json"))["warnings"]
    assert any("engagement/e1: 83% of 60 outcomes" in warning and "too narrow" in warning for warning in warned)
    assert "too narrow" in scoring.run("status")
