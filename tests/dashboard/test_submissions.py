"""Links that are sent in are answered at once: an id, a warning, or the reason against them."""

from pathlib import Path
from typing import Any  # Any: JSON

import examples
import pytest
from desks import a_client, a_desk, topics_of
from small_events import link
from starlette.testclient import TestClient

from dashboard.desk import Desk
from dashboard.rows import MOST_ROWS
from dashboard.submissions import submit
from schemas.links import LinkSubmitted
from schemas.progress import StageProgressed
from streams.settings import Settings
from streams.submitting import Entry, Wishes

YOUTUBE = "https://youtu.be/dQw4w9WgXcQ?si=x"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path, [examples.TARGET])


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return a_client(desk, "editor")


def submitted(client: TestClient, **body: object) -> dict[str, Any]:
    answer = client.post("/v1/videos", json=body)
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.json()
    return document


def failed(video_id: str) -> StageProgressed:
    return StageProgressed(event_id=f"f-{video_id}", video_id=video_id, stage="fetch", state="failed", message="gone")


def test_a_link_is_on_its_topic_when_its_ids_are_answered(client: TestClient, desk: Desk) -> None:
    (item,) = submitted(client, url=YOUTUBE, targets=["month_hit"], title="Mine")["items"]
    (event,) = topics_of(desk).sent
    assert isinstance(event, LinkSubmitted)
    assert (event.video_id, event.url) == ("youtube:dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    assert (event.targets, event.title, event.submitted_by) == (("month_hit",), "Mine", "maria")
    assert item["state"] == "submitted"
    assert (item["video_id"], item["submission_id"]) == (event.video_id, event.submission_id)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/a.mp4", "not a public address"),
        ("http://localhost:8000/a.mp4", "127.0.0.1"),
        ("http://2130706433/a.mp4", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://[::1]/a.mp4", "not a public address"),
        ("http://169.254.169.254/latest/meta-data", "not a public address"),
        ("file:///etc/passwd", "http"),
        ("ftp://example.org/a.mp4", "http"),
        ("/etc/passwd", "not a link"),
        ("javascript:alert(1)", "not a link"),
        ("https://user:word@example.org/a.mp4", "password"),
        ("https://www.youtube.com/@channel", "not one video"),
    ],
)
def test_what_cannot_be_fetched_is_refused_with_the_reason(
    url: str, reason: str, client: TestClient, desk: Desk
) -> None:
    answer = client.post("/v1/videos", json={"url": url})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json()["detail"]
    assert topics_of(desk).sent == []


def test_a_private_network_that_the_settings_allow_is_taken(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, settings=Settings(home=tmp_path, fetch_networks=("127.0.0.0/8",)))
    assert submitted(a_client(desk), url="http://localhost:8000/a.mp4")["submitted"] == 1


def test_one_bad_link_does_not_spoil_the_rest(client: TestClient, desk: Desk) -> None:
    answer = submitted(client, urls=[YOUTUBE, "nonsense", "vimeo.com/76979871"])
    assert [item["state"] for item in answer["items"]] == ["submitted", "refused", "submitted"]
    assert (answer["submitted"], answer["refused"]) == (2, 1)
    assert len(topics_of(desk).sent) == 2


def test_a_video_named_twice_is_sent_once(client: TestClient, desk: Desk) -> None:
    one, two = submitted(client, urls=[YOUTUBE, "https://www.youtube.com/watch?v=dQw4w9WgXcQ"])["items"]
    assert one["submission_id"] == two["submission_id"]
    assert "twice" in two["warnings"][0]
    assert len(topics_of(desk).sent) == 1


def test_a_known_video_says_how_far_it_is(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, [link("youtube:dQw4w9WgXcQ"), failed("youtube:dQw4w9WgXcQ")])
    (item,) = submitted(a_client(desk), url=YOUTUBE)["items"]
    assert item["known"] == "failed"
    assert "gone" in item["warnings"][0]


def test_of_more_links_than_one_page_of_the_library_each_known_one_says_so(tmp_path: Path) -> None:
    names = [f"a{number:010}" for number in range(2 * MOST_ROWS + 1)]
    desk = a_desk(tmp_path, [link(f"youtube:{name}") for name in names])
    entries = [Entry(source=f"https://youtu.be/{name}", where="") for name in names]
    assert {item.known for item in submit(desk, entries, Wishes()).items} == {"running"}


def test_a_target_that_does_not_exist_is_said_and_none_that_does_is_a_problem(client: TestClient) -> None:
    warnings = submitted(client, url=YOUTUBE, targets=["month_hit", "luck"])["warnings"]
    assert any("luck" in warning for warning in warnings)
    answer = client.post("/v1/videos", json={"url": YOUTUBE, "targets": ["luck"]})
    assert answer.status_code == 422
    assert "month_hit" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{}, {"url": "  "}, {"urls": []}, {"url": YOUTUBE, "colour": "blue"}])
def test_a_body_without_a_link_is_a_problem(body: dict[str, object], client: TestClient) -> None:
    assert client.post("/v1/videos", json=body).json()["type"] == "/problems/invalid"


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/retries"])
def test_a_viewer_may_not_submit(path: str, desk: Desk) -> None:
    assert a_client(desk, "viewer").post(path, json={"url": YOUTUBE}).status_code == 403
    assert topics_of(desk).sent == []


def test_a_failed_video_is_fetched_anew_from_where_it_came(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, [link("youtube:dQw4w9WgXcQ"), failed("youtube:dQw4w9WgXcQ")])
    answer = a_client(desk).post("/v1/videos/youtube:dQw4w9WgXcQ/retry")
    (event,) = topics_of(desk).sent
    assert isinstance(event, LinkSubmitted)
    assert answer.status_code == 202
    assert (event.url, event.again) == ("https://example.org/video.mp4", True)


def test_an_uploaded_file_is_tried_again_where_it_lies_and_not_when_it_is_gone(tmp_path: Path) -> None:
    video_id = "file:" + "a" * 32
    desk = a_desk(tmp_path, [failed(video_id)])
    gone = a_client(desk).post(f"/v1/videos/{video_id}/retry")
    assert (gone.status_code, gone.json()["type"]) == (409, "/problems/no-source")
    desk.store.put(f"videos/file/{'a' * 32}/media.mp4", b"video")
    assert a_client(desk).post(f"/v1/videos/{video_id}/retry").status_code == 202
    (event,) = topics_of(desk).sent
    assert isinstance(event, LinkSubmitted)
    assert event.upload_ref == f"videos/file/{'a' * 32}/media.mp4"


def test_all_failed_videos_are_tried_again_and_no_others(tmp_path: Path) -> None:
    ids = [f"youtube:{n:011d}" for n in range(7)]
    events = [link(video_id) for video_id in ids] + [failed(video_id) for video_id in ids[:5]]
    desk = a_desk(tmp_path, events)
    answer = a_client(desk).post("/v1/retries").json()
    assert (answer["retried"], answer["left"]) == (5, 0)
    assert {event.record_key for event in topics_of(desk).sent} == {*ids[:5]}


def test_erasing_is_for_admins_and_for_what_is_known(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, [link("youtube:dQw4w9WgXcQ")])
    assert a_client(desk, "editor").delete("/v1/videos/youtube:dQw4w9WgXcQ").status_code == 403
    assert a_client(desk, "admin").delete("/v1/videos/youtube:00000000000").status_code == 404
