"""Tests of what `make test` runs: a red test is red in whichever half it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("two_halves.py")
REAL = "import pytest\n@pytest.mark.broker\ndef test_real():\n    assert {}\n"
COMPUTING = "def test_computing():\n    assert {}\n"


@pytest.mark.parametrize(("real", "computing", "code"), [(True, True, 0), (False, True, 1), (True, False, 1)])
def test_both_halves_run_and_both_must_be_green(tmp_path: Path, real: bool, computing: bool, code: int) -> None:
    (tmp_path / "test_real.py").write_text(REAL.format(real))
    (tmp_path / "test_computing.py").write_text(COMPUTING.format(computing))
    ran = _run(tmp_path)
    assert ran.returncode == code
    assert "test_real.py" in ran.stdout
    assert "test_computing.py" in ran.stdout


def test_a_half_without_tests_is_not_red_but_no_test_at_all_is(tmp_path: Path) -> None:
    assert _run(tmp_path).returncode != 0
    (tmp_path / "test_computing.py").write_text(COMPUTING.format(True))
    assert _run(tmp_path).returncode == 0


def _run(folder: Path) -> "subprocess.CompletedProcess[str]":
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    broker: -\n    browser: -\n")
    # Plugins take most of the start, and none is needed here.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=folder, capture_output=True, text=True, timeout=200, env=env
    )
