"""What people do with the pages after the first day: correct, compare, teach, take along, try again, erase."""

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsers import IN_A_BROWSER, Visit
from clips import Clip, write_clip
from households import VIDEO_LIMIT_MS, Household, answer_yes, fresh, until
from source_server import SourceServer
from systems import System

from streams.dashboard_card import DashboardCard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = IN_A_BROWSER

MB = 10**6


@pytest.fixture(scope="module")
def film(household: Household) -> str:
    """A video with people that is done; there is another one with the same people."""
    house = household.open()
    house.source.files["again.mp4"] = ("video/mp4", house.source.body + _passed_over(1))
    links = [house.source.url(path) for path in ("ok/coffee.mp4", "file/again.mp4")]
    return str(house.system.lines("submit", *links, "--watch", "--json")[0]["video_id"])


def test_a_table_is_dropped_and_each_line_is_answered_with_what_is_to_be_expected(
    day: Visit, card: DashboardCard, source: SourceServer, film: str
) -> None:
    page = day.open(card.url)
    virality = page.get_by_label(re.compile("virality", re.IGNORECASE)).first
    virality.check()
    page.wait_for_url(re.compile("[?]target=virality$"))
    page.reload()
    assert virality.is_checked(), "the address says what is ticked"
    known, new = source.url("ok/coffee.mp4"), source.url("plain/table.mp4")
    _drop(page, "links.csv", f"url,title\n{known},Old\n{new},From a table\nftp://example.org/x.mp4,No\n")
    answers = page.locator("#answers-list > li")
    answers.nth(2).wait_for()
    assert [line.get_attribute("data-answer") for line in answers.all()] == ["submitted", "submitted", "refused"]
    assert "already known (done)" in answers.nth(0).inner_text()
    assert "ftp" in answers.nth(2).inner_text()
    video_id = answers.nth(1).locator("a").first.inner_text()
    page.locator(f'#answers-list [data-now="{video_id}"] [data-state="done"]').wait_for(timeout=VIDEO_LIMIT_MS)
    about = day.open(f"{card.url}/videos/{video_id}").locator("#file")
    assert "virality" in about.inner_text()
    assert day.troubles == []


def test_of_thousands_of_answers_no_more_are_shown_than_can_be_read(day: Visit, card: DashboardCard) -> None:
    page = day.open(card.url)
    page.evaluate(
        """async () => {
            const {showAnswers} = await import(document.querySelector('script[src*="/submit"]').src);
            const answer = (n) => n % 100 ? {state: "submitted", source: `s${n}`} : {state: "refused", source: `s${n}`};
            showAnswers(Array.from({length: 5000}, (_, n) => answer(n)));
        }"""
    )
    assert page.locator("#answers-list > li").count() == 200
    assert page.locator('#answers-list > [data-answer="refused"]').count() == 50, "what is refused is shown first"
    assert "4950 taken, 50 refused" in page.locator("[data-answers-head]").inner_text()
    assert day.troubles == []


