"""`groundswell demo`: what a stranger sees first. Real Kafka, real video, real prediction."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from living import locks_held, processes_of, wait_until_gone

pytestmark = [pytest.mark.broker, pytest.mark.slow]

LEAVE_LIMIT_S = 40.0


def start_demo(home: Path, cache: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "GROUNDSWELL_HOME": str(home), "GROUNDSWELL_CACHE": str(cache)}
    command = [sys.executable, "-m", "streams.commands.main", "demo", "--json"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_the_demo_ends_with_a_prediction_as_json_and_leaves_nothing_behind(tmp_path: Path, cache: Path) -> None:
    demo = start_demo(tmp_path, cache)
    out, err = demo.communicate(timeout=240)
    assert demo.returncode == 0, err[-3000:]
    result = json.loads(out.splitlines()[-1])
    (prediction,) = result["predictions"]
    assert prediction["target"] == "virality"
    assert prediction["stage"] == "final"
    assert prediction["interval"]["low"] < prediction["value"] < prediction["interval"]["high"]
    assert 0 <= prediction["probability"] <= 1
    assert prediction["release_id"]
    assert prediction["reasons"]
    assert prediction["modalities_used"]
    assert {"fetch", "segment", "text", "visual", "audio", "faces", "assemble", "score"} <= set(result["timings_s"])
    assert result["video_id"].startswith("file:")
    assert "virality" in err, "the panel a person reads"
    assert wait_until_gone(tmp_path, timeout_s=5) == {}
    assert locks_held(tmp_path) == []


@pytest.mark.parametrize("after_s", [0.3, 1.5, 3.0, 6.0, 9.0, 13.0])
def test_an_interrupted_demo_leaves_no_process_and_no_lock(tmp_path: Path, cache: Path, after_s: float) -> None:
    demo = start_demo(tmp_path, cache)
    time.sleep(after_s)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=LEAVE_LIMIT_S)
    assert demo.returncode in (0, 130, -signal.SIGINT), "the last one: before Python had read our first line"
    assert wait_until_gone(tmp_path, timeout_s=5) == {}
    assert locks_held(tmp_path) == []


def test_a_killed_demo_takes_everything_along(tmp_path: Path, cache: Path) -> None:
    demo = start_demo(tmp_path, cache)
    give_up_at_s = time.monotonic() + 60
    most = 0
    while most < 4 and demo.poll() is None and time.monotonic() < give_up_at_s:
        time.sleep(0.2)
        most = max(most, len(processes_of(tmp_path)))
    demo.kill()
    _, err = demo.communicate()
    assert most >= 4, f"Kafka and some workers should have run: {err[-2000:]}"
    assert wait_until_gone(tmp_path, timeout_s=10) == {}
    assert locks_held(tmp_path) == []
