"""The runner on real Kafka when things die, sleep, leave and come back. Every test counts every event."""

import json
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from workers import Toys, Worker, toys_on, wait_until

from schemas.releases import ReleasePublished
from schemas.segments import SegmentCut
from schemas.ticks import TimePassed
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import event_of

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BATCH = 8


@pytest.fixture
def toys(broker: EmbeddedBroker, cache: Path, tmp_path: Path) -> Iterator[Toys]:
    with toys_on(broker.bootstrap, cache, tmp_path) as toys:
        yield toys


def assert_repeats_are_the_same_records(toys: Toys) -> None:
    """A record that was written twice is one record: same key, same bytes, and compaction keeps one."""
    values = defaultdict(set)
    for record in toys.records("segments"):
        if isinstance(event_of(record), SegmentCut):
            values[record.key].add(record.value)
    assert {key: len(found) for key, found in values.items() if len(found) > 1} == {}


def assert_nothing_is_dead(toys: Toys) -> None:
    assert list(toys.records("dead-letters")) == []


def counts(toys: Toys, videos: int, each: int) -> dict[str, int]:
    return {toys.video(v): each for v in range(videos)}


@pytest.mark.parametrize(
    ("point", "fold_fault", "fold_batch"),
    [
        ("before-work", "before-work:2", 16),
        ("after-work", "after-work:2", 16),
        ("after-send", "after-send:2", 16),
        ("after-send", "after-state:2", 16),
        ("after-ack", "after-ack:2", 16),
        ("after-send", "after-send:6", 1),
        ("after-work", "after-state:6", 1),
    ],
)
def test_a_kill_at_any_point_loses_nothing(toys: Toys, point: str, fold_fault: str, fold_batch: int) -> None:
    # Steps longer than the commit interval: whatever is committed too early is committed by the time of the kill.
    transform = toys.start("transform", fault=f"{point}:2", step_s=0.7).wait_ready()
    fold = toys.start("fold", fault=fold_fault, step_s=0.15, fold_batch=fold_batch).wait_ready()
    toys.send([toys.link(n, video=n % 4) for n in range(40)])
    transform.wait_dead()
    toys.start("transform")
    fold.wait_dead()
    toys.start("fold", fold_batch=fold_batch)
    answers = toys.wait_for_answers(range(40))
    toys.wait_for_counts(counts(toys, 4, 10))
    assert (transform.process.returncode, fold.process.returncode) == (-signal.SIGKILL, -signal.SIGKILL)
    assert set(answers) == set(range(40))
    assert_repeats_are_the_same_records(toys)
    assert_nothing_is_dead(toys)
    toys.wait_for_committed("transform")
    toys.wait_for_committed("fold")


def test_a_fold_killed_five_times_counts_right_also_from_its_changelog_alone(toys: Toys) -> None:
    numbers = list(range(25)) * 2  # each twice: what comes again must not count again
    random.shuffle(numbers)
    done = threading.Event()
    load = threading.Thread(target=_send_slowly, args=(toys, numbers, done))
    worker = toys.start("fold", step_s=0.004).wait_ready()
    load.start()
    for _ in range(5):
        time.sleep(random.uniform(0.3, 4.0))  # also while it starts, joins or recovers
        worker.kill()
        worker = toys.start("fold", step_s=0.004)
    done.set()
    load.join()
    toys.wait_for_counts(counts(toys, 8, 25))
    worker.kill()
    toys.start("fold", folder=toys.folder / "empty").wait_ready()
    toys.send([toys.cut(25, video=v) for v in range(8)])
    toys.wait_for_counts(counts(toys, 8, 26))
    assert_nothing_is_dead(toys)


def _send_slowly(toys: Toys, numbers: list[int], hurry: threading.Event) -> None:
    for number in numbers:
        toys.send([toys.cut(number, video=v) for v in range(8)])
        hurry.wait(0.25)