def test_an_upload_goes_on_after_a_refresh_where_it_stopped(day: Visit, card: DashboardCard, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.mp4", Clip(scenes_s=(2.0,)))
    with clip.open("ab") as file:
        file.write(_passed_over(20 * MB))
    page = day.open(card.url)
    sent: list[int] = []

    def break_off(route: "Route") -> None:
        offset = route.request.headers.get("upload-offset")
        if offset is not None:
            sent.append(int(offset))
        route.abort() if offset not in (None, "0") else route.continue_()

    page.route("**/v1/uploads/*", break_off)
    page.locator("#files").set_input_files(clip)
    line = page.locator("#queue li", has_text="long.mp4")
    line.get_by_text("trying again").wait_for()
    line.get_by_role("button", name="Pause").click()
    page.unroute("**/v1/uploads/*")
    page.reload()
    line.get_by_text("choose the file again").wait_for()
    stopped_at, offsets = sent[-1], list[int]()
    page.on("request", lambda asked: offsets.append(int(asked.headers.get("upload-offset", -1))))
    page.locator("#files").set_input_files(clip)
    line.get_by_role("link", name="Open").wait_for()
    assert min(offset for offset in offsets if offset >= 0) == stopped_at > 0
    assert day.troubles == []


def test_a_view_is_saved_and_taken_along_as_it_is(day: Visit, card: DashboardCard, film: str, tmp_path: Path) -> None:
    page = day.open(f"{card.url}/videos?sort=title&order=down")
    page.locator("#f-state").select_option("done")
    page.wait_for_url(re.compile("state=done"))
    page.get_by_label("Search").fill("no such words")
    page.get_by_text("No video fits").wait_for()
    assert len(_lines(page, "CSV", tmp_path / "none.csv")) == 0
    page.get_by_label("Search").fill("")
    page.locator("tr[data-video]").first.wait_for()
    page.get_by_role("button", name="Save this view").click()
    page.locator("dialog[open]").get_by_label("Name").fill("Mine")
    page.locator("dialog[open]").get_by_role("button", name="Save").click()
    listed = [str(row.get_attribute("data-video")) for row in page.locator("tr[data-video]").all()]

    day.open(f"{card.url}/videos?state=failed")
    page.get_by_role("link", name="Mine", exact=True).click()
    page.wait_for_url(re.compile("state=done"))
    assert [str(row.get_attribute("data-video")) for row in page.locator("tr[data-video]").all()] == listed
    taken = [line["video_id"] for line in _lines(page, "CSV", tmp_path / "all.csv")]
    assert list(dict.fromkeys(taken)) == [video_id for video_id in listed if video_id in taken]
    assert film in taken
    page.get_by_role("button", name="Forget the view Mine").click()
    assert fresh(page, page.get_by_role("link", name="Mine", exact=True)) == 0
    assert day.troubles == []


def test_two_videos_are_compared(day: Visit, card: DashboardCard, film: str) -> None:
    page = day.open(f"{card.url}/videos?state=done")
    boxes = page.locator("[data-compare]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.locator("[data-compare-go]").click()
    page.wait_for_url(re.compile("/compare\\?a=.*&b="))
    assert page.locator("main h2").count() > 0
    assert day.troubles == []


def test_the_timeline_zooms_jumps_and_the_film_plays_faster(day: Visit, card: DashboardCard, film: str) -> None:
    page = day.open(f"{card.url}/videos/{film}")
    lanes = page.locator("#lanes")
    page.get_by_role("button", name="Zoom in").click()
    assert lanes.get_attribute("width") == "160%"
    page.wait_for_url(re.compile(r"zoom=1\.6"))
    page.reload()
    assert lanes.get_attribute("width") == "160%"
    page.get_by_role("button", name="Fit").click()
    assert lanes.get_attribute("width") == "100%"
    page.locator(".lane.shots a[data-jump]").last.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"[?&]t=\d"))
    page.get_by_role("button", name=re.compile("^2")).click()
    assert page.evaluate("() => document.getElementById('player').playbackRate") == 2
    assert [
        name
        for name in ("Shots", "Words", "Seen", "Heard", "Faces")
        if lanes.locator(f".lane.{name.lower()}").count() == 0
    ] == []
    assert day.troubles == []


def test_a_failed_video_is_tried_again_and_then_all_of_them(
    day: Visit, card: DashboardCard, system: System, source: SourceServer
) -> None:
    paths = ["/404/lost.mp4", "/404/away.mp4"]
    system.run("submit", *[source.url(path[1:]) for path in paths])
    page = day.open(f"{card.url}/progress")
    failed = page.locator('[data-runs="failed"] .run')
    for path in paths:
        problem = failed.filter(has_text=path).locator(".run-problem", has_text="404")
        problem.wait_for(state="attached", timeout=VIDEO_LIMIT_MS)

    def hits() -> list[int]:
        return [source.hits.count(path) for path in paths]

    before = hits()
    failed.first.get_by_role("button", name="Try again").click()
    until(lambda: sum(hits()) > sum(before), "another try")
    until(lambda: failed.count() >= 2, "that it failed once more")
    before = hits()
    page.get_by_role("button", name="Retry all failed").click()
    answer_yes(page)
    until(lambda: all(now > then for now, then in zip(hits(), before, strict=True)), "another try of each")
    assert day.troubles == []


