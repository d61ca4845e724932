"""One `groundswell up`, one Chromium and one owner who uses both, for all tests of a day in a browser."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from browsers import Visit, a_browser
from source_server import SourceServer, serving
from systems import System, running_system

from streams.dashboard_card import DashboardCard, read_card
from streams.demo_video import make_demo_video

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIMIT_S = 90.0
VIDEO_LIMIT_MS = 150_000

T = TypeVar("T")


class Household:
    """Everything that tests in a browser share; it is started when it is first asked for.

    Attributes
    ----------
    day : Visit
        The owner's session, in one tab from the first link to the last replay.
    """

    def __init__(self, home: Path, cache: Path) -> None:
        self._home, self._cache = home, cache
        self._stack = ExitStack()
        self.is_open = False
        self.system: System
        self.card: DashboardCard
        self.browser: Browser
        self.source: SourceServer
        self.day: Visit

    def open(self) -> "Household":
        """Start what does not run."""
        if self.is_open:
            return self
        self.is_open = True
        self.system = self._stack.enter_context(running_system(self._home, self._cache))
        self.card = when(lambda: read_card(self._home), "a dashboard")
        body = make_demo_video(self._cache / "demo").path.read_bytes()
        self.source = self._stack.enter_context(serving(body))
        self.browser = self._stack.enter_context(a_browser())
        self.day = Visit(self.browser)
        self.day.open(self.card.link)
        self.day.page.wait_for_url(lambda at: "/login" not in at)
        return self

    def close(self) -> None:
        """Stop everything, and see that nothing is left of it."""
        self._stack.close()
        self.is_open = False


def until(condition: Callable[[], bool], what: str, *, limit_s: float = LIMIT_S) -> None:
    """Wait until something is so."""
    when(condition, what, limit_s=limit_s)


def when(look: Callable[[], T | None], what: str, *, limit_s: float = LIMIT_S) -> T:
    """Look until there is something."""
    give_up_at_s = time.monotonic() + limit_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < give_up_at_s, f"waited {limit_s:g} s for {what}"
        time.sleep(0.3)


def fresh(page: "Page", locator: object) -> int:
    """Load the page again and count."""
    page.reload()
    return int(locator.count())  # type: ignore[attr-defined]  # playwright is imported late


def answer_yes(page: "Page") -> None:
    """Agree where a page asks before it acts."""
    page.locator("#confirm[open] [data-confirm-yes]").click()


def overflows(page: "Page") -> bool:
    """Whether a page is wider than the window."""
    return bool(page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"))