def test_a_worker_that_slept_longer_than_its_session_overwrites_nothing(toys: Toys) -> None:
    # They fall asleep with outputs confirmed and state not yet written: the woken fold has old state in its hands.
    faults = {"transform": "stop@after-send:6", "fold": "stop@after-send:2"}
    sleepers = [toys.start(kind, "a", fault=fault, step_s=0.02) for kind, fault in faults.items()]
    for worker in sleepers:
        worker.wait_ready()
    toys.send([toys.link(n, video=n % 4) for n in range(80)])
    for worker in sleepers:
        wait_until(lambda w=worker: _is_stopped(w), limit_s=20, what="a worker to fall asleep")
    heirs = [toys.start(kind, "b") for kind in ("transform", "fold")]
    toys.wait_for_answers(range(80))
    toys.wait_for_counts(counts(toys, 4, 20))
    for worker in sleepers:
        worker.send(signal.SIGCONT)
    for worker in sleepers:
        wait_until(
            lambda w=worker: bool(w.said("failed: this process slept")), limit_s=10, what=f"{worker.log.read_text()}"
        )
        worker.wait_ready(times=2)
    toys.send([toys.link(n, video=n % 4) for n in range(80, 84)])
    toys.wait_for_counts(counts(toys, 4, 21))
    for worker in (*heirs, *sleepers):
        worker.leave()
    toys.start("fold", folder=toys.folder / "empty").wait_ready()
    toys.send([toys.cut(84, video=v) for v in range(4)])
    toys.wait_for_counts(counts(toys, 4, 22))
    assert_repeats_are_the_same_records(toys)
    assert_nothing_is_dead(toys)


def _is_stopped(worker: Worker) -> bool:
    return Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_broker_that_goes_and_comes_back_loses_nothing(
    fresh_broker: EmbeddedBroker, cache: Path, tmp_path: Path
) -> None:
    with toys_on(fresh_broker.bootstrap, cache, tmp_path) as toys:
        workers = [toys.start("transform", step_s=0.05).wait_ready(), toys.start("fold").wait_ready()]
        toys.send([toys.link(n, video=n % 4) for n in range(200)])
        wait_until(lambda: len(toys.answers()) > 20, limit_s=20, what="a beginning")
        fresh_broker.stop()
        time.sleep(7)  # longer than a session
        fresh_broker.start()
        assert fresh_broker.bootstrap == toys.bootstrap
        toys.wait_for_answers(range(200), limit_s=60)
        toys.wait_for_counts(counts(toys, 4, 50))
        toys.send([RELEASE])
        wait_until(lambda: _hears_of_the_release(toys), limit_s=20, what="a worker that hears of releases again")
        assert_repeats_are_the_same_records(toys)
        assert_nothing_is_dead(toys)
        assert all(worker.leave() < 10 for worker in workers)


RELEASE = ReleasePublished(
    event_id="1", target="virality", release_id="r1", kind="regression", files=(), trained_at_s=0.0, rows=1,
    metrics={}, beats_constant=True,
)  # fmt: skip


def _hears_of_the_release(toys: Toys) -> bool:
    number = 1000 + len(toys.answers())
    toys.send([toys.link(number, video=9)])
    toys.wait_for_answers([number])
    return any(getattr(event_of(r), "text", "") == "heard 1" for r in toys.records("segments"))


def test_a_worker_told_to_stop_while_the_broker_is_away_stops(
    fresh_broker: EmbeddedBroker, cache: Path, tmp_path: Path
) -> None:
    with toys_on(fresh_broker.bootstrap, cache, tmp_path) as toys:
        workers = [toys.start("transform", step_s=0.05).wait_ready(), toys.start("fold").wait_ready()]
        toys.send([toys.link(n) for n in range(100)])
        wait_until(lambda: len(toys.answers()) > 8, limit_s=20, what="a beginning")
        fresh_broker.stop()
        time.sleep(1)
        for worker in workers:
            worker.send(signal.SIGTERM)
        assert all(worker.leave() < 10 for worker in workers)


@pytest.mark.parametrize("kind", ["transform", "fold"])
def test_scaling_from_one_to_three_and_back_under_load_repeats_at_most_the_batch_in_work(toys: Toys, kind: str) -> None:
    first = toys.start(kind, "a", step_s=0.03).wait_ready()
    make = toys.link if kind == "transform" else toys.cut
    hurry = threading.Event()
    load = threading.Thread(target=_send_every, args=(toys, [make(n, video=n % 12) for n in range(240)], hurry))
    load.start()
    others = [toys.start(kind, instance, step_s=0.03) for instance in ("b", "c")]
    for worker in others:
        worker.wait_ready()
    wait_until(lambda: _partitions(first) < _all_of(toys, kind), limit_s=10, what="the first worker to share")
    time.sleep(1)
    for worker in others:
        assert worker.leave() < 10
    handed_over_s = wait_until(lambda: _partitions(first) == _all_of(toys, kind), limit_s=20, what="the handing over")
    assert handed_over_s < 4, "a worker that says goodbye is not waited for"
    hurry.set()
    load.join()
    if kind == "transform":
        answers = toys.wait_for_answers(range(240), limit_s=60)
        repeats = sum(toys.tries().values()) - 240
        assert repeats <= 4 * BATCH
        assert sum(answers.values()) == 240 + repeats
    else:
        toys.wait_for_counts(counts(toys, 12, 20), limit_s=60)
    assert_repeats_are_the_same_records(toys)
    assert_nothing_is_dead(toys)


