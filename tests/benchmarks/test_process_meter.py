"""What other processes take is counted whole: their children's share too, also when those have ended."""

import subprocess
import sys
import time

from benchmarks.process_meter import ProcessMeter, highest_bytes

WORK = "import time\nwhile time.process_time() < 0.3: pass"
FAMILY = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {WORK!r}])\nprint('done', flush=True)\ninput()"
LARGE = "held = bytearray(80_000_000)\nprint('done', flush=True)\ninput()"
MB = 10**6


def test_cpu_time_of_an_ended_child_counts_for_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        spent_s = ProcessMeter({"family": process.pid}).cpu_s()["family"]
        process.communicate(b"\n")
    assert spent_s >= 0.25


def test_memory_is_that_of_the_process_and_of_its_children() -> None:
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {LARGE!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with ProcessMeter({"family": process.pid}) as meter:
            while not meter.peak_together_bytes:
                time.sleep(0.05)
        process.communicate(b"\n")
    assert 80 * MB < meter.peak_bytes["family"] < 300 * MB
    assert meter.peak_together_bytes >= meter.peak_bytes["family"]


def test_a_process_that_has_ended_holds_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    assert ProcessMeter({"gone": process.pid}).cpu_s() == {"gone": 0.0}
    assert highest_bytes(process.pid) == 0
