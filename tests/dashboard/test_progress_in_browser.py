"""The Progress page in a real browser: live, through a restart of the server, and with what was typed kept."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from browsers import NEEDS_CHROMIUM, PATIENCE_MS, a_browser
from desks import As, a_desk
from rows_kept import LivingRows, a_free_port, a_row, serving

from dashboard.access.headers import SecureHeaders
from dashboard.app import create_app
from dashboard.live.hub import Hub
from dashboard.reading import Library
from dashboard.rows import Change

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator["BrowserContext"]:
    with a_browser() as started:
        context = started.new_context()
        context.set_default_timeout(PATIENCE_MS)
        yield context


class House:
    """A server that can be stopped and started on the same port; the rows outlive it."""

    def __init__(self, folder: Path) -> None:
        self.rows, self._folder, self._port = LivingRows(), folder, a_free_port()
        self._running = ExitStack()

    def start(self) -> None:
        """Serve."""
        self.hub = Hub(self.rows)
        desk = a_desk(self._folder, library=cast(Library, self.rows), hub=self.hub)
        app = SecureHeaders(As(create_app(desk), "editor"), desk.settings)
        self.address = self._running.enter_context(serving(app, self.hub, self._port))

    def stop(self) -> None:
        """Serve no more."""
        self._running.close()

    def change(self, *rows: object) -> None:
        """Put rows in, and have the hub hear of it."""
        self.hub.hear(self.rows.put(*rows))  # type: ignore[arg-type]  # rows are rows


@pytest.fixture(name="house")
def _house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture(name="page")
def _page(browser: "BrowserContext") -> Iterator["Page"]:
    page = browser.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    page.close()
    assert broken == []


def is_live(page: "Page") -> None:
    page.wait_for_selector('[data-live][data-state="on"]')


def share(page: "Page", video_id: str, share: str) -> None:
    """Wait until the bar of the fetch stage is so long."""
    page.wait_for_selector(f'[data-video="{video_id}"] [data-stage="fetch"] .fill[width="{share}"]', state="attached")


def where(page: "Page", video_id: str, state: str) -> None:
    """Wait until a video is listed under a state."""
    page.wait_for_selector(f'[data-runs="{state}"] [data-video="{video_id}"]', state="attached")


def test_rows_move_appear_fail_finish_and_go(house: House, page: "Page") -> None:
    house.rows.put(a_row("yt:a", done=10), a_row("yt:b"))
    page.goto(f"{house.address}/progress")
    is_live(page)
    share(page, "yt:a", "10.0%")
    house.change(a_row("yt:a", done=40), a_row("yt:new", done=5, title="<img src=x onerror=alert(1)>"))
    share(page, "yt:a", "40.0%")
    share(page, "yt:new", "5.0%")
    assert page.inner_text('[data-video="yt:new"] .run-title') == "<img src=x onerror=alert(1)>"
    house.change(msgspec.structs.replace(a_row("yt:b", state="failed"), problem="this video is private"))
    where(page, "yt:b", "failed")
    assert page.inner_text('[data-video="yt:b"] .run-problem') == "this video is private"
    assert page.is_visible('[data-video="yt:b"] .run-again')
    house.change(a_row("yt:a", state="done"))
    where(page, "yt:a", "done")
    house.rows.kept.pop("yt:new")
    house.hub.hear([Change("video", "yt:new")])
    page.wait_for_selector('[data-video="yt:new"]', state="detached")


def test_the_page_lives_through_a_restart_and_keeps_what_was_typed(house: House, page: "Page") -> None:
    house.rows.put(a_row("yt:a", done=10), a_row("yt:b", done=10))
    page.goto(f"{house.address}/progress")
    is_live(page)
    page.fill("#text", "half a wo")
    house.stop()
    page.wait_for_selector('[data-live][data-state="lost"]')
    house.rows.put(a_row("yt:a", done=70), a_row("yt:b", state="done"), a_row("yt:c", done=20))
    house.start()
    is_live(page)
    share(page, "yt:a", "70.0%")
    share(page, "yt:c", "20.0%")
    where(page, "yt:b", "done")
    assert page.input_value("#text") == "half a wo"
    house.change(a_row("yt:a", done=80))
    share(page, "yt:a", "80.0%")


def test_eight_tabs_share_one_stream(house: House, browser: "BrowserContext") -> None:
    house.rows.put(a_row("yt:a"))
    tabs = [browser.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(f"{house.address}/progress")
        is_live(tab)
    house.change(a_row("yt:a", done=60))
    for tab in tabs:
        share(tab, "yt:a", "60.0%")
    assert house.hub.listeners == 1
    for tab in tabs:
        tab.close()


def test_without_shared_workers_a_page_holds_a_stream_of_its_own(house: House, page: "Page") -> None:
    page.add_init_script("delete window.SharedWorker")
    house.rows.put(a_row("yt:a"))
    page.goto(f"{house.address}/progress")
    is_live(page)
    house.change(a_row("yt:a", done=60))
    share(page, "yt:a", "60.0%")
