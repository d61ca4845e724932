"""What a thousand open pages cost: lag, loss, memory and CPU time of one server on one core.

    python -m benchmarks.dashboard [--quick] [--no-browser | --frames] [--json]

The dashboard as it is served (its access layers, its app, its library in SQLite) stays on one core. 200 videos get on, 50
updates a second. Readers in another process hold streams open: all of them must have the last word on every video
in the end, and note how late each came, from the moment it was said. Then five readers are added that take
nothing, and then one browser with twenty tabs. Last, or alone with --frames: how evenly the page draws 200 rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any  # Any: JSON lines

from benchmarks.dashboard_server import video_id
from benchmarks.event_readers import a_stuck_reader
from benchmarks.page_frames import frames_of
from benchmarks.process_meter import ProcessMeter, highest_bytes
from benchmarks.report import Cell, report

if TYPE_CHECKING:
    from playwright.sync_api import Page

MB = 2**20
LAG_LIMIT_S, MEMORY_LIMIT_MB = 1.0, 400
STUCK = 5
TABS = 20
CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 120_000


class Talker:
    """A child process that speaks JSON lines."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hear(self) -> dict[str, Any]:
        """Wait for what it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a part of the benchmark ended with status {self._process.wait()}")
        said: dict[str, Any] = json.loads(line)
        return said

    def ask(self, **what: object) -> dict[str, Any]:
        """Say something, and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()


@contextmanager
def talking(*command: str) -> Iterator[Talker]:
    """Run a child for a while."""
    talker = Talker(*command)
    try:
        yield talker
    finally:
        talker.end()


class Bench:
    """A server, and what is measured of it."""

    def __init__(self, server: Talker, *, videos: int, seconds: float) -> None:
        self._server, self._videos, self._seconds = server, videos, seconds
        self.place = server.hear()

    def measure(self, what: str, readers: Talker, streams: int) -> dict[str, Cell]:
        """Feed for a while; a line of the table. CPU time counts until the last word has come."""
        pid = self.place["pid"]
        with ProcessMeter({"server": pid}) as meter:
            cpu_s = meter.cpu_s()["server"]
            fed = self._server.ask(seconds=self._seconds)
            seen = readers.ask(last=fed["last"])
            cpu_s = meter.cpu_s()["server"] - cpu_s
            time.sleep(0.5)
            held = meter.peak_bytes["server"]
        return {
            "what": what, "streams": streams, "missing": seen["missing"], "heard": seen["heard"],
            "lag_p50_s": seen["lag_p50_s"], "lag_p95_s": seen["lag_p95_s"], "lag_most_s": seen["lag_most_s"],
            "cores": cpu_s / self._seconds, "rss_mb": held / MB, "most_rss_mb": highest_bytes(pid) / MB,
            "open_after": fed["listeners"], "ring_mb": fed["ring_bytes"] / MB,
        }  # fmt: skip

    def look(self, tabs: int) -> dict[str, Cell]:
        """Open tabs of one browser, feed, and wait until each shows the last word on every video."""
        with self._pages(tabs) as pages:
            for page in pages:
                page.goto(f"{self.place['url']}/progress", wait_until="domcontentloaded")
            fed = self._server.ask(seconds=self._seconds)
            begin_s = time.monotonic()
            first = fed["updates"] - self._videos + 1
            expected = {video_id(n % self._videos): n for n in range(first, fed["updates"] + 1)}
            for page in pages:
                page.wait_for_function(SHOWS, arg=expected)
            took_s = time.monotonic() - begin_s
        return {"tabs": tabs, "rows": self._videos, "streams_used": fed["listeners"], "all_true_after_s": took_s}

    def frames(self) -> list[dict[str, Cell]]:
        """How evenly a page draws: one without anything on it, and all rows of the progress page."""
        with self._pages(1) as (page,):
            page.goto("about:blank")
            empty = frames_of(page, "an empty page", lambda: page.wait_for_timeout(1000 * self._seconds))
            page.goto(f"{self.place['url']}/progress")
            page.wait_for_selector('[data-live][data-state="on"]')
            rows = page.locator(".run").count()
            still = frames_of(page, f"{rows} rows, still", lambda: page.wait_for_timeout(1000 * self._seconds))
            busy = frames_of(page, f"{rows} rows, 50 updates/s", lambda: self._server.ask(seconds=self._seconds))
        return [empty, still, busy]

    @contextmanager
    def _pages(self, tabs: int) -> Iterator[list["Page"]]:
        """Tabs of one browser whose owner has logged in."""
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
            )
            context = browser.new_context()
            context.set_default_timeout(PATIENCE_MS)
            pages = [context.new_page() for _ in range(tabs)]
            pages[0].goto(f"{self.place['url']}/login#token={self.place['token']}")
            pages[0].wait_for_url(lambda url: "/login" not in url)
            yield pages
            browser.close()


SHOWS = """(expected) => Object.entries(expected).every(([id, n]) =>
  document.querySelector(`[data-video="${id}"] [data-stage="visual"]`)?.title.includes(`n=${n} `))"""


def measure(wanted: argparse.Namespace) -> None:
    """Run all parts, and print."""
    streams, seconds, videos = (100, 4.0, 40) if wanted.quick else (1000, 12.0, 200)
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(
            talking("benchmarks.dashboard_server", "--home", str(Path(home) / "home"), "--videos", str(videos))
        )
        bench = Bench(server, videos=videos, seconds=seconds)
        place = bench.place
        if wanted.frames:
            report("frames of the progress page", bench.frames(), as_json=wanted.json)
            return
        with talking("benchmarks.event_readers", place["url"], place["token"], str(streams)) as readers:
            connected_s = readers.hear()["connected_s"]
            rows = [bench.measure("readers", readers, streams)]
            stuck = [a_stuck_reader(place["url"], place["token"]) for _ in range(STUCK)]
            rows.append(bench.measure(f"and {STUCK} that take nothing", readers, streams))
            rows.append(bench.measure("once more", readers, streams))
            for one in stuck:
                one.close()
        title = (
            f"{videos} videos, 50 updates/s, {streams} streams of one server on one core; connecting took "
            f"{connected_s:.1f} s; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        report(title, rows, as_json=wanted.json)
        report("limits", [_judged(rows)], as_json=wanted.json)
        if not wanted.no_browser and Path(CHROMIUM).exists():
            report("tabs of one browser", [bench.look(TABS)], as_json=wanted.json)
            report("frames of the progress page", bench.frames(), as_json=wanted.json)


def _judged(rows: list[dict[str, Cell]]) -> dict[str, Cell]:
    """The worst of all lines over the limits: below 1 is well."""
    worst = {name: max(float(row[name] or 0) for row in rows) for name in ("missing", "lag_p95_s", "most_rss_mb")}
    return {
        "missing": worst["missing"], "lag_p95/limit": worst["lag_p95_s"] / LAG_LIMIT_S,
        "rss/limit": worst["most_rss_mb"] / MEMORY_LIMIT_MB,
    }  # fmt: skip


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 streams, 40 videos, a few seconds")
    parser.add_argument("--no-browser", action="store_true", help="leave the tabs out")
    parser.add_argument("--frames", action="store_true", help="only how evenly the page draws")
    parser.add_argument("--json", action="store_true", help="JSON lines in place of tables")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
