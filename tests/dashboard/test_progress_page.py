"""The Progress page as a browser without JavaScript is given it."""

from pathlib import Path
from typing import cast

import msgspec
import pytest
from desks import As, a_desk
from rows_kept import LivingRows, a_row
from starlette.testclient import TestClient

from dashboard.access.role_names import Role
from dashboard.app import create_app
from dashboard.pages.pace import about, left_s, pace, speed
from dashboard.reading import Library
from dashboard.rows import StageBrief, VideoRow

HOSTILE = "<img src=x onerror=alert(1)>"


def a_page(folder: Path, rows: LivingRows, path: str = "/progress", *, role: Role = "editor") -> str:
    client = TestClient(As(create_app(a_desk(folder, library=cast(Library, rows))), role))
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


def kept(*rows: VideoRow) -> LivingRows:
    made = LivingRows()
    made.put(*rows)
    return made


def failed(video_id: str, problem: str) -> VideoRow:
    return msgspec.structs.replace(a_row(video_id, state="failed"), problem=problem)


def test_an_empty_page_leads_to_submitting(tmp_path: Path) -> None:
    page = a_page(tmp_path, LivingRows())
    assert "Submit the first video" in page
    assert "<div data-empty>" in page


def test_a_running_video_has_a_bar_for_each_stage_also_those_to_come(tmp_path: Path) -> None:
    page = a_page(tmp_path, kept(a_row("yt:a", done=37)))
    row = page.split('data-video="yt:a"')[1].split("</li>\n")[0]
    assert 'aria-label="fetch running, 37%"' in page
    assert 'width="37.0%"' in page
    assert 'aria-label="score waiting, 0%"' in page
    assert "fetch" in row


def test_a_failed_video_says_why_and_may_be_tried_again(tmp_path: Path) -> None:
    rows = kept(failed("yt:a", "the site says: this video is private"))
    page = a_page(tmp_path, rows)
    assert "the site says: this video is private" in page
    assert 'data-post="/v1/videos/yt:a/retry" data-done="It is on its way again.">' in page
    assert 'data-post="/v1/retries"' in page
    assert 'data-post="/v1/retries"' not in a_page(tmp_path, rows, role="viewer")


def test_a_finished_video_leads_to_its_page(tmp_path: Path) -> None:
    page = a_page(tmp_path, kept(a_row("yt:a", state="done")))
    assert '<a class="run-title" href="/videos/yt:a">' in page
    assert "<details" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"yt:r", "yt:f", "yt:d"}),
        ("?state=running", {"yt:r"}),
        ("?state=failed", {"yt:f"}),
        ("?state=done", {"yt:d"}),
        ("?video=yt:r&video=yt:d&video=yt:unknown", {"yt:r", "yt:d"}),
        ("?state=done&video=yt:r", set()),
    ],
)
def test_the_address_says_what_is_shown(tmp_path: Path, query: str, expected: set[str]) -> None:
    rows = kept(a_row("yt:r"), failed("yt:f", "no"), a_row("yt:d", state="done"))
    page = a_page(tmp_path, rows, f"/progress{query}")
    assert {name for name in rows.kept if f'data-video="{name}"' in page} == expected


def test_a_hostile_title_is_text_and_nothing_is_inline(tmp_path: Path) -> None:
    page = a_page(tmp_path, kept(a_row("yt:a", title=HOSTILE + "\u202e" + "x" * 10_000), failed("yt:b", HOSTILE)))
    assert HOSTILE not in page
    assert "&lt;img" in page
    assert "\u202e" not in page
    assert " style=" not in page
    assert "x" * 1000 not in page


@pytest.mark.parametrize("query", ["?state=none", "?text=" + "x" * 201, "?" + "&".join(["video=yt:a"] * 201)])
def test_an_address_that_makes_no_sense_is_refused(tmp_path: Path, query: str) -> None:
    client = TestClient(As(create_app(a_desk(tmp_path, library=cast(Library, LivingRows()))), "viewer"))
    assert client.get(f"/progress{query}").status_code == 422


def a_stage(name: str = "segment", *, done: float = 20, total: float | None = 80, seen_s: float = 10) -> StageBrief:
    return StageBrief(stage=name, state="running", done=done, total=total, first_at_s=100, at_s=100 + seen_s)


@pytest.mark.parametrize(
    ("stage", "expected_s"),
    [
        (a_stage(), 30),
        (a_stage(done=90), 0),
        (a_stage(total=None), None),
        (a_stage(done=0), None),
        (a_stage(seen_s=1), None),
        (StageBrief(stage="segment", state="done", done=80, total=80, first_at_s=100, at_s=110), None),
    ],
)
def test_time_left_is_guessed_only_where_there_is_something_to_guess_from(
    stage: StageBrief, expected_s: float | None
) -> None:
    assert left_s(stage) == expected_s


def test_speed_is_said_in_the_unit_of_the_stage() -> None:
    assert speed(a_stage("fetch", done=20e6, total=80e6)) == "2.0 MB/s"
    assert speed(a_stage("segment")) == "2 s of video a second"
    assert speed(a_stage("visual")) == "120 segments a minute"


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ((a_stage("fetch", done=1), a_stage("visual")), "Fetch: about 13 min left, 0 B/s"),
        ((a_stage("fetch", seen_s=0),), "Fetch: under way"),
        ((StageBrief(stage="fetch", state="done"),), "next: Cut"),
    ],
)
def test_a_row_says_what_takes_longest(stages: tuple[StageBrief, ...], expected: str) -> None:
    row = msgspec.structs.replace(a_row("yt:a"), stages=stages)
    assert pace(row, 110) == expected


def test_a_guess_that_has_passed_is_not_negative() -> None:
    row = msgspec.structs.replace(a_row("yt:a"), stages=(a_stage(),))
    assert "a few seconds left" in pace(row, 10_000)


def test_times_to_come_are_never_said_exactly() -> None:
    assert [about(s) for s in (0, 58, 59.9, 3599)] == ["a few seconds", "about 60 s", "about 60 s", "about 60 min"]
