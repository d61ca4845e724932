import gc
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import sandboxed_calls as calls
from endings import gone, wait_for

from models.media.cut import CutOptions, cut
from models.media.probe import probe
from schemas.errors import GroundswellError, MediaUnreadable
from streams import sandbox_start
from streams.sandbox import ChildSandbox, SandboxLost
from streams.sources.download import download
from streams.sources.wanted import Wanted

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are forked on Linux only")


@pytest.fixture
def sandbox() -> ChildSandbox:
    return ChildSandbox(memory_bytes=None, timeout_s=60)


def zygote_of(sandbox: ChildSandbox) -> psutil.Process:
    return psutil.Process(sandbox.run(calls.relatives)[1])


def test_children_of_one_process_know_nothing_of_each_other(sandbox: ChildSandbox) -> None:
    assert [sandbox.run(calls.visits) for _ in range(3)] == [1, 1, 1]
    (one, zygote), (other, same) = sandbox.run(calls.relatives), sandbox.run(calls.relatives)
    assert one != other
    assert zygote == same != os.getpid()


def test_a_process_that_forks_has_one_thread_whatever_it_has_imported(sandbox: ChildSandbox, tmp_path: Path) -> None:
    for function, args in ((probe, ()), (cut, (tmp_path, CutOptions())), (download, (tmp_path, Wanted()))):
        with pytest.raises(GroundswellError):
            sandbox.run(function, tmp_path / "nothing", *args)  # type: ignore[arg-type]  # a mixed table
    assert zygote_of(sandbox).num_threads() == 1


def test_a_child_has_no_file_of_the_process_that_forked_it(sandbox: ChildSandbox, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(sandbox.run, calls.sleep, tmp_path / "pid")
        pid = wait_for(tmp_path / "pid")
        assert [kind.partition(":")[0] for kind in sandbox.run(calls.open_files)] == ["pipe"]
        os.kill(pid, signal.SIGKILL)
        assert isinstance(other.exception(), MediaUnreadable)


def test_broken_children_leave_nothing_behind_in_the_process_that_forked_them(sandbox: ChildSandbox) -> None:
    zygote = zygote_of(sandbox)
    files = zygote.num_fds()
    for function, argument in ((calls.crash, "ouch"), (calls.leave, 3), (calls.babble, 3000)):
        with pytest.raises(MediaUnreadable):
            sandbox.run(function, argument)  # type: ignore[arg-type]  # a mixed table
    assert zygote_of(sandbox) == zygote
    assert (zygote.num_fds(), zygote.children()) == (files, [])


def test_a_module_that_cannot_be_imported_fails_the_call_alone(sandbox: ChildSandbox) -> None:
    def stray(number: int) -> int:
        return number

    stray.__module__ = "no_such_module"
    zygote = zygote_of(sandbox)
    with pytest.raises(MediaUnreadable, match="ModuleNotFoundError"):
        sandbox.run(stray, 1)
    assert zygote_of(sandbox) == zygote


def test_a_call_whose_forking_process_is_killed_may_be_tried_again(sandbox: ChildSandbox, tmp_path: Path) -> None:
    zygote = zygote_of(sandbox)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(sandbox.run, calls.sleep, tmp_path / "pid")
        pid = wait_for(tmp_path / "pid")
        zygote.kill()
        lost = call.exception()
    assert isinstance(lost, SandboxLost)
    assert lost.retryable
    assert gone(pid)
    assert zygote_of(sandbox) != zygote


def test_a_forking_process_that_hangs_is_replaced(
    sandbox: ChildSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_start, "ZYGOTE_LIMIT_S", 2.0)
    zygote = zygote_of(sandbox)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(sandbox.run, calls.sleep, tmp_path / "pid")
        pid = wait_for(tmp_path / "pid")
        zygote.suspend()
        os.kill(pid, signal.SIGKILL)
        assert isinstance(call.exception(), SandboxLost)
    assert gone(zygote.pid)
    assert zygote_of(sandbox) != zygote


def test_a_worker_that_is_killed_takes_everything_along(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; import sandboxed_calls as c; from streams.sandbox import ChildSandbox;"
        "sandbox = ChildSandbox(memory_bytes=None, timeout_s=60); print(sandbox.run(c.relatives)[1], flush=True);"
        f"sandbox.run(c.stay_with_a_grandchild, Path({str(tmp_path / 'pid')!r}))"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        zygote, grandchild = int(worker.stdout.readline()), wait_for(tmp_path / "pid")
        worker.kill()
    assert gone(grandchild)
    assert gone(zygote)


def test_a_sandbox_that_nobody_holds_any_more_leaves_no_process() -> None:
    forgotten = ChildSandbox(memory_bytes=None, timeout_s=20)
    zygote = zygote_of(forgotten)
    del forgotten
    gc.collect()
    assert gone(zygote.pid)


def test_a_cancelled_sandbox_leaves_no_process(sandbox: ChildSandbox) -> None:
    zygote = zygote_of(sandbox)
    sandbox.cancel_all()
    assert gone(zygote.pid)
