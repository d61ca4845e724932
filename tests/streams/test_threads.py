"""Workers on one machine do not fight for its cores: libraries start as many threads as the settings say."""

import os
from pathlib import Path

import psutil
import pytest

from streams.settings import Settings
from streams.supervisor import Supervisor
from streams.threads import VARIABLES, thread_limits


@pytest.mark.parametrize("threads", [1, 3])
def test_every_library_is_told_the_setting(threads: int, tmp_path: Path) -> None:
    limits = thread_limits(Settings(home=tmp_path, inference_threads=threads), {})
    assert limits == dict.fromkeys(VARIABLES, str(threads))


def test_what_the_user_said_stays(tmp_path: Path) -> None:
    limits = thread_limits(Settings(home=tmp_path), {"OMP_NUM_THREADS": "7", "OPENBLAS_NUM_THREADS": ""})
    assert (limits["OMP_NUM_THREADS"], limits["OPENBLAS_NUM_THREADS"]) == ("7", "1")


def test_a_worker_is_started_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    settings = Settings(home=tmp_path, kafka="127.0.0.1:9", inference_threads=2)
    supervisor = Supervisor(settings, {"audio": 1}, log_folder=tmp_path / "logs")
    supervisor.start()
    try:
        seen = psutil.Process(supervisor.workers[0].process.pid).environ()
    finally:
        supervisor.stop()
    assert {name: seen[name] for name in VARIABLES} == dict.fromkeys(VARIABLES, "2") | {"OMP_NUM_THREADS": "5"}
    assert seen["GROUNDSWELL_INFERENCE_THREADS"] == "2"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_libraries_obey(tmp_path: Path) -> None:
    """In a new process, as a worker is: what OpenCV, FAISS and numpy's algebra say they will use."""
    import subprocess
    import sys

    program = (
        "import cv2, faiss, numpy, psutil\n"
        "numpy.ones((600, 600)) @ numpy.ones((600, 600))\n"
        "print(cv2.getNumThreads(), faiss.omp_get_max_threads(), psutil.Process().num_threads())"
    )
    limits = thread_limits(Settings(home=tmp_path), {})
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | limits, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1", "1"]
