"""A real Chromium for tests and screenshots, and what a person does in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
PATIENCE_MS = 60_000
DESKTOP, PHONE = (1440, 900), (390, 844)


def chromium() -> str | None:
    """Where Chromium is on this machine."""
    return os.environ.get("GROUNDSWELL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


NEEDS_CHROMIUM = pytest.mark.skipif(
    chromium() is None, reason="no Chromium here; `apt-get install chromium` brings one"
)
IN_A_BROWSER = [pytest.mark.broker, pytest.mark.browser, pytest.mark.slow, NEEDS_CHROMIUM]
"""Marks of tests that use a whole system in a browser."""


@contextmanager
def a_browser() -> Iterator["Browser"]:
    """Start Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """Somebody's session in a browser: their pages, and everything that went wrong on them.

    Attributes
    ----------
    troubles : list of str
        Errors of scripts, refusals by the content security policy, and dialogs that a script opened.
    """

    def __init__(self, browser: "Browser", *, size_px: tuple[int, int] = DESKTOP, dark: bool = False) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size_px[0], "height": size_px[1]}, color_scheme="dark" if dark else "light"
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.troubles: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.troubles.append(f"{self.page.url}: {error}"))
        self.page.on("console", self._hear)
        self.page.on("dialog", self._refuse)

    def open(self, url: str) -> "Page":
        """Go to a page; it must answer well."""
        answer = self.page.goto(url)
        assert answer is None or answer.ok, f"{url} answered {answer.status}"
        return self.page

    def log_in(self, url: str, *, name: str, password: str) -> None:
        """Log in by name."""
        self.open(url)
        self.page.get_by_text("With name and password").click()
        form = self.page.locator("details [data-login-form]")
        form.get_by_label("Name").fill(name)
        form.get_by_label("Password").fill(password)
        form.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda at: "/login" not in at)

    def _hear(self, message: object) -> None:
        kind, text = str(getattr(message, "type", "")), str(getattr(message, "text", ""))
        if kind == "error" and "Failed to load resource" not in text and "ERR_" not in text:
            self.troubles.append(f"{self.page.url}: {text}")

    def _refuse(self, dialog: object) -> None:
        self.troubles.append(f"{self.page.url}: a script opened a dialog: {getattr(dialog, 'message', '')}")
        dialog.dismiss()  # type: ignore[attr-defined]  # playwright's own type stands in its annotations only
