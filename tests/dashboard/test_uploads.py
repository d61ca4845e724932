"""Files come in whole or in pieces, over broken connections and restarts, and take no memory."""

import asyncio
import hashlib
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: JSON

import pytest
from desks import As, a_client, a_desk, topics_of
from starlette.testclient import TestClient

from dashboard.app import create_app
from dashboard.desk import Desk
from dashboard.jobs import STARTING_LOCK
from schemas.links import LinkSubmitted
from streams.locks import try_lock
from streams.settings import Settings

BYTES = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BYTES).hexdigest()
VIDEO_ID = f"file:{SHA256[:32]}"
MB = 2**20


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path)


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return a_client(desk, "editor")


def begin(client: TestClient, **body: object) -> str:
    answer = client.post("/v1/uploads", json={"name": "talk.mp4", "size_bytes": len(BYTES), **body})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def send(client: TestClient, where: str, piece: bytes, *, at: int) -> Any:
    return client.patch(where, content=piece, headers={"Upload-Offset": str(at)})


def the_event(desk: Desk) -> LinkSubmitted:
    (event,) = topics_of(desk).sent
    assert isinstance(event, LinkSubmitted)
    return event


def is_whole(desk: Desk) -> bool:
    event = the_event(desk)
    return event.upload_ref is not None and desk.store.get(event.upload_ref) == BYTES and event.video_id == VIDEO_ID


def test_a_file_in_one_go_is_stored_and_submitted(client: TestClient, desk: Desk) -> None:
    answer = client.put("/v1/uploads", params={"name": "Talk.MP4", "title": "Water"}, content=BYTES)
    assert (answer.status_code, answer.json()["video_id"]) == (201, VIDEO_ID)
    event = the_event(desk)
    assert is_whole(desk)
    assert (event.upload_name, event.title, event.submitted_by) == ("Talk.MP4", "Water", "maria")
    assert event.upload_ref == f"videos/file/{SHA256[:32]}/media.mp4"


def test_a_body_of_unknown_length_is_taken(client: TestClient, desk: Desk) -> None:
    def body() -> Iterator[bytes]:
        yield from (BYTES[:1000], BYTES[1000:])

    assert client.put("/v1/uploads", params={"name": "a.webm"}, content=body()).status_code == 201
    assert is_whole(desk)


def test_a_file_in_pieces_is_asked_for_and_gone_on_with(client: TestClient, desk: Desk) -> None:
    where = begin(client)
    assert send(client, where, BYTES[:100_000], at=0).headers["Upload-Offset"] == "100000"
    told = client.head(where)
    assert (told.headers["Upload-Offset"], told.headers["Upload-Length"]) == ("100000", str(len(BYTES)))
    assert told.headers["Upload-Complete"] == "?0"
    last = send(client, where, BYTES[100_000:], at=100_000)
    assert (last.json()["state"], last.json()["video_id"], last.headers["Upload-Complete"]) == (
        "finished",
        VIDEO_ID,
        "?1",
    )
    assert is_whole(desk)


def test_a_restart_in_the_middle_loses_nothing(client: TestClient, desk: Desk) -> None:
    where = begin(client)
    send(client, where, BYTES[:77_777], at=0)
    after = a_client(desk, "editor")
    assert after.head(where).headers["Upload-Offset"] == "77777"
    send(after, where, BYTES[77_777:], at=77_777)
    assert is_whole(desk)


def test_a_piece_that_does_not_fit_says_where_to_go_on(client: TestClient, desk: Desk) -> None:
    where = begin(client)
    send(client, where, BYTES[:1000], at=0)
    answer = send(client, where, BYTES[500:2000], at=500)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "1000")
    send(client, where, BYTES[1000:], at=1000)
    assert is_whole(desk)


def test_the_last_piece_again_submits_nothing_again(client: TestClient, desk: Desk) -> None:
    where = begin(client)
    client.put(where, content=BYTES)
    again = send(client, where, b"", at=len(BYTES))
    assert (again.status_code, again.json()["video_id"]) == (200, VIDEO_ID)
    assert len(topics_of(desk).sent) == 1


def test_more_than_was_announced_is_refused(client: TestClient, desk: Desk) -> None:
    where = begin(client, size_bytes=1000)
    assert send(client, where, BYTES, at=0).status_code == 413
    assert client.head(where).headers["Upload-Offset"] == "0"
    assert topics_of(desk).sent == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_over_the_limit_is_refused_and_leaves_nothing(announced: bool, tmp_path: Path) -> None:
    desk = a_desk(tmp_path, settings=Settings(home=tmp_path, fetch_max_bytes=1000))
    client = a_client(desk)
    body = BYTES if announced else iter([BYTES])
    assert client.put("/v1/uploads", params={"name": "a.mp4"}, content=body).status_code == 413
    assert list((tmp_path / "dashboard" / "uploads").glob("*")) == []


