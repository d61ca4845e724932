"""Jobs: children of the command line that outlive whoever started them, and folders that tell the truth about them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dashboard import job_folders
from dashboard.job_folders import Asked
from dashboard.job_orders import EraseOrder, ImportOrder, Order, ReplayOrder, TrainOrder, words_of
from dashboard.jobs import Jobs
from dashboard.problems import Problem
from dashboard.rows import Change
from schemas.errors import UsageError
from streams.locks import try_lock
from streams.settings import Settings

LIMIT_S = 60.0
NOBODY = "127.0.0.1:1"
"""No Kafka answers there."""

WITHOUT_A_TABLE = ImportOrder(what="outcomes", suffix=".csv")
"""Fails at once."""

FOLDER = Path("/home/jobs/x")


def until(true: Callable[[], bool], what: str) -> None:
    give_up_at_s = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < give_up_at_s, f"waited in vain for {what}"
        time.sleep(0.05)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, kafka=NOBODY)


class Sleeper:
    """A process that holds a job's lock, as one that was started by an earlier dashboard."""

    def __init__(self, home: Path, order: Order, script: str = "import time; time.sleep(600)") -> None:
        self.folder = job_folders.new_folder(home, Asked(order, "ada", time.time()))
        held = try_lock(self.folder / job_folders.LOCK)
        assert held is not None
        words = [sys.executable, "-c", script, str(self.folder)]
        self.process = subprocess.Popen(words, pass_fds=(held,), start_new_session=True)
        os.close(held)
        started = job_folders.Started(self.process.pid, time.time())
        (self.folder / job_folders.STARTED).write_bytes(msgspec.json.encode(started))

    def log(self, *lines: str) -> None:
        (self.folder / job_folders.LOG).write_text("\n".join(lines) + "\n")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def sleeper(home: Settings):
    found = Sleeper(home.home, TrainOrder(target="virality"))
    yield found
    found.end()


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (TrainOrder(target="virality"), "train --report=/home/jobs/x/report.html --json -- virality"),
        (
            TrainOrder(target="virality", candidate=True, force=True),
            "train --report=/home/jobs/x/report.html --candidate --force --json -- virality",
        ),
        (ReplayOrder(verify=True), "replay --from=summaries --processes=1 --verify --json"),
        (
            ReplayOrder(targets=("a", "b"), source="features", release_id="r-1", since="2024-05-31", processes=2),
            "replay --target=a --target=b --from=features --processes=2 --release=r-1 --since=2024-05-31 --json",
        ),
        (ImportOrder(what="outcomes", suffix=".csv.gz"), "import outcomes --json -- /home/jobs/x/table.csv.gz"),
        (
            ImportOrder(what="labels", suffix=".csv", target="scenes"),
            "import labels --target=scenes --json -- /home/jobs/x/table.csv",
        ),
        (EraseOrder(what="youtube:--yes", prove=True), "erase --prove --yes --json -- youtube:--yes"),
    ],
)
def test_an_order_is_words_of_the_command_line(order: Order, words: str) -> None:
    assert words_of(order, FOLDER) == words.split()


def test_a_command_that_fails_says_why(home: Settings) -> None:
    changes: list[Change] = []
    jobs = Jobs(home, tell=changes.extend)
    asked = jobs.ask(WITHOUT_A_TABLE, by="ada")
    until(lambda: not jobs.one(asked.job_id).is_active, "the end of an import of nothing")
    job = jobs.one(asked.job_id)
    assert (job.state, job.by) == ("failed", "ada")
    assert "table.csv" in job.problem
    assert not job.problem.startswith("groundswell:")
    assert job.started_at_s is not None
    assert job.ended_at_s is not None
    assert job.ended_at_s > job.started_at_s
    until(lambda: Change("job", asked.job_id) in changes, "the news")


def test_one_heavy_job_runs_at_a_time_and_the_next_one_follows(home: Settings, sleeper: Sleeper) -> None:
    jobs = Jobs(home)
    waits = jobs.ask(WITHOUT_A_TABLE, by="ada")
    light = jobs.ask(EraseOrder(what="youtube:abc"), by="ada")
    assert waits.state == "waiting"
    assert light.state == "running"
    jobs.cancel(light.job_id)
    sleeper.end()
    until(lambda: jobs.one(waits.job_id).state == "failed", "the one that waited")


def test_a_restarted_dashboard_sees_what_runs_and_what_broke(home: Settings, sleeper: Sleeper) -> None:
    job_id = sleeper.folder.name
    sleeper.log("reading", '{"progress": "learning", "done": 3, "total": 12}')
    job = Jobs(home).one(job_id)
    assert job.state == "running"
    assert job.progress is not None
    assert (job.progress.what, job.progress.share) == ("learning", 0.25)
    assert job.log == ("reading",)
    sleeper.end()
    broken = Jobs(home).one(job_id)
    assert broken.state == "broken"
    assert "ask again" in broken.problem
    assert broken.progress is None


def test_a_running_job_is_cancelled_with_everything_it_started(home: Settings, sleeper: Sleeper) -> None:
    jobs = Jobs(home)
    jobs.cancel(sleeper.folder.name)
    assert sleeper.process.wait(LIMIT_S) == -signal.SIGTERM
    assert jobs.one(sleeper.folder.name).state == "cancelled"
    with pytest.raises(Problem, match="nothing is left to stop"):
        jobs.cancel(sleeper.folder.name)


