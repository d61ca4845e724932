"""A real `groundswell up` for tests: everything it starts, its command line, and its end without leftovers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from living import locks_held, wait_until_gone

from streams.worker import cards

READY_LIMIT_S = 300.0
RUN_LIMIT_S = 180.0


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
            [sys.executable, "-m", "dashboard.commands.main", "up"],
            env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip

    def run(
        self, *arguments: str, check: bool = True, limit_s: float = RUN_LIMIT_S
    ) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "dashboard.commands.main", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=limit_s)
        assert done.returncode == 0 or not check, done.stderr
        return done

    def lines(self, *arguments: str, limit_s: float = RUN_LIMIT_S) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, limit_s=limit_s).stdout.splitlines()]

    def wait_ready(self) -> None:
        give_up_at_s = time.monotonic() + READY_LIMIT_S
        while b"Groundswell is up" not in (self.home / "up.log").read_bytes():
            assert self.process.poll() is None, (self.home / "up.log").read_text()
            assert time.monotonic() < give_up_at_s, (self.home / "up.log").read_text()
            time.sleep(0.2)

    def kill_worker(self, stage: str) -> None:
        (card,) = [card for card in cards(self.home) if card.stage == stage]
        os.kill(card.pid, signal.SIGKILL)


@contextmanager
def running_system(home: Path, cache: Path) -> Iterator[System]:
    """Start everything in a home of its own, and see that nothing is left of it afterwards."""
    running = System(home, cache)
    try:
        running.wait_ready()
        yield running
    finally:
        running.process.send_signal(signal.SIGINT)
        running.process.wait(60)
        running.log.close()
    left = wait_until_gone(home, timeout_s=30)
    assert left == {}, f"still there: {left}"
    assert locks_held(home) == []
