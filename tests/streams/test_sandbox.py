import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import sandboxed_calls as calls
from endings import gone, wait_for

from schemas.errors import FetchFailed, MediaUnreadable, Refused
from schemas.media import SubtitleTrack
from streams.sandbox import ChildSandbox, SandboxClosed
from streams.sandbox_start import Children

MB = 10**6


@pytest.fixture(params=["forked", "fresh"])
def children(request: pytest.FixtureRequest) -> Children:
    way: Children = request.param
    return way


@pytest.fixture
def sandbox(children: Children) -> ChildSandbox:
    return ChildSandbox(memory_bytes=800 * MB, timeout_s=20, children=children)


def test_structs_and_paths_travel_both_ways(sandbox: ChildSandbox) -> None:
    tracks = (SubtitleTrack(language="en", kind="embedded", stream_index=2),)
    assert sandbox.run(calls.wrap, Path("/a"), tracks) == calls.Parcel(Path("/a/inside"), tracks)


def test_reports_arrive_in_order_and_before_the_result(sandbox: ChildSandbox) -> None:
    heard: list[tuple[object, ...]] = []
    assert sandbox.run(calls.count, 500, report=lambda *values: heard.append(values)) == 500
    assert heard == [(number, None, "counted") for number in range(500)]


def test_our_errors_come_back_as_themselves(sandbox: ChildSandbox) -> None:
    with pytest.raises(Refused) as caught:
        sandbox.run(calls.refuse, "not allowed")
    assert str(caught.value) == "not allowed"


def test_other_errors_become_the_sandbox_s_own_with_the_traceback_as_a_note(children: Children) -> None:
    sandbox = ChildSandbox(memory_bytes=None, timeout_s=20, died=FetchFailed, children=children)
    with pytest.raises(FetchFailed, match="ZeroDivisionError") as caught:
        sandbox.run(calls.divide, 1)
    assert "return number // 0" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("function", "argument", "message"),
    [
        (calls.eat, 2 * 10**9, "more than the 800 MB of memory"),
        (calls.crash, "it hurts", r"crash ended its process \(SIGSEGV\): it hurts"),
        (calls.leave, 3, r"\(exit status 3\)"),
        (calls.leave, 0, r"\(exit status 0\)"),
        (calls.lie, 3, "something else than announced"),
        (calls.babble, 3000, "nonsense"),
    ],
)
def test_a_broken_or_hostile_child_ends_as_an_error(
    sandbox: ChildSandbox, function: object, argument: object, message: str
) -> None:
    with pytest.raises(MediaUnreadable, match=message):
        sandbox.run(function, argument)  # type: ignore[arg-type]  # a mixed table


def test_a_child_that_takes_too_long_is_killed(children: Children, tmp_path: Path) -> None:
    sandbox = ChildSandbox(memory_bytes=None, timeout_s=3, over_limit=Refused, children=children)
    with pytest.raises(Refused, match=r"took longer than 3 s"):
        sandbox.run(calls.sleep, tmp_path / "pid")
    assert gone(wait_for(tmp_path / "pid"))


def test_what_a_child_prints_neither_blocks_it_nor_grows_in_memory(sandbox: ChildSandbox) -> None:
    assert sandbox.run(calls.chatter, 5 * MB) == 5 * MB


def test_grandchildren_die_with_the_call(sandbox: ChildSandbox, tmp_path: Path) -> None:
    assert gone(sandbox.run(calls.leave_a_grandchild, tmp_path / "pid"))


def test_a_child_cannot_write_a_larger_file_than_allowed(children: Children, tmp_path: Path) -> None:
    sandbox = ChildSandbox(memory_bytes=None, timeout_s=20, file_bytes=MB, children=children)
    with pytest.raises(MediaUnreadable, match="File too large"):
        sandbox.run(calls.write, tmp_path / "f", 2 * MB)
    assert (tmp_path / "f").stat().st_size <= MB


def test_a_child_does_not_see_our_passwords(sandbox: ChildSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_KAFKA_PASSWORD", "secret")
    assert sandbox.run(calls.environment, "GROUNDSWELL") == []


def test_a_function_without_annotations_is_turned_away(sandbox: ChildSandbox) -> None:
    with pytest.raises(TypeError, match="needs annotations"):
        sandbox.run(calls.without_annotations, 1)


def test_calls_from_many_threads_do_not_disturb_each_other(sandbox: ChildSandbox) -> None:
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(sandbox.run, calls.count, number, report=lambda *_: None) for number in range(12)]
        assert [future.result() for future in futures] == list(range(12))


def test_cancelling_kills_what_runs_and_starts_no_more(sandbox: ChildSandbox, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(sandbox.run, calls.sleep, tmp_path / "pid")
        pid = wait_for(tmp_path / "pid")
        started_s = time.monotonic()
        sandbox.cancel_all()
        with pytest.raises(SandboxClosed):
            call.result()
    assert time.monotonic() - started_s < 2
    assert gone(pid)
    with pytest.raises(SandboxClosed):
        sandbox.run(calls.lie, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_die_with_a_worker_that_is_killed(children: Children, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; import sandboxed_calls as c; from streams.sandbox import ChildSandbox;"
        f"sandbox = ChildSandbox(memory_bytes=None, timeout_s=60, children={children!r});"
        f"sandbox.run(c.sleep, Path({str(tmp_path / 'pid')!r}))"
    )
    worker = subprocess.Popen([sys.executable, "-c", program], env={"PYTHONPATH": os.pathsep.join(sys.path)})
    pid = wait_for(tmp_path / "pid")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert gone(pid)


def test_calls_leave_no_files_open_and_no_threads(sandbox: ChildSandbox) -> None:
    sandbox.run(calls.count, 1, report=lambda *_: None)
    before = psutil.Process().num_fds(), threading.active_count()
    for _ in range(10):
        sandbox.run(calls.count, 1, report=lambda *_: None)
    assert (psutil.Process().num_fds(), threading.active_count()) == before
