"""`groundswell up` as its users meet it: submit, watch, kill, replay, train, all on one real system."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from living import highest_bytes, locks_held, wait_until_gone
from source_server import serving

from streams.dashboard_card import DashboardCard, read_card
from streams.demo_video import DemoVideo, make_demo_video
from streams.topology import STAGES
from streams.worker import cards

pytestmark = [pytest.mark.broker, pytest.mark.slow]

READY_LIMIT_S = 120.0

WORKER_LIMIT_BYTES, TOGETHER_LIMIT_BYTES = 1_200_000_000, 5_000_000_000


class System:
    """A running `groundswell up`, and its command line."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            "GROUNDSWELL_HOME": str(home),
            "GROUNDSWELL_CACHE": str(cache),
            "GROUNDSWELL_PARTITIONS": "4",
            "GROUNDSWELL_FETCH_NETWORKS": "127.0.0.0/8",
        }
        self.log = (home / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streams.commands.main", "up"],
            env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "streams.commands.main", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0 or not check, done.stderr
        return done

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments).stdout.splitlines()]

    def wait_ready(self) -> None:
        give_up_at_s = time.monotonic() + READY_LIMIT_S
        while b"Groundswell is up" not in (self.home / "up.log").read_bytes():
            assert self.process.poll() is None, (self.home / "up.log").read_text()
            assert time.monotonic() < give_up_at_s, (self.home / "up.log").read_text()
            time.sleep(0.2)

    def kill_worker(self, stage: str) -> None:
        (card,) = [card for card in cards(self.home) if card.stage == stage]
        os.kill(card.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def video(cache: Path) -> DemoVideo:
    return make_demo_video(cache / "demo")


@pytest.fixture(scope="module")
def system(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("whole-system"), cache)
    try:
        running.wait_ready()
        yield running
    finally:
        running.process.send_signal(signal.SIGINT)
        running.process.wait(60)
        running.log.close()
    assert wait_until_gone(running.home, timeout_s=5) == {}
    assert locks_held(running.home) == []


def predictions(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {e["video_id"]: e for e in events if e["type"] == "VideoScored" and e["stage"] == "final"}


def test_a_file_and_a_link_with_the_same_bytes_both_get_the_prediction_though_workers_die(
    system: System, video: DemoVideo
) -> None:
    with serving(video.path.read_bytes()) as server:
        (first,) = system.lines("submit", str(video.path), "--title", video.title, "--json")
        system.kill_worker("segment")
        system.kill_worker("assemble")
        (second,) = system.lines("submit", server.url("ok/copy.mp4"), "--json")
        assert first["video_id"] != second["video_id"]
        made = predictions(system.lines("watch", first["video_id"], second["video_id"], "--json"))
    assert set(made) == {first["video_id"], second["video_id"]}
    of_first, of_second = made[first["video_id"]], made[second["video_id"]]
    originals = {of_first.get("duplicate_of"), of_second.get("duplicate_of")}
    assert len(originals) == 2, "exactly one points at the other"
    assert of_first["value"] == of_second["value"]


def test_a_known_video_is_said_to_be_known_and_keeps_its_prediction(system: System, video: DemoVideo) -> None:
    before = predictions(system.lines("submit", str(video.path), "--watch", "--json")[1:])
    (again,) = system.lines("submit", str(video.path), "--json")
    assert again["known"] is True
    after = predictions(system.lines("watch", again["video_id"], "--json"))
    assert after == before


def test_a_link_into_the_private_network_is_refused_with_a_reason(system: System) -> None:
    events = system.lines("submit", "http://169.254.169.254/latest/meta-data/x.mp4", "--watch", "--json")
    (refused,) = [e for e in events if e.get("state") == "refused"]
    assert "169.254.169.254" in refused["message"]


def test_a_missing_video_fails_in_words_and_can_be_redriven(system: System, video: DemoVideo) -> None:
    with serving(video.path.read_bytes()[:1000]) as server:
        events = system.lines("submit", server.url("404/x.mp4"), "--watch", "--json")
    (failed,) = [e for e in events if e.get("state") == "failed"]
    assert "404" in failed["message"]
    letters = json.loads(system.run("dead-letters", "list", "--json").stdout.splitlines()[-1])
    assert letters, "the failed fetch waits there"


def test_a_bad_line_in_a_list_is_named_and_the_rest_is_submitted(
    system: System, tmp_path: Path, video: DemoVideo
) -> None:
    (tmp_path / "list.txt").write_text(f"{video.path}\nftp://example.org/x.mp4\n")
    done = system.run("submit", str(tmp_path / "list.txt"), check=False)
    assert done.returncode == 1
    assert "list.txt:2" in done.stderr
    assert "file:" in done.stdout


def test_the_replay_equals_what_was_said_live(system: System) -> None:
    for source in ("summaries", "features"):
        outcome = system.lines("replay", "--target", "virality", "--verify", "--from", source, "--json")[-1]
        assert outcome["comparison"]["compared"] >= 2
        assert outcome["comparison"]["equal"] == outcome["comparison"]["compared"]
        assert outcome["comparison"]["missing"] == 0


def test_a_new_release_is_taken_up_without_a_restart_and_rescores_the_past(system: System, tmp_path: Path) -> None:
    rows = [f"{word} number {i},Channel {i % 40},{views}" for i in range(120)
            for word, views in (("Amazing cat rocket", 90_000 + i), ("Minutes of the meeting", 100 + i))]  # fmt: skip
    (tmp_path / "table.csv").write_text("title,channel,views\n" + "\n".join(rows))
    pids = {card.pid for card in cards(system.home)}
    system.run("train", "virality", "--from", str(tmp_path / "table.csv"), "--release", "cats-1")
    system.run("replay", "--target", "virality")
    verified = system.lines("replay", "--target", "virality", "--verify", "--json")[-1]
    assert verified["release"] == "virality/cats-1"
    assert verified["comparison"]["equal"] == verified["comparison"]["compared"] >= 2
    assert {card.pid for card in cards(system.home)} == pids


def test_status_shows_every_stage_with_its_worker_and_nothing_waiting(system: System) -> None:
    answer = json.loads(system.run("status", "--json").stdout)
    assert {s["stage"]: s["workers"] for s in answer["stages"]} == {stage.name: 1 for stage in STAGES}
    assert answer["disk_bytes"]["media"] > 0


def test_no_worker_needed_more_memory_than_is_promised(system: System) -> None:
    """By the kernel's own count of the most each ever held, after all the videos above."""
    held = {card.stage: highest_bytes(card.pid) for card in cards(system.home)}
    if not any(held.values()):
        pytest.skip("this system has no /proc that says how much memory a process held")
    assert set(held) == {stage.name for stage in STAGES}
    assert max(held.values()) < WORKER_LIMIT_BYTES, held
    assert sum(held.values()) < TOGETHER_LIMIT_BYTES, held


def card_other_than(home: Path, pid: int) -> DashboardCard:
    """Wait for a dashboard that is not the one before."""
    give_up_at_s = time.monotonic() + READY_LIMIT_S
    while (card := read_card(home)) is None or card.pid == pid:
        assert time.monotonic() < give_up_at_s, (home / "up.log").read_text()
        time.sleep(0.1)
    return card


def ask(card: DashboardCard, path: str) -> Any:
    headers = {"Authorization": f"Bearer {card.link.partition('#token=')[2]}"}
    with urlopen(Request(card.url + path, headers=headers), timeout=READY_LIMIT_S) as answer:
        return json.load(answer)


def test_the_dashboard_runs_beside_the_workers_and_comes_back_when_it_dies(system: System) -> None:
    card = card_other_than(system.home, 0)
    give_up_at_s = time.monotonic() + READY_LIMIT_S
    while (known := ask(card, "/v1/videos")["total"]) == 0:
        assert time.monotonic() < give_up_at_s, "the library took nothing in"
        time.sleep(0.2)
    os.kill(card.pid, signal.SIGKILL)
    again = card_other_than(system.home, card.pid)
    assert ask(again, "/v1/videos")["total"] >= known
    assert wait_for_line(system.home / "up.log", again.link)


def wait_for_line(log: Path, text: str) -> bool:
    """Whether a log says something in the end."""
    give_up_at_s = time.monotonic() + READY_LIMIT_S
    while text not in log.read_text() and time.monotonic() < give_up_at_s:
        time.sleep(0.2)
    return text in log.read_text()


def test_a_second_system_on_the_same_home_says_that_one_runs(system: System) -> None:
    done = system.run("up", check=False)
    assert done.returncode == 1
    assert "runs already" in done.stderr
    assert "Traceback" not in done.stderr