def test_an_empty_file_is_refused(client: TestClient) -> None:
    assert client.put("/v1/uploads", params={"name": "a.mp4"}, content=b"").json()["type"] == "/problems/empty"


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x.mp4", "C:\\videos\\a.mp4", "a\r\nSet-Cookie: b.mp4", "\u202e4pm.exe", "", "." * 200]
)
def test_a_hostile_name_stays_a_name(name: str, client: TestClient, desk: Desk, tmp_path: Path) -> None:
    assert client.put("/v1/uploads", params={"name": name}, content=BYTES).status_code == 201
    event = the_event(desk)
    assert is_whole(desk)
    assert event.upload_name
    assert not set(event.upload_name) & set("/\\\r\n\u202e")
    assert {path.name for path in (tmp_path / "media").iterdir()} == {"videos"}


def test_a_full_disk_is_said_and_the_upload_can_go_on(client: TestClient, desk: Desk, tmp_path: Path) -> None:
    where = begin(client)
    part = next((tmp_path / "dashboard" / "uploads").glob("*.part"))
    part.unlink()
    part.symlink_to("/dev/full")
    answer = send(client, where, BYTES[:1000], at=0)
    assert (answer.status_code, answer.json()["type"]) == (507, "/problems/disk-full")
    part.unlink()
    part.touch()
    send(client, where, BYTES, at=0)
    assert is_whole(desk)


def test_a_file_larger_than_the_disk_is_refused_before_it_comes(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, settings=Settings(home=tmp_path, fetch_max_bytes=2**60))
    answer = a_client(desk).post("/v1/uploads", json={"name": "a.mp4", "size_bytes": 2**59})
    assert answer.status_code == 507


def test_what_nobody_goes_on_with_is_removed_after_a_day(client: TestClient, tmp_path: Path) -> None:
    old, young = begin(client), begin(client)
    for path in (tmp_path / "dashboard" / "uploads").glob(f"{old.rsplit('/', 1)[-1]}.*"):
        os.utime(path, (time.time() - 90_000,) * 2)
    begin(client)
    assert (client.head(old).status_code, client.head(young).status_code) == (404, 204)


def test_uploads_are_listed_after_a_refresh_and_can_be_dropped(client: TestClient) -> None:
    where = begin(client)
    (item,) = client.get("/v1/uploads").json()["items"]
    assert item["wish"]["name"] == "talk.mp4"
    assert client.delete(where).status_code == 204
    assert client.get("/v1/uploads").json()["items"] == []


def test_erasing_a_video_forgets_its_upload(client: TestClient, desk: Desk, tmp_path: Path) -> None:
    begin(client)
    where = client.put("/v1/uploads", params={"name": "secret name.mp4"}, content=BYTES).headers["Location"]
    (tmp_path / "jobs").mkdir()
    held = try_lock(tmp_path / "jobs" / STARTING_LOCK)  # so that no job starts
    assert held is not None
    admin = a_client(desk, "admin")
    job = admin.delete(f"/v1/videos/{VIDEO_ID}").json()
    assert admin.delete(f"/v1/jobs/{job['job_id']}").json()["state"] == "cancelled"
    os.close(held)
    assert client.head(where).status_code == 404
    assert len(client.get("/v1/uploads").json()["items"]) == 1


def test_a_large_file_takes_little_memory(desk: Desk) -> None:
    app, block, count = As(create_app(desk), "editor"), os.urandom(MB // 16), 48 * 16
    asyncio.run(put(app, (block for _ in range(16))))
    tracemalloc.start()
    try:
        status = asyncio.run(put(app, (block for _ in range(count))))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    event = topics_of(desk).sent[-1]
    assert isinstance(event, LinkSubmitted)
    assert status == 201
    assert desk.store.local(event.upload_ref or "").stat().st_size == 48 * MB
    assert peak_bytes < 12 * MB


async def put(app: As, body: Iterator[bytes]) -> int:
    """Send a file as a server hands it in, block by block; the status."""
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        block = next(body, None)
        return {"type": "http.request", "body": block or b"", "more_body": block is not None}

    async def hear(message: Any) -> None:
        said.append(message)

    path = "/v1/uploads"
    scope = {"type": "http", "method": "PUT", "path": path, "query_string": b"name=a.mp4", "headers": []}
    await app(scope, receive, hear)
    return int(said[0]["status"])


def test_a_viewer_may_not_upload(desk: Desk) -> None:
    assert a_client(desk, "viewer").put("/v1/uploads", params={"name": "a.mp4"}, content=BYTES).status_code == 403
