"""How evenly an open page draws while things change: frame times, and the CPU time of the page's main thread."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any  # Any: JSON of the browser

from benchmarks.report import Cell

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONG_MS = 50.0
"""Longer than this without a frame is felt as a stutter. Source: W3C Long Tasks, "50 milliseconds"."""

BEGIN = """() => {
  if (window.frameTimes) {
    window.frameTimes.length = 0;
    return;
  }
  window.frameTimes = [];
  let last = 0;
  const note = (at) => {
    if (last) window.frameTimes.push(at - last);
    last = at;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
}"""


def frames_of(page: "Page", what: str, act: Callable[[], Any]) -> dict[str, Cell]:
    """Count frames while something goes on; CPU time is that of the main thread, which others cannot make longer."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.evaluate(BEGIN)
    before = _busy_s(session)
    act()
    busy_s = _busy_s(session) - before
    times_ms = sorted(page.evaluate("() => window.frameTimes"))
    session.detach()
    return {
        "what": what, "frames": len(times_ms), "p50_ms": times_ms[len(times_ms) // 2],
        "p95_ms": times_ms[int(len(times_ms) * 0.95)], "p99_ms": times_ms[int(len(times_ms) * 0.99)],
        "most_ms": times_ms[-1], f"over_{LONG_MS:g}_ms": sum(time_ms > LONG_MS for time_ms in times_ms),
        "cpu_ms_a_frame": 1000 * busy_s / len(times_ms), "thread_busy": 1000 * busy_s / sum(times_ms),
    }  # fmt: skip


def _busy_s(session: Any) -> float:
    found = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in found if one["name"] == "TaskDuration"))
