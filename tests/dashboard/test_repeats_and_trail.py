"""Trying again is safe, and whatever changes something leaves a line."""

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: JSON

import pytest
from doors import OUR_PAGE, Doors, doors_of
from fastapi import FastAPI
from fastapi.responses import Response
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel
from starlette.testclient import TestClient
from starlette.types import Message

from dashboard.access.audit import MOST_FILES, Entry, Trail
from dashboard.access.database import open_database
from dashboard.access.repeats import KEPT_S, MOST_ANSWERS, Answer, Answers
from dashboard.access.roles import Editor, Viewer
from dashboard.api.answers import Json
from dashboard.problems import Problem

KEY = {"Idempotency-Key": "7b0a"}


class Order(BaseModel):
    """What the test's own route takes."""

    what: str = ""


class Shop:
    """A route that does something each time it is called."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.is_broken = False
        self.gate = asyncio.Event()

    def open(self, app: FastAPI) -> None:
        """Add the routes."""

        @app.post("/v1/orders/{shelf}", status_code=201)
        def order(shelf: str, body: Order, caller: Editor) -> Response:
            self.done.append(body.what)
            if self.is_broken:
                raise Problem(503, "unavailable", "A part does not answer")
            return Json({"number": len(self.done)}, 201, headers={"Location": f"/v1/orders/{len(self.done)}"})

        @app.post("/v1/slow")
        async def slow(caller: Viewer) -> Response:
            self.done.append("slow")
            await self.gate.wait()
            return Json({})


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def doors(tmp_path: Path, shop: Shop) -> Iterator[Doors]:
    with doors_of(tmp_path, add=shop.open) as made:
        yield made


def order(client: TestClient, what: str, *, shelf: str = "a", **headers: str) -> tuple[int, Any]:
    answer = client.post(f"/v1/orders/{shelf}", json={"what": what}, headers=KEY | headers)
    return answer.status_code, answer.json()


def test_the_same_key_does_it_once_and_gives_the_same_answer(doors: Doors, shop: Shop) -> None:
    client = doors.program("editor")
    first, second = (client.post("/v1/orders/a", json={"what": "tea"}, headers=KEY) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, {"number": 1})
    assert first.headers["Location"] == second.headers["Location"]
    assert shop.done == ["tea"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_without_a_key_it_is_done_each_time(doors: Doors, shop: Shop) -> None:
    client = doors.program("editor")
    for _ in range(2):
        client.post("/v1/orders/a", json={"what": "tea"})
    assert shop.done == ["tea", "tea"]


@pytest.mark.parametrize(("what", "shelf"), [("coffee", "a"), ("tea", "b")])
def test_the_same_key_for_another_request_is_refused(doors: Doors, shop: Shop, what: str, shelf: str) -> None:
    client = doors.program("editor")
    order(client, "tea")
    status, problem = order(client, what, shelf=shelf)
    assert (status, problem["type"]) == (422, "/problems/key-used")
    assert shop.done == ["tea"]


def test_a_key_is_each_callers_own(doors: Doors, shop: Shop) -> None:
    order(doors.program("editor", name="one"), "tea")
    order(doors.program("editor", name="two"), "tea")
    assert shop.done == ["tea", "tea"]


def test_what_failed_on_our_side_may_be_tried_again_with_its_key(doors: Doors, shop: Shop) -> None:
    client = doors.program("editor")
    shop.is_broken = True
    assert order(client, "tea")[0] == 503
    shop.is_broken = False
    assert order(client, "tea")[0] == 201


def test_a_refusal_for_want_of_a_role_is_not_kept(doors: Doors, shop: Shop) -> None:
    assert order(doors.program("viewer", name="tablet"), "tea")[0] == 403
    assert order(doors.program("editor", name="tablet"), "tea")[0] == 201


def test_answers_survive_a_restart(tmp_path: Path, shop: Shop) -> None:
    for _ in range(2):
        with doors_of(tmp_path, add=shop.open) as doors:
            assert order(doors.program("editor"), "tea") == (201, {"number": 1})
    assert shop.done == ["tea"]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_a_key_that_cannot_be_one_is_refused(doors: Doors, key: str) -> None:
    answer = doors.program("editor").post("/v1/orders/a", json={}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-key")


def test_a_second_request_waits_for_its_turn_while_the_first_is_at_work(doors: Doors, shop: Shop) -> None:
    token = doors.token("viewer")

    async def both() -> tuple[int, int]:
        transport = ASGITransport(doors.guarded)
        headers = {"Authorization": f"Bearer {token}"} | KEY
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8484", headers=headers) as client:
            first = asyncio.create_task(client.post("/v1/slow"))
            while not shop.done:
                await asyncio.sleep(0)
            second = await client.post("/v1/slow")
            shop.gate.set()
            return (await first).status_code, second.status_code

    assert asyncio.run(both()) == (200, 409)
    assert shop.done == ["slow"]


def test_a_request_that_breaks_off_in_the_middle_is_not_done_by_half(doors: Doors, shop: Shop) -> None:
    pieces = [{"type": "http.request", "body": b'{"what":"t"}', "more_body": True}, {"type": "http.disconnect"}]
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {doors.token('editor')}".encode())]
    headers += [(b"content-type", b"application/json"), (b"idempotency-key", b"7b0a")]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/orders/a", "raw_path": b"/v1/orders/a", "query_string": b"",
        "headers": headers, "client": ("192.0.2.1", 1), "scheme": "http", "server": ("localhost", 80), "root_path": "",
    }  # fmt: skip
    sent: list[object] = []

    async def receive() -> Message:
        return pieces.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(doors.guarded(scope, receive, send))
    assert (shop.done, sent) == ([], [])
    assert order(doors.program("editor"), "tea") == (201, {"number": 1}), "its key was not used up"


def test_a_request_that_is_too_large_uses_up_no_key(doors: Doors, shop: Shop) -> None:
    client = doors.program("editor")
    answer = client.post("/v1/orders/a", content=(bytes(2**19) for _ in range(4)), headers=KEY)
    assert answer.status_code == 413
    assert order(client, "tea") == (201, {"number": 1})


def test_answers_are_kept_for_a_day_and_not_without_end(tmp_path: Path) -> None:
    now_s = [0.0]
    database = open_database(tmp_path)
    answers = Answers(database, now_s=lambda: now_s[0])
    answer = Answer(200, ((b"a", b"b"),), b"body")
    answers.keep("maria", "k", request=b"r", answer=answer)
    assert answers.find("maria", "k") == (b"r", answer)
    now_s[0] = KEPT_S + 1
    assert answers.find("maria", "k") is None
    database.all(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i <= ?) "
        "insert into answers select 'flood', i, '', ?, '' from n",
        (MOST_ANSWERS + 50, now_s[0]),
    )
    answers.keep("maria", "new", request=b"r", answer=answer)
    assert database.one("select count(*) from answers") == (MOST_ANSWERS,)
    assert answers.find("maria", "new") is not None
    database.close()


def test_a_change_leaves_a_line_without_what_was_said(doors: Doors, tmp_path: Path) -> None:
    order(doors.program("editor", name="importer"), "a secret", shelf="upper")
    (entry,) = list(doors.trail.newest_first())
    assert (entry.name, entry.role, entry.way, entry.address) == ("importer", "editor", "token", "192.0.2.1")
    assert (entry.method, entry.path, entry.status) == ("POST", "/v1/orders/upper", 201)
    assert (entry.route, entry.ids) == ("/v1/orders/{shelf}", {"shelf": "upper"})
    file = tmp_path / "dashboard" / "audit.jsonl"
    assert "secret" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_was_refused_is_on_the_trail_too(doors: Doors) -> None:
    doors.user("maria", "viewer")
    browser = doors.browser("maria")
    browser.post("/v1/orders/a", json={}, headers=OUR_PAGE)
    browser.post("/v1/orders/a", json={}, headers={"Origin": "https://evil.example"})
    doors.client().post("/login", json={"name": "maria", "password": "wrong password"})
    found = [(e.path, e.status, e.name, e.ids) for e in doors.trail.newest_first()]
    assert found == [
        ("/login", 401, "", {"name": "maria"}),
        ("/v1/orders/a", 403, "maria", {}),
        ("/v1/orders/a", 403, "maria", {"shelf": "a"}),
        ("/login", 200, "maria", {"name": "maria"}),
    ]


def test_reading_leaves_nothing(doors: Doors) -> None:
    doors.owner().get("/v1/me")
    assert list(doors.trail.newest_first()) == []


def test_admins_read_the_trail_by_pages_and_by_name(doors: Doors) -> None:
    for number in range(5):
        entry = Entry(
            at_s=float(number), name="maria" if number % 2 else "jan", role="editor", way="session", address="",
            method="POST", path=f"/{number}", status=200,
        )  # fmt: skip
        doors.trail.note(entry)
    admin = doors.program("admin")
    first = admin.get("/v1/audit?limit=2").json()
    assert [e["path"] for e in first["items"]] == ["/4", "/3"]
    second = admin.get("/v1/audit", params={"limit": 3, "before_s": first["next_before_s"]}).json()
    assert ([e["path"] for e in second["items"]], second["next_before_s"]) == (["/2", "/1", "/0"], None)
    assert [e["path"] for e in admin.get("/v1/audit?name=maria").json()["items"]] == ["/3", "/1"]
    assert doors.program("editor").get("/v1/audit").status_code == 403
    assert admin.get("/v1/audit?limit=201").status_code == 422


def test_the_trail_turns_and_the_oldest_goes(tmp_path: Path) -> None:
    trail = Trail(tmp_path, largest_bytes=1000)
    for number in range(200):
        trail.note(Entry(at_s=number, name="m", role="", way="", address="", method="POST", path="/", status=200))
    times = [entry.at_s for entry in trail.newest_first()]
    assert times == sorted(times, reverse=True)
    assert times[0] == 199
    assert len(times) < 200
    assert len(list(tmp_path.glob("dashboard/audit.jsonl*"))) == MOST_FILES


def test_a_line_that_a_crash_cut_off_hides_no_other(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    trail.note(Entry(at_s=1, name="m", role="", way="", address="", method="POST", path="/", status=200))
    with trail.path.open("a") as file:
        file.write('{"at_s":2,"na')
    assert [entry.at_s for entry in trail.newest_first()] == [1]
