"""The pages as people use them: a real Chromium against a real `groundswell up`, in the order of a first day."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from browsers import DESKTOP, IN_A_BROWSER, PHONE, Visit
from clips import Clip, write_clip
from households import VIDEO_LIMIT_MS, answer_yes, fresh, overflows, until
from source_server import SourceServer
from systems import System

from models.release import Release, load, save
from streams.dashboard_card import DashboardCard, read_card
from streams.kafka.connection import bootstrap_of
from streams.release_roles import announce
from streams.settings import Settings
from streams.storage.releases import STARTERS, ReleaseShelf
from streams.world import open_media

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = IN_A_BROWSER

PAGES = ("/", "/progress", "/videos", "/people", "/people?view=influence", "/label", "/models", "/operations")
HOSTILE = "<img src=x onerror=alert(1)> \u202egnorw eb dluohs siht\u202c " + "W" * 10_000


def test_a_link_is_submitted_watched_and_predicted(day: Visit, card: DashboardCard, source: SourceServer) -> None:
    page = day.open(card.url)
    page.get_by_label("Links, one a line").fill(f"{source.url('ok/coffee.mp4')}\nftp://example.org/x.mp4")
    page.get_by_role("button", name=re.compile("Submit")).click()
    page.locator('#answers-list [data-answer="refused"]').wait_for()
    assert "ftp" in page.get_by_label("Links, one a line").input_value(), "what was refused can be mended"
    link = page.locator("#answers-list a").first
    video_id = link.inner_text()

    day.open(f"{card.url}/progress")
    page.locator(f'[data-video="{video_id}"]').first.wait_for(state="attached")
    day.open(f"{card.url}/videos/{video_id}")
    page.locator(".headline .figure").first.wait_for(timeout=VIDEO_LIMIT_MS)
    page.get_by_role("heading", name=re.compile("virality", re.IGNORECASE)).first.wait_for()
    assert day.troubles == []


def test_a_file_is_uploaded_and_taken_up(day: Visit, card: DashboardCard, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "my own clip.mp4", Clip(scenes_s=(3.0, 3.0)))
    page = day.open(card.url)
    page.locator("#files").set_input_files(clip)
    page.locator("#queue").get_by_text("my own clip.mp4").wait_for()
    link = page.locator('#queue a[href^="/videos/"]').first
    link.wait_for()
    link.click()
    page.wait_for_url(re.compile("/videos/file"))
    page.locator(".headline .figure").first.wait_for(timeout=VIDEO_LIMIT_MS)
    assert day.troubles == []


def test_two_people_are_merged_and_parted_again(day: Visit, card: DashboardCard) -> None:
    page = day.open(f"{card.url}/people")
    people = page.locator("[data-person]")
    until(lambda: fresh(page, people) >= 2, "two people in the gallery")
    before = people.count()
    people.nth(0).locator("[data-pick]").check()
    people.nth(1).locator("[data-pick]").check()
    page.get_by_role("button", name="Merge", exact=True).click()
    answer_yes(page)
    until(lambda: fresh(page, people) == before - 1, "one person less")
    page.locator(".undo-bar").get_by_role("button", name="Undo").click()
    until(lambda: fresh(page, people) == before, "both again")
    assert day.troubles == []


def test_ten_pieces_are_labelled_by_keyboard(day: Visit, card: DashboardCard) -> None:
    page = day.open(f"{card.url}/label")
    for number_of_class in (0, 1):
        page.locator('nav[aria-label="Classes"] a').nth(number_of_class).click()
        page.locator("[data-answers]").wait_for(timeout=VIDEO_LIMIT_MS)
        for given in range(1, 6):
            page.keyboard.press("y" if given % 3 else "n")
            page.locator("[data-session]", has_text=re.compile(rf"^{given} of")).wait_for()
    page.keyboard.press("u")
    page.locator("[data-session]", has_text=re.compile("^4 of")).wait_for()
    until(lambda: _counted(page, card) == 9, "nine labels in the library")
    assert day.troubles == []


def test_a_dead_letter_is_read_and_put_back(
    day: Visit, card: DashboardCard, system: System, source: SourceServer
) -> None:
    system.run("submit", source.url("404/gone.mp4"), "--watch", "--json")
    page = day.open(f"{card.url}/operations")
    letters = page.locator("#dead-letters, [id=dead-letters]").first
    until(lambda: fresh(page, letters.get_by_text("404")) >= 1, "a dead letter")
    before = source.hits.count("/404/gone.mp4")
    page.get_by_role("button", name="Redrive", exact=True).first.click()
    until(lambda: source.hits.count("/404/gone.mp4") > before, "another try")
    assert day.troubles == []


def test_the_past_is_replayed_and_before_and_after_are_shown(
    day: Visit, card: DashboardCard, system: System, cache: Path, tmp_path: Path
) -> None:
    page = day.open(f"{card.url}/videos?state=done")
    until(lambda: fresh(page, page.locator("tr[data-video]")) >= 2, "the link and the file to be done")
    _let_another_serve(Settings(home=system.home, cache=cache), tmp_path)
    page = day.open(f"{card.url}/models")
    until(
        lambda: fresh(page, page.locator("#virality").get_by_role("link", name="lower", exact=True)) == 1, "a release"
    )
    page.locator(".page-head, main").get_by_role("button", name="Replay").first.click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_role("button", name="Replay").click()
    page.wait_for_url(re.compile("view=jobs"))
    job = page.locator("section.card", has=page.locator("#job-title"))
    job.get_by_text("done", exact=True).wait_for(timeout=VIDEO_LIMIT_MS)
    rows = job.get_by_role("table", name="Predictions before and after").locator("tbody tr")
    assert rows.count() >= 2, "of the link and of the file"
    for row in rows.all():
        before, after = (float(row.locator(f'[data-name="{when}"]').inner_text()) for when in ("Before", "After"))
        assert before > after
        assert row.locator('[data-name="Release before"]').inner_text() == "us-2017-autumn"
    rows.first.get_by_role("link").click()
    page.locator("#video-headline").get_by_role("link", name="lower", exact=True).wait_for()
    assert day.troubles == []


def test_a_viewer_sees_everything_and_may_change_nothing(
    browser: "Browser", card: DashboardCard, system: System
) -> None:
    command = [sys.executable, "-m", "dashboard.commands.main", "users", "add", "guest", "--role", "viewer"]
    subprocess.run(command, env=system.environment, input="a long enough secret\n", text=True, check=True)
    guest = Visit(browser)
    guest.log_in(f"{card.url}/login", name="guest", password="a long enough secret")
    for path in PAGES:
        page = guest.open(card.url + path)
        assert page.locator("#links, [data-merge], [data-job-form] button").count() == 0, path
    refused = page.evaluate(
        """async () => {
            const answer = await fetch("/v1/videos", {method: "POST", headers: {"Content-Type": "application/json"},
                body: JSON.stringify({urls: ["https://example.org/a.mp4"]})});
            return [answer.status, await answer.json()];
        }"""
    )
    assert refused[0] == 403
    assert "editor" in refused[1]["detail"]
    assert guest.troubles == []
    guest.context.close()


def test_names_that_attack_are_shown_and_harm_nothing(
    day: Visit, card: DashboardCard, system: System, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "hostile.mp4", Clip(scenes_s=(2.0,)))
    (tmp_path / "list.csv").write_text(f'file,title\n{clip},"{HOSTILE}"\n')
    (line,) = system.lines("submit", str(tmp_path / "list.csv"), "--json")
    page = day.page
    for path in ("/videos", "/progress", f"/videos/{line['video_id']}", "/"):
        day.open(card.url + path)
        until(lambda: fresh(page, page.get_by_text("<img src=x onerror=alert(1)>")) >= 1, f"the name on {path}")
        assert page.locator('img[src="x"]').count() == 0
        assert not overflows(page), path
    assert day.troubles == []


@pytest.mark.parametrize("size_px", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_accessible_and_fits(
    browser: "Browser", card: DashboardCard, system: System, size_px: tuple[int, int], dark: bool
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    visit = Visit(browser, size_px=size_px, dark=dark)
    visit.open(card.link)
    visit.page.wait_for_url(lambda at: "/login" not in at)
    serious = []
    for path in (*PAGES, *_deep_pages(visit, card)):
        page = visit.open(card.url + path)
        page.wait_for_load_state("load")
        found = Axe().run(page).response["violations"]
        serious += [
            f"{path}: {v['id']} {v['nodes'][0]['target']}" for v in found if v["impact"] in ("serious", "critical")
        ]
        assert not overflows(page), path
    assert serious == []
    assert visit.troubles == []
    visit.context.close()


def test_a_dashboard_that_dies_comes_back_and_open_pages_go_on(
    day: Visit, card: DashboardCard, system: System, tmp_path: Path
) -> None:
    page = day.open(f"{card.url}/progress")
    live = page.locator("[data-live]")
    until(lambda: live.get_attribute("data-state") == "on", "a live page")
    os.kill(card.pid, signal.SIGKILL)
    until(lambda: (read_card(system.home) or card).pid != card.pid, "another dashboard")
    until(lambda: live.get_attribute("data-state") == "on", "the page live again")
    clip = write_clip(tmp_path / "after.mp4", Clip(scenes_s=(2.5,)))
    (line,) = system.lines("submit", str(clip), "--title", "After the restart", "--json")
    known = page.locator(f'[data-video="{line["video_id"]}"]').first
    known.wait_for(state="attached")  # one that is done by now lies in a list that is folded
    status = json.loads(page.evaluate("async () => (await fetch('/v1/videos?limit=1')).text()"))
    assert status["total"] >= 4


def _let_another_serve(settings: Settings, folder: Path) -> None:
    """Let a release serve that knows what the starter knows, and says ten points less of everything."""
    starter = load(STARTERS / "virality")
    assert isinstance(starter, Release)
    told = starter.manifest
    manifest = msgspec.structs.replace(
        told,
        release_id="lower",
        trained_at_s=told.trained_at_s + 1,
        constant=told.constant - 10,
        intercept=told.intercept - 10,
    )
    save(dataclasses.replace(starter, manifest=manifest), folder / "lower")
    release = ReleaseShelf(settings.home, open_media(settings)).publish(folder / "lower")
    announce(settings, bootstrap_of(settings), release)


def _deep_pages(visit: Visit, card: DashboardCard) -> list[str]:
    """A video, a comparison, a person and a release that there are."""

    def hrefs(path: str, start: str) -> list[str]:
        visit.open(card.url + path)
        return [
            str(a.get_attribute("href")) for a in visit.page.locator(f'main a[href^="{start}"]').all()
        ]  # fmt: skip

    videos = hrefs("/videos", "/videos/")
    a, b = (path.removeprefix("/videos/") for path in list(dict.fromkeys(videos))[:2])
    return [
        videos[0],
        f"/compare?a={a}&b={b}",
        hrefs("/people", "/people/person")[0],
        hrefs("/models", "/models/virality/")[0],
    ]


def _counted(page: "Page", card: DashboardCard) -> int:
    """How many labels stand, by the page's own count."""
    page.goto(f"{card.url}/label")
    return sum(int(cell.inner_text()) for cell in page.locator("[data-row] [data-n]").all())
