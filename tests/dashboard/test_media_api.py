"""Pictures and videos are shown when the library names them, harmlessly; nothing else of the store is."""

from pathlib import Path

import examples
import msgspec
import numpy as np
import pytest
from desks import a_client, a_desk, topics_of
from frame_zips import zip_of
from starlette.testclient import TestClient

from dashboard.desk import Desk
from dashboard.media_types import media_type_of

FOLDER = "videos/youtube/Xq3kT9mZ2aE"
JPEG = b"\xff\xd8\xff\xe0 a picture"
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 40
MEDIA, THUMBNAIL, CROP = f"{FOLDER}/media.mp4", f"{FOLDER}/thumbnail.jpg", f"{FOLDER}/{examples.REVISION}/faces/2-1.jpg"
FRAMES = f"{FOLDER}/{examples.REVISION}/segments/2.zip"

FETCHED = msgspec.structs.replace(examples.FETCHED, media_ref=MEDIA, thumbnail_ref=THUMBNAIL)
TRACKED = msgspec.structs.replace(examples.TRACKED, crop_ref=CROP)
CUT = msgspec.structs.replace(examples.CUT, frames_ref=FRAMES)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = a_desk(tmp_path, [examples.LINK, FETCHED, CUT, TRACKED])
    for ref, data in {MEDIA: MP4, THUMBNAIL: JPEG, CROP: JPEG, f"{FOLDER}/fetched.json": b"{}"}.items():
        desk.store.put(ref, data)
    return desk


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return a_client(desk, "viewer")


@pytest.mark.parametrize(
    ("ref", "kind"),
    [(MEDIA, "video/mp4"), (THUMBNAIL, "image/jpeg"), (CROP, "image/jpeg")],
    ids=["media", "th", "crop"],
)
def test_what_the_library_names_is_shown_as_what_it_is(ref: str, kind: str, client: TestClient, desk: Desk) -> None:
    answer = client.get(f"/v1/media/{ref}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content == desk.store.get(ref)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "ref",
    [
        f"{FOLDER}/fetched.json",
        f"{FOLDER}/{examples.REVISION}/segments/2.zip",
        "content/abc",
        f"{FOLDER}/../../../../etc/passwd",
        f"{FOLDER}/%2e%2e/%2e%2e/etc/passwd",
        "videos/youtube/00000000000/thumbnail.jpg",
        "/etc/passwd",
        "videos",
        "",
    ],
)
def test_nothing_else_of_the_store_is_shown(ref: str, client: TestClient) -> None:
    assert client.get(f"/v1/media/{ref}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None)]
)
def test_a_player_can_seek(asked: str, first: int, last: int | None, client: TestClient) -> None:
    answer = client.get(f"/v1/media/{MEDIA}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, MP4[first:last])
    assert answer.headers["content-range"].endswith(f"/{len(MP4)}")


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "nonsense"])
def test_a_range_that_is_none_gives_the_whole_file(asked: str, client: TestClient) -> None:
    assert client.get(f"/v1/media/{MEDIA}", headers={"Range": asked}).status_code == 200


def test_a_range_behind_the_end_is_a_problem_that_says_how_long_it_is(client: TestClient) -> None:
    answer = client.get(f"/v1/media/{MEDIA}", headers={"Range": f"bytes={len(MP4)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(MP4)}")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_picture_that_a_browser_has_is_not_sent_again(client: TestClient) -> None:
    etag = client.get(f"/v1/media/{THUMBNAIL}").headers["etag"]
    assert client.get(f"/v1/media/{THUMBNAIL}", headers={"If-None-Match": etag}).status_code == 304


def test_a_page_that_calls_itself_a_picture_is_only_saved(client: TestClient, desk: Desk) -> None:
    desk.store.put(THUMBNAIL, b"<html><script>alert(1)</script>")
    answer = client.get(f"/v1/media/{THUMBNAIL}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_what_was_cleaned_up_or_taken_back_is_not_shown(client: TestClient, desk: Desk) -> None:
    assert client.get(f"/v1/media/{THUMBNAIL}").status_code == 200
    topics_of(desk).take_back([examples.LINK, FETCHED, CUT, TRACKED])
    assert client.get(f"/v1/media/{THUMBNAIL}").status_code == 404


def test_the_picture_nearest_to_a_time_is_shown(client: TestClient, desk: Desk) -> None:
    dark, light = (np.full((8, 8, 3), value, np.uint8) for value in (0, 255))
    desk.store.put(FRAMES, zip_of({12_500: dark, 15_500: light}))
    early, near, other, late = (
        client.get(f"/v1/videos/{CUT.video_id}/frames/{ms}.jpg") for ms in (0, 12_900, 15_000, 99_000)
    )
    assert early.content == near.content != other.content == late.content
    assert early.headers["content-type"] == "image/jpeg"
    assert early.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize("data", [None, b"not a zip"])
def test_pictures_that_are_gone_are_not_found(data: bytes | None, client: TestClient, desk: Desk) -> None:
    if data is not None:
        desk.store.put(FRAMES, data)
    assert client.get(f"/v1/videos/{CUT.video_id}/frames/0.jpg").status_code == 404


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x1aE\xdf\xa3\x01\x00\x00\x00B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\x01\x00\x00\x00B\x82\x88matroska", "video/x-matroska"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/mp4"),
        (b"<svg xmlns=", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_files_are_told_by_their_first_bytes(head: bytes, kind: str) -> None:
    assert media_type_of(head) == kind