def test_what_failed_before_a_page_began_to_listen_is_shown_there(
    browser: "Browser", card: DashboardCard, system: System, source: SourceServer
) -> None:
    visit = Visit(browser)
    visit.open(card.link).wait_for_url(lambda at: "/login" not in at)
    visit.open("about:blank")
    told: list[str] = []

    def come_late(route: "Route") -> None:
        """Hand over a page that was made before a video came and failed."""
        made = route.fetch()
        submitted = system.run("submit", source.url("404/early.mp4"), "--json").stdout
        told.append(str(json.loads(submitted)["video_id"]))
        until(lambda: f'data-video="{told[0]}" data-state="failed"' in route.fetch().text(), "that it failed")
        route.fulfill(response=made)

    visit.page.route("**/progress", come_late, times=1)
    page = visit.open(f"{card.url}/progress")
    page.locator(f'[data-runs="failed"] [data-video="{told[0]}"]').wait_for()
    visit.context.close()
    assert visit.troubles == []


def test_one_person_is_dragged_onto_another_and_taken_off_again(day: Visit, card: DashboardCard, film: str) -> None:
    page = day.open(f"{card.url}/people")
    people = page.locator("[data-person]")
    until(lambda: fresh(page, people) >= 2, "two people in the gallery")
    before = people.count()
    people.nth(1).drag_to(people.nth(0))
    answer_yes(page)
    until(lambda: fresh(page, people) == before - 1, "one person less")
    _undo(page)
    until(lambda: fresh(page, people) == before, "both again")
    assert day.troubles == []


def test_a_face_is_split_off_and_one_is_not_this_person(day: Visit, card: DashboardCard, film: str) -> None:
    page = day.open(f"{card.url}/people")
    with_faces = _somebody_with_faces(day, card)
    day.open(card.url + with_faces)
    tracks = page.locator("[data-track]")
    before = tracks.count()
    tracks.nth(0).check()
    page.get_by_role("button", name="Split off").click()
    answer_yes(page)
    until(lambda: fresh(page, tracks) < before, "fewer faces")
    _undo(page)
    until(lambda: fresh(page, tracks) == before, "all faces again")
    page.get_by_role("button", name="Not this person").first.click()
    answer_yes(page)
    until(lambda: fresh(page, tracks) < before, "one face less")
    _undo(page)
    until(lambda: fresh(page, tracks) == before, "all faces once more")
    assert day.troubles == []


def test_outcomes_are_imported_and_shown_with_the_video(
    day: Visit, card: DashboardCard, film: str, tmp_path: Path
) -> None:
    table = tmp_path / "outcomes.csv"
    table.write_text(f"video_id,observed_at,views,likes\n{film},2026-05-31,91234,1033\nnobody knows this,,x,\n")
    page = day.open(f"{card.url}/models")
    page.get_by_role("button", name="Import a table").click()
    page.locator("#import-file").set_input_files(table)
    page.locator("dialog[open]").get_by_role("button", name="Import").click()
    page.wait_for_url(re.compile("view=jobs&job="))
    job = page.locator("section.card", has=page.locator("#job-title"))
    job.get_by_text("done", exact=True).wait_for(timeout=VIDEO_LIMIT_MS)
    assert "What came out" in job.inner_text()
    until(lambda: "91,234" in day.open(f"{card.url}/videos/{film}").locator("main").inner_text(), "its views")
    day.open(f"{card.url}/people?view=influence")
    assert "91,234" in page.locator("main tbody tr").first.inner_text(), "of the people in it"
    assert day.troubles == []


