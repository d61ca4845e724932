import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from streams.locks import locked, try_lock

HOLD = """
import sys, time
from pathlib import Path
from streams.locks import try_lock
assert try_lock(Path(sys.argv[1])) is not None
print("held", flush=True)
time.sleep(60)
"""

HAVE_A_CHILD = """
import subprocess, sys, time
from streams.children import dying_with_parent
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=dying_with_parent())
print(child.pid, flush=True)
time.sleep(60)
"""


def _python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_lock_has_one_holder_at_a_time(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    assert try_lock(tmp_path / "lock") is None
    os.close(first)
    again = try_lock(tmp_path / "lock")
    assert again is not None
    os.close(again)


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    with _python(HOLD, str(tmp_path / "lock")) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert try_lock(tmp_path / "lock") is None
        holder.send_signal(signal.SIGKILL)
    free = try_lock(tmp_path / "lock", wait_s=5)
    assert free is not None
    os.close(free)


def test_who_waits_is_told_once_and_gets_the_lock_in_the_end(tmp_path: Path) -> None:
    told: list[str] = []
    with _python(HOLD, str(tmp_path / "lock")) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        def hear() -> None:
            told.append("waiting")
            holder.kill()

        with locked(tmp_path / "lock", hear):
            assert told == ["waiting"]
            assert try_lock(tmp_path / "lock") is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux kills a child with its parent")
def test_a_child_dies_when_its_parent_is_killed() -> None:
    with _python(HAVE_A_CHILD) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    child.wait(timeout=5)


def test_a_child_whose_parent_is_already_gone_ends_at_once() -> None:
    with _python("from streams.children import die_with_parent; die_with_parent(0); print('alive')") as orphan:
        assert orphan.communicate()[0] == ""
    assert orphan.returncode == -signal.SIGKILL