def _send_every(toys: Toys, events: list, hurry: threading.Event) -> None:
    for start in range(0, len(events), 20):
        toys.send(events[start : start + 20])
        hurry.wait(0.2)


def _partitions(worker: Worker) -> int:
    return int(_metric(worker, "groundswell_partitions"))


def _all_of(toys: Toys, kind: str) -> int:
    topics = {"transform": ["links"], "fold": ["segments", "ticks"]}[kind]
    return sum(toys.counts[name] for name in topics)


def _metric(worker: Worker, name: str) -> float:
    lines = [line for line in worker.ask("/metrics")[1].splitlines() if line.startswith(name + "{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_a_step_longer_than_every_interval_is_done_once(toys: Toys) -> None:
    worker = toys.start("transform", longest_step_s=1, slow_s=8, batch=1).wait_ready()
    toys.send([toys.link(0, title="slow"), *(toys.link(n, video=n % 8) for n in range(1, 200))])
    wait_until(lambda: worker.ask("/health")[0] == 503, limit_s=20, what="the worker to say that it is late")
    assert json.loads(worker.ask("/health")[1])["status"] == "stuck"
    answers = toys.wait_for_answers(range(200))
    assert set(answers.values()) == {1}
    assert set(toys.tries().values()) == {1}
    assert worker.ask("/health")[0] == 200
    assert worker.said("failed") == []


def test_a_worker_told_to_stop_in_a_long_step_leaves_it_to_another(toys: Toys) -> None:
    worker = toys.start("transform", "a", slow_s=60).wait_ready()
    toys.send([toys.link(0, title="slow"), toys.link(1)])
    wait_until(lambda: toys.tries()[0] == 1, limit_s=10, what="the long step")
    assert worker.leave() < 10
    toys.start("transform", "b", slow_s=0).wait_ready()
    answers = toys.wait_for_answers([0, 1])
    assert answers[0] == 1
    assert toys.tries()[0] == 2


def test_a_worker_told_to_stop_before_it_is_ready_stops(toys: Toys) -> None:
    for after_s in (0.9, 1.3, 1.7):
        worker = toys.start("fold", f"w{after_s}")
        time.sleep(after_s)
        worker.process.terminate()
        worker.process.wait(10)


def test_time_reaches_the_states_that_wait_for_it_and_then_stops(toys: Toys) -> None:
    worker = toys.start("fold", "a").wait_ready()
    toys.send([toys.cut(n, video=v) for v in range(5) for n in range(v + 1)])
    done = {str(v + 1) for v in range(5)}
    wait_until(lambda: {_stage(r) for r in toys.records("progress")} == done, limit_s=20, what="two ticks for each")
    time.sleep(1)
    ticks = len(list(toys.records("ticks")))
    time.sleep(2.5)
    assert len(list(toys.records("ticks"))) == ticks, "nobody waits, so nobody needs to know the time"
    assert {r.partition for r in toys.records("ticks")} == {event_of(r).partition for r in toys.records("ticks")}
    worker.kill()
    toys.send([toys.cut(9, video=0)])
    toys.start("fold", "a", folder=toys.folder / "empty").wait_ready()
    wait_until(lambda: "2" in {_stage(r) for r in toys.records("progress")}, limit_s=20, what="time after a move")
    assert all(isinstance(event_of(r), TimePassed) for r in toys.records("ticks"))


def test_states_that_sleep_are_not_told_the_time_and_wake_under_another_worker(toys: Toys) -> None:
    worker = toys.start("fold", "a", patience_s=3600).wait_ready()
    toys.send([toys.cut(n, video=v) for v in range(5) for n in range(v + 1)])
    all_of_them = {str(v + 1) for v in range(5)}
    wait_until(lambda: said(toys, "running") >= all_of_them, limit_s=40, what="all to begin to wait")
    wait_until(lambda: _is_quiet(toys), limit_s=60, what="a pause of some seconds in the ticks")
    assert said(toys, "done") == set()
    worker.kill()
    toys.start("fold", "a", folder=toys.folder / "empty", patience_s=1).wait_ready()
    wait_until(lambda: said(toys, "done") == all_of_them, limit_s=40, what="all to wake")


def said(toys: Toys, state: str) -> set[str]:
    return {_stage(record) for record in toys.records("progress") if event_of(record).state == state}


def _is_quiet(toys: Toys) -> bool:
    before = len(list(toys.records("ticks")))
    time.sleep(3)
    return len(list(toys.records("ticks"))) == before


def _stage(record) -> str:
    return event_of(record).stage