def test_a_job_is_stopped_with_its_system_and_goes_on_with_the_next_one(home: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        never_answers = home.model_copy(update={"kafka": f"127.0.0.1:{silent.getsockname()[1]}"})
        jobs = Jobs(never_answers)
        asked = jobs.ask(EraseOrder(what="youtube:abc"), by="ada")
        assert asked.state == "running"
        folder = jobs.folder(asked.job_id)
        first = job_folders.pid_of(folder)
        jobs.interrupt()
        assert not job_folders.is_held(folder)
        assert jobs.ask(ReplayOrder(), by="ada").state == "waiting", "nothing is started by a system that stops"

        after = Jobs(never_answers)
        assert after.one(asked.job_id).state == "waiting"
        after.begin()
        job = after.one(asked.job_id)
        assert (job.state, job.by) == ("running", "ada")
        assert "goes on" in job.log[0]
        second = job_folders.pid_of(folder)
        assert second not in (first, None)
        os.killpg(second, signal.SIGKILL)


def test_a_job_that_hears_nothing_is_killed_with_its_system_and_waits(home: Settings) -> None:
    deaf = "import pathlib, signal, sys, time; signal.signal(15, signal.SIG_IGN); pathlib.Path(sys.argv[1], 'deaf').touch(); time.sleep(600)"
    sleeper = Sleeper(home.home, TrainOrder(target="virality"), deaf)
    until(lambda: (sleeper.folder / "deaf").exists(), "that it listens no more")
    Jobs(home).interrupt(limit_s=0.1)
    assert sleeper.process.wait(LIMIT_S) == -signal.SIGKILL
    assert Jobs(home).one(sleeper.folder.name).state == "waiting"


@pytest.mark.parametrize(
    ("code", "cancelled", "state"),
    [
        (0, False, "done"),
        (143, False, "waiting"),
        (1, False, "waiting"),
        (None, False, "waiting"),
        (143, True, "cancelled"),
    ],
)
def test_what_was_done_or_cancelled_when_its_system_stopped_does_not_go_on(
    home: Settings, code: int | None, cancelled: bool, state: str
) -> None:
    folder = _ended(home.home, code or 0)
    job_folders.mark_interrupted(folder)
    if code is None:
        (folder / "ended.json").unlink()
    if cancelled:
        job_folders.mark_cancelled(folder)
    assert Jobs(home).one(folder.name).state == state


def test_a_waiting_job_is_cancelled_without_ever_starting(home: Settings, sleeper: Sleeper) -> None:
    jobs = Jobs(home)
    waits = jobs.ask(ReplayOrder(), by="ada")
    assert jobs.cancel(waits.job_id).state == "cancelled"
    sleeper.end()
    jobs.begin()
    assert jobs.one(waits.job_id).started_at_s is None


def test_a_queue_has_an_end(home: Settings, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.jobs.MOST_WAITING", 2)
    jobs = Jobs(home)
    for _ in range(2):
        jobs.ask(ReplayOrder(), by="ada")
    with pytest.raises(UsageError, match="2 jobs wait already"):
        jobs.ask(ReplayOrder(), by="ada")


def test_old_jobs_are_cleared_away_and_active_ones_stay(
    home: Settings, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.jobs.MOST_KEPT", 2)
    ended = [_ended(home.home, code) for code in (0, 1, 0)]
    jobs = Jobs(home)
    jobs.begin()
    left = {job.job_id for job in jobs.list(limit=10)}
    assert left == {sleeper.folder.name, *(folder.name for folder in ended[1:])}


@pytest.mark.parametrize(("code", "order", "state"), [
    (0, ReplayOrder(), "done"),
    (1, ReplayOrder(), "failed"),
    (3, ReplayOrder(), "failed"),
    (3, ImportOrder(what="outcomes", suffix=".csv"), "done"),
])  # fmt: skip
def test_the_exit_status_says_how_it_went(tmp_path: Path, code: int, order: Order, state: str) -> None:
    folder = _ended(tmp_path, code, order)
    (folder / job_folders.OUT).write_text('not this\n{"published": 3}\n')
    job = job_folders.read(folder)
    assert job.state == state
    assert job.result == {"published": 3}


@pytest.mark.parametrize("job_id", ["../../etc", "", "x", "0199f3a2b4c-5d6e7f\n", "0199f3a2b4c-ffffff"])
def test_an_id_of_nothing_is_not_found(home: Settings, job_id: str) -> None:
    with pytest.raises(Problem) as told:
        Jobs(home).one(job_id)
    assert told.value.status == 404


def _ended(home: Path, code: int, order: Order | None = None) -> Path:
    folder = job_folders.new_folder(home, Asked(order or ReplayOrder(), "ada", time.time()))
    time.sleep(0.002)  # ids are made of milliseconds, and this test reads their order
    (folder / job_folders.STARTED).write_bytes(msgspec.json.encode(job_folders.Started(1, 1.0)))
    (folder / "ended.json").write_bytes(msgspec.json.encode({"code": code, "at_s": 2.0}))
    return folder
