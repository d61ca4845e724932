"""The gallery over the API: lists, commands with who gave them, undo, photos, and what is never handed out."""

import base64
from pathlib import Path

import msgspec
import pytest
from desks import a_client, a_desk, topics_of
from people import Machine, command, photo, video
from starlette.testclient import TestClient

from dashboard.access.role_names import Role
from dashboard.desk import Desk
from schemas.commands import (
    CommandTaken,
    CommandUndone,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
)
from schemas.event import Event
from schemas.outcomes import OutcomeObserved

TRACK = "url:one/0/0"


def gallery() -> tuple[list[Event], list[str]]:
    """Three people in two videos, the first of them named; events as they lie on topics, and ids, most seen first."""
    machine = Machine()
    seen = [*video("url:one", ["ada", "eve"], ["ada"]), *video("url:two", ["ada"], ["bob"])]
    said = list(machine.feed(*seen))
    most_seen = sorted(machine.identities.values(), key=lambda p: (-p.screen_s, p.identity_id))
    ids = [person.identity_id for person in most_seen]
    naming = command(IdentityNamed, identity_id=ids[0], name="Ada", by="maria")
    told = machine.feed(CommandTaken(event_id="taken", command=naming))
    outcomes = [
        OutcomeObserved(event_id="o1", video_id="url:one", age_h=720, views=100, likes=10, comments=0),
        OutcomeObserved(event_id="o2", video_id="url:two", age_h=720, views=10_000, likes=100, comments=0),
    ]
    return [*seen, *said, naming, *told, *outcomes], ids


@pytest.fixture
def ids() -> list[str]:
    return gallery()[1]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path, gallery()[0])


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return a_client(desk, "editor")


def test_people_are_listed_and_shown_most_seen_first(client: TestClient, ids: list[str]) -> None:
    page = client.get("/v1/people", params={"limit": 2}).json()
    assert page["items"][0]["identity_id"] == ids[0]
    assert page["items"][0]["name"] == "Ada"
    assert page["total"] == 3
    rest = client.get("/v1/people", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert {person["identity_id"] for person in (*page["items"], *rest["items"])} == set(ids)
    shown = client.get(f"/v1/people/{ids[0]}").json()
    assert len(shown["faces"]) == 3
    assert "vector" not in str(shown)


def test_people_are_ranked_by_the_geometric_mean_of_their_videos(client: TestClient, ids: list[str]) -> None:
    ranked = client.get("/v1/influence").json()
    views = {person["identity_id"]: round(person["views"]) for person in ranked}
    assert views[ids[0]] == 1004  # of 100 and 10,000, each plus one
    assert list(views.values()) == sorted(views.values(), reverse=True)
    by_time = client.get("/v1/influence", params={"by": "screen_s", "limit": 1}).json()
    assert [person["identity_id"] for person in by_time] == [ids[0]]


@pytest.mark.parametrize(("method", "path", "body", "kind"), [
    ("PUT", "/name", {"name": " Ada  Lovelace "}, IdentityNamed),
    ("PUT", "/name", {"name": ""}, IdentityNamed),
    ("POST", "/merge", {"from_id": "person:0000000000000000"}, IdentitiesMerged),
    ("POST", "/split", {"tracks": [TRACK, TRACK]}, IdentitySplit),
    ("POST", "/not", {"track": TRACK}, IdentityNot),
])  # fmt: skip
def test_a_command_reaches_the_gallery_with_who_gave_it(
    desk: Desk, client: TestClient, ids: list[str], method: str, path: str, body: dict[str, object], kind: type
) -> None:
    answer = client.request(method, f"/v1/people/{ids[0]}{path}", json=body)
    assert answer.status_code == 200, answer.text
    (asked,) = topics_of(desk).asked
    assert isinstance(asked, kind)
    assert asked.by == "maria"
    assert answer.json()["command_id"] == asked.event_id


@pytest.mark.parametrize(("path", "body"), [
    ("/name", {"name": "a\x1b[31m"}),
    ("/name", {"name": "x" * 201}),
    ("/merge", {"from_id": "nobody"}),
    ("/merge", {"from_id": "SELF"}),
    ("/split", {"tracks": []}),
    ("/split", {"tracks": ["../../x"]}),
    ("/not", {"track": "url:one"}),
    ("/not", {}),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_is_asked(
    desk: Desk, client: TestClient, ids: list[str], path: str, body: dict[str, str]
) -> None:
    body = {name: ids[0] if value == "SELF" else value for name, value in body.items()}
    method = "PUT" if path == "/name" else "POST"
    answer = client.request(method, f"/v1/people/{ids[0]}{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert topics_of(desk).asked == []


def test_undo_takes_the_last_change_back_or_the_one_that_is_named(desk: Desk, client: TestClient) -> None:
    assert client.post("/v1/people/undo", json={}).status_code == 200
    assert client.post("/v1/people/undo", json={"command_id": "that-one"}).status_code == 200
    last, named = topics_of(desk).asked
    assert isinstance(last, CommandUndone)
    assert last.command_id == "IdentityNamed-1"
    assert isinstance(named, CommandUndone)
    assert named.command_id == "that-one"


def test_undo_says_when_there_is_nothing(tmp_path: Path) -> None:
    answer = a_client(a_desk(tmp_path)).post("/v1/people/undo", json={})
    assert answer.status_code == 404
    assert answer.json()["title"] == "Nothing can be taken back"


def test_what_was_done_is_listed_without_faces(tmp_path: Path) -> None:
    enrolled = command(IdentityEnrolled, name="Ada", photos=(photo("ada"),), by="maria")
    desk = a_desk(tmp_path, [enrolled])
    (row,) = a_client(desk, "viewer").get("/v1/people/commands").json()
    assert row["command"]["name"] == "Ada"
    assert row["command"]["photos"] == []


def test_forgetting_is_a_job_that_only_an_admin_may_start(desk: Desk, ids: list[str]) -> None:
    assert a_client(desk, "editor").delete(f"/v1/people/{ids[0]}").status_code == 403
    client = a_client(desk, "admin")
    answer = client.delete(f"/v1/people/{ids[0]}")
    assert answer.status_code == 202
    assert answer.json()["order"] == {"kind": "erase", "what": ids[0], "prove": False}
    job = answer.headers["Location"]
    assert client.delete(job).status_code in (200, 409)
    assert client.delete("/v1/people/person:0000000000000000").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_a_viewer_changes_nobody(desk: Desk, ids: list[str], role: Role) -> None:
    answer = a_client(desk, role).put(f"/v1/people/{ids[0]}/name", json={"name": "Eve"})
    assert answer.status_code == (403 if role == "viewer" else 200)


@pytest.mark.parametrize(("content_type", "body", "words"), [
    ("application/json", b"{}", "photos"),
    ("application/json", b"not json", "JSON"),
    ("application/json", msgspec.json.encode({"name": "Ada", "photos": ["!!"]}), "base64"),
    ("application/json", msgspec.json.encode({"name": "Ada", "photos": [""]}), "0 bytes"),
    ("image/jpeg", b"", "0 bytes"),
    ("image/png", b"\x89PNG no picture", "no picture"),
    ("application/json", msgspec.json.encode({"name": "A", "photos": [base64.b64encode(b"x").decode()] * 9}), "8"),
])  # fmt: skip
def test_what_is_no_picture_enrols_nobody(
    desk: Desk, client: TestClient, content_type: str, body: bytes, words: str
) -> None:
    answer = client.post("/v1/people", params={"name": "Ada"}, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert topics_of(desk).asked == []