def test_a_class_of_ones_own_is_defined_in_a_form(day: Visit, card: DashboardCard) -> None:
    page = day.open(f"{card.url}/label")
    page.get_by_role("button", name="New class").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Belongs to", exact=True).select_option(label="A new target …")
    dialog.get_by_label("Name of the new target").fill("Kitchen")
    dialog.get_by_label("Class", exact=True).fill("washing up")
    dialog.get_by_label("What belongs to it").fill("Dirty dishes are washed by hand or put into a machine.")
    dialog.get_by_role("button", name="Define").click()
    page.get_by_text("Is this washing up?").wait_for()
    assert "Dirty dishes" in page.locator(".definition").inner_text()
    assert day.troubles == []


def test_somebody_is_enrolled_from_a_photo(day: Visit, card: DashboardCard, film: str, tmp_path: Path) -> None:
    photo = tmp_path / "ada.jpg"
    photo.write_bytes(_picture_of_a_face(day.open(card.url), film))
    page = day.open(f"{card.url}/people")
    page.get_by_role("button", name="Enrol from photos").first.click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Name").fill("Ada Lovelace")
    dialog.get_by_label("Pictures").set_input_files(photo)
    dialog.get_by_role("button", name="Enrol").click()
    dialog.wait_for(state="detached", timeout=VIDEO_LIMIT_MS)
    until(lambda: fresh(page, page.locator(".person-name", has_text="Ada Lovelace")) == 1, "her name")
    assert day.troubles == []


def test_a_video_is_erased_from_its_page(day: Visit, card: DashboardCard, film: str) -> None:
    page = day.open(f"{card.url}/videos/{film}")
    page.get_by_role("button", name="Erase").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Erase").click()
    page.wait_for_url(re.compile("/videos$"))
    address = f"{card.url}/videos/{film}"
    until(lambda: page.request.get(address).status == 404, "that nothing is known of it", limit_s=120)
    until(lambda: _is_erased(page, card), "the erasure to be done", limit_s=120)
    assert day.troubles == []


def _is_erased(page: "Page", card: DashboardCard) -> bool:
    jobs = page.request.get(f"{card.url}/v1/jobs").json()
    return [job["state"] for job in jobs if job["order"]["kind"] == "erase"] == ["done"]


def _passed_over(size_bytes: int) -> bytes:
    """A box at the end of a film that players pass over."""
    return (8 + size_bytes).to_bytes(4, "big") + b"free" + bytes(size_bytes)


def _drop(page: "Page", name: str, text: str) -> None:
    """Drop a file anywhere on a page."""
    page.evaluate(
        """([name, text]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], name, {type: "text/csv"}));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
        }""",
        [name, text],
    )


def _lines(page: "Page", name: str, path: Path) -> list[dict[str, str]]:
    """Take a table along from a page."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click(delay=300)  # as slowly as people: the list may come anew meanwhile
    download.value.save_as(path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _picture_of_a_face(page: "Page", video_id: str) -> bytes:
    """The keyframe where a face of a video is seen from nearest."""
    found = page.evaluate(
        """async (id) => {
            const {faces} = await (await fetch(`/v1/videos/${id}`)).json();
            const [nearest] = faces.sort((a, b) => b.box.height - a.box.height);
            const frame = await fetch(`/v1/videos/${id}/frames/${Math.round(1000 * nearest.at_s)}.jpg`);
            return [...new Uint8Array(await frame.arrayBuffer())];
        }""",
        video_id,
    )
    return bytes(found)


def _undo(page: "Page") -> None:
    page.locator(".undo-bar").get_by_role("button", name="Undo").click()


def _somebody_with_faces(day: Visit, card: DashboardCard) -> str:
    """The page of somebody who was seen twice."""
    page = day.open(f"{card.url}/people")
    for path in [str(a.get_attribute("href")) for a in page.locator("a.person-name").all()]:
        day.open(card.url + path)
        if page.locator("[data-track]").count() >= 2:
            return path
    raise AssertionError("nobody was seen twice")
