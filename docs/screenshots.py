"""Takes a picture of every page, light and dark, on a desk and on a phone: `make screenshots`.

A real `groundswell up` in a folder of its own watches films made of free photos; nothing in the pictures is painted.

python docs/screenshots.py                  # into docs/screenshots
python docs/screenshots.py --home FOLDER    # of a system that runs already, with whatever is in it
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "docs")]

from browsers import DESKTOP, PHONE, Visit, a_browser  # noqa: E402  # needs the path above
from screenshot_story import RUNNING, fill, submit  # noqa: E402
from systems import System, running_system  # noqa: E402

from streams.dashboard_card import DashboardCard, read_card  # noqa: E402
from streams.settings import load  # noqa: E402
from streams.worker import cards  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TALLEST_PX = 1800
QUALITY = 48
SETTLE_MS = 700
READY_LIMIT_MS = 240_000
SIZES = ((DESKTOP, "1440"), (PHONE, "390"))

READY = {
    "label": "[data-answers]:not([hidden])",
    "operations": '#stages .spark.good polyline[points*=" "]',
    "progress": "#progress",
}
"""What a page has when everything is there that it reads in the background."""

HELD = "visual"
"""The stage whose worker stands still while the progress page is taken, so that something runs in every picture."""

JUDGEMENTS = "ynyyn"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the pages are that depend on what the system has seen."""

    video: str
    other: str
    person: str
    release: str
    job: str

    def pages(self) -> dict[str, str]:
        """Each page's path, by the name of its pictures."""
        return {
            "submit": "/",
            "library": "/videos",
            "video": f"/videos/{self.video}",
            "compare": f"/compare?a={self.video}&b={self.other}",
            "people": "/people",
            "person": f"/people/{self.person}",
            "influence": "/people?view=influence",
            "label": "/label",
            "models": "/models",
            "release": f"/models/{self.release}",
            "work": f"/models?view=jobs&job={self.job}" if self.job else "/models?view=jobs",
            "operations": "/operations",
        }


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--home", type=Path, help="of a system that runs; else one is started and filled")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/screenshots")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    with a_browser() as browser:
        if wanted.home is not None:
            card = _card(wanted.home)
            _take_all(browser, card, wanted.out, {**_places(browser, card).pages(), "progress": "/progress"})
            return
        with tempfile.TemporaryDirectory() as folder, running_system(Path(folder), load().cache_folder) as system:
            fill(system, Path(folder) / "films")
            card = _card(system.home)
            pages = _places(browser, card).pages()
            with _running(system, Path(folder) / "running"):
                _take_all(browser, card, wanted.out, {"progress": "/progress"})
            _take_all(browser, card, wanted.out, pages)


def _take_all(browser: "Browser", card: DashboardCard, out: Path, pages: dict[str, str]) -> None:
    for size_px, size in SIZES:
        for dark in (False, True):
            ending = f"{size}-{'dark' if dark else 'light'}.jpg"
            visit = Visit(browser, size_px=size_px, dark=dark)
            _take(visit.open(f"{card.url}/login"), out / f"login-{ending}")
            visit.open(card.link)
            visit.page.wait_for_url(lambda at: "/login" not in at)
            for name, path in pages.items():
                page = visit.open(card.url + path)
                page.wait_for_selector(READY.get(name, "main"), state="attached", timeout=READY_LIMIT_MS)
                _take(page, out / f"{name}-{ending}")
            visit.context.close()
            if visit.troubles:
                sys.exit("\n".join(visit.troubles))


def _take(page: "Page", path: Path) -> None:
    """Take a page from top to bottom, when all its pictures are there."""
    page.evaluate("() => document.querySelectorAll('img').forEach((one) => (one.loading = 'eager'))")
    page.evaluate("() => Promise.all([...document.images].map((one) => one.decode().catch(() => 0)))")
    page.wait_for_timeout(SETTLE_MS)
    size = page.viewport_size or {"width": DESKTOP[0], "height": DESKTOP[1]}
    height_px = min(TALLEST_PX, page.evaluate("() => document.documentElement.scrollHeight"))
    clip = {"x": 0, "y": 0, "width": size["width"], "height": max(height_px, size["height"])}
    # The caret is left alone: hiding it writes styles into the page, which the page's own policy refuses.
    page.screenshot(path=path, type="jpeg", quality=QUALITY, full_page=True, clip=clip, caret="initial")  # type: ignore[arg-type]
    print(path.name, flush=True)


@contextmanager
def _running(system: System, folder: Path) -> Iterator[None]:
    """Have videos under way: one stage stands still until the pictures are taken."""
    held = [card.pid for card in cards(system.home) if card.stage == HELD]
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        submit(system, folder, RUNNING)
        yield
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)


def _card(home: Path) -> DashboardCard:
    card = read_card(home)
    if card is None:
        sys.exit(f"no dashboard runs for {home}")
    return card


def _places(browser: "Browser", card: DashboardCard) -> Places:
    """Ask the API what there is to show; let it replay once, and judge some pieces."""
    visit = Visit(browser)
    page = visit.open(card.link)
    page.wait_for_url(lambda at: "/login" not in at)

    def ask(path: str, method: str = "GET", body: object = None) -> Any:  # as JSON gives it
        said = page.evaluate(
            """async ([path, method, body]) => {
                const headers = body ? {"Content-Type": "application/json"} : {};
                const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
                return await answer.text();
            }""",
            [path, method, body],
        )
        return json.loads(said)

    job = str(ask("/v1/jobs", "POST", {"kind": "replay", "targets": ["virality"]}).get("job_id", ""))
    _judge(page, card)
    page.goto(f"{card.url}/models?view=jobs&job={job}")
    page.locator("#models .badge", has_text="done").first.wait_for(timeout=READY_LIMIT_MS)
    videos = [v for v in ask("/v1/videos?state=done")["items"] if v.get("predictions")]
    best = max(videos, key=lambda video: video.get("duration_s") or 0)
    people = sorted(ask("/v1/people")["items"], key=lambda one: not one.get("name"))
    release = ask("/v1/releases")[0]["release"]
    visit.context.close()
    return Places(
        video=best["video_id"],
        other=next(v["video_id"] for v in videos if v is not best),
        person=people[0]["identity_id"],
        release=f"{release['target']}/{release['release_id']}",
        job=job,
    )


def _judge(page: "Page", card: DashboardCard) -> None:
    """Give some judgements as a person does, for two classes."""
    for place in (0, 1):
        page.goto(f"{card.url}/label")
        page.locator('nav[aria-label="Classes"] a').nth(place).click()
        page.wait_for_selector(READY["label"], timeout=READY_LIMIT_MS)
        for key in JUDGEMENTS:
            page.keyboard.press(key)
            page.wait_for_timeout(SETTLE_MS)


if __name__ == "__main__":
    main()
