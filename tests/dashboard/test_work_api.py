"""Releases, jobs, dead letters and the state of the system over the API, as far as no Kafka is needed."""

import threading
import time
from pathlib import Path

import msgspec
import pytest
from desks import a_client, a_desk
from release_examples import KEPT, PUBLISHED, ROLE
from starlette.testclient import TestClient

from dashboard import job_folders
from dashboard.desk import Desk
from dashboard.job_folders import Asked
from dashboard.job_orders import TrainOrder
from dashboard.sampling import Sampler
from schemas.deadletters import EventRejected
from schemas.errors import BrokerUnavailable
from schemas.event import Event
from streams.kafka.admin import GroupLag
from streams.settings import Settings
from streams.target_files import shipped

LIMIT_S = 30.0
HOSTILE = "\x1b[31m<script>alert(1)</script>\u202e"


def letter(number: int, **changes: object) -> EventRejected:
    given = {"stage": "text", "error": HOSTILE, "traceback": f"Traceback\n{HOSTILE}", "value": b'{"a": 1}', "key": b"k"}
    return EventRejected(
        event_id=f"letter-{number}", source_topic="segments", source_partition=1, source_offset=number, attempts=5,
        rejected_at_s=1_763_812_800.0 + number, **(given | changes),
    )  # fmt: skip


EVENTS: list[Event] = [
    *shipped().values(),
    PUBLISHED,
    ROLE,
    msgspec.structs.replace(PUBLISHED, event_id="p2", release_id="second"),
    msgspec.structs.replace(PUBLISHED, event_id="p3", target="engagement", release_id="other"),
    KEPT,
    letter(1),
    letter(2, stage="fetch", value=bytes(range(256)), headers=(("h", b"\xff"),)),
    letter(3, value=None),
    letter(4, value="ü".encode() * 5000),
]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path, EVENTS, settings=Settings(home=tmp_path, kafka="127.0.0.1:1"))


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return a_client(desk)


def test_releases_are_listed_with_their_parts(client: TestClient) -> None:
    rows = client.get("/v1/releases", params={"target": "virality"}).json()
    assert {row["release"]["release_id"]: row["role"] for row in rows} == {"starter-1": "shadow", "second": "serving"}
    assert client.get("/v1/releases/virality/second").json()["role"] == "serving"
    assert client.get("/v1/releases/virality/none").status_code == 404


@pytest.mark.parametrize(("a", "b", "status"), [
    ("virality/second", "engagement/other", 422),
    ("virality/second", "virality/none", 404),
    ("virality", "virality/second", 422),
])  # fmt: skip
def test_a_comparison_that_cannot_be_made_says_why(client: TestClient, a: str, b: str, status: int) -> None:
    answer = client.get("/v1/releases/compare", params={"a": a, "b": b})
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_part_that_there_is_not_is_refused(client: TestClient, desk: Desk) -> None:
    path = "/v1/releases/virality/second/role"
    assert client.put(path, json={"role": "king"}).status_code == 422
    assert client.put("/v1/releases/virality/none/role", json={"role": "shadow"}).status_code == 404
    assert a_client(desk, "editor").put(path, json={"role": "shadow"}).status_code == 403


def test_dead_letters_are_listed_harmlessly_newest_first(client: TestClient) -> None:
    page = client.get("/v1/dead-letters", params={"limit": 3}).json()
    assert [one["source_offset"] for one in page["items"]] == [4, 3, 2]
    assert page["total"] == 4
    assert [one["can_redrive"] for one in page["items"]] == [True, False, True]
    assert all("\x1b" not in one["error"] and "\u202e" not in one["error"] for one in page["items"])
    rest = client.get("/v1/dead-letters", params={"limit": 3, "cursor": page["next_cursor"]}).json()
    assert [one["source_offset"] for one in rest["items"]] == [1]
    assert client.get("/v1/dead-letters", params={"stage": "fetch"}).json()["total"] == 1


@pytest.mark.parametrize(("key", "shown"), [
    ("text/segments/1/1", {"size_bytes": 8, "text": '{"a": 1}', "is_cut": False}),
    ("text/segments/1/3", None),
])  # fmt: skip
def test_the_bytes_of_a_dead_letter_are_text_where_they_are(client: TestClient, key: str, shown: object) -> None:
    found = client.get(f"/v1/dead-letters/{key}").json()
    assert found["value"] == (shown and {**shown, "hex_rows": []})


def test_other_bytes_of_a_dead_letter_are_hex_and_long_ones_are_cut(client: TestClient) -> None:
    raw = client.get("/v1/dead-letters/fetch/segments/1/2").json()
    assert raw["value"]["text"] is None
    assert raw["value"]["hex_rows"][1].startswith("00000010  10 11 12")
    assert raw["headers"]["h"]["hex_rows"] == ["00000000  ff"]
    long = client.get("/v1/dead-letters/text/segments/1/4").json()["value"]
    assert long["is_cut"]
    assert long["size_bytes"] == 10_000
    assert set(long["text"].rstrip("…")) == {"ü"}


@pytest.mark.parametrize(("body", "status"), [
    ({}, 422),
    ({"stage": "text", "everything": True}, 422),
    ({"keys": ["text/segments/1/99"]}, 404),
    ({"keys": ["text/segments/1/3"]}, 422),
])  # fmt: skip
def test_a_redrive_that_cannot_be_done_says_why(client: TestClient, body: dict[str, object], status: int) -> None:
    answer = client.post("/v1/dead-letters/redrive", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_redriving_nothing_is_no_error(client: TestClient) -> None:
    assert client.post("/v1/dead-letters/redrive", json={"stage": "audio"}).json() == {"redriven": 0, "left": 0}


def test_jobs_are_asked_for_listed_and_cancelled(client: TestClient, desk: Desk) -> None:
    first = client.post("/v1/jobs", json={"kind": "train", "target": "virality", "candidate": True})
    assert first.status_code == 202
    second = client.post("/v1/jobs", json={"kind": "replay", "targets": ["virality"], "verify": True}).json()
    assert second["order"] == {"kind": "replay", "targets": ["virality"], "verify": True} | {
        "source": "summaries", "release_id": None, "since": "", "restart": False, "processes": 1,
    }  # fmt: skip
    listed = client.get("/v1/jobs").json()
    assert [job["job_id"] for job in listed] == [second["job_id"], first.json()["job_id"]]
    assert [job["job_id"] for job in client.get("/v1/jobs", params={"kind": "train"}).json()] == [
        first.json()["job_id"]
    ]
    assert a_client(desk, "editor").delete(first.headers["Location"]).status_code == 403
    assert client.delete(f"/v1/jobs/{second['job_id']}").status_code == 200
    assert client.delete(first.headers["Location"]).status_code == 200
    assert client.get(f"/v1/jobs/{second['job_id']}").json()["state"] == "cancelled"


@pytest.mark.parametrize("body", [
    {"kind": "train", "target": "--force"},
    {"kind": "train", "target": "virality", "report": "/etc/passwd"},
    {"kind": "replay", "since": "yesterday"},
    {"kind": "replay", "processes": 1000},
    {"kind": "rm -rf"},
    {},
])  # fmt: skip
def test_only_what_jobs_know_can_be_asked_for(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("/v1/jobs", json=body).status_code == 422
    assert client.get("/v1/jobs").json() == []


def test_a_table_is_imported_from_the_body(client: TestClient, desk: Desk) -> None:
    answer = client.post("/v1/jobs/import", params={"name": "../../Views.CSV"}, content=b"title,views\na,1\n")
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    assert (desk.settings.home / "jobs" / job_id / "table.csv").read_bytes() == b"title,views\na,1\n"
    assert list((desk.settings.home / "incoming").iterdir()) == []
    client.delete(f"/v1/jobs/{job_id}")


@pytest.mark.parametrize(("wanted", "body", "status"), [
    ({"name": "virus.exe"}, b"x", 415),
    ({"name": "a.csv"}, b"", 422),
    ({"name": "a.csv", "what": "labels"}, b"x", 422),
    ({"name": "a.csv", "what": "people"}, b"x", 422),
])  # fmt: skip
def test_what_is_no_table_is_refused(client: TestClient, wanted: dict[str, str], body: bytes, status: int) -> None:
    assert client.post("/v1/jobs/import", params=wanted, content=body).status_code == status
    assert client.get("/v1/jobs").json() == []


def test_a_report_is_served_so_that_it_can_run_nothing(client: TestClient, desk: Desk) -> None:
    folder = job_folders.new_folder(desk.settings.home, Asked(TrainOrder(target="virality"), "ada", time.time()))
    (folder / "started.json").write_bytes(b'{"pid": 1, "at_s": 1.0}')
    (folder / "ended.json").write_bytes(b'{"code": 0, "at_s": 2.0}')
    path = f"/v1/jobs/{folder.name}"
    assert client.get(f"{path}/report").status_code == 404
    assert client.get(f"{path}/log").text == ""
    (folder / "report.html").write_text("<h1>Report</h1>")
    desk.settings.home.joinpath("jobs", folder.name, "log.txt").write_text("a line\n")
    other = a_client(desk, "viewer")  # which has not seen the job without its report
    report = other.get(f"{path}/report")
    assert report.text == "<h1>Report</h1>"
    assert report.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert other.get(f"{path}/log").text == "a line\n"


def test_the_state_of_the_system_is_told_when_kafka_is_away(client: TestClient) -> None:
    client.app._app.state.sampler = Sampler(Settings(), "x", read=_away)
    now = client.get("/v1/operations").json()
    assert now["problem"] == "Kafka is away"
    assert now["stages"] == []
    assert now["dead_letters"] == 4
    assert now["serving"] == {"virality": "second", "engagement": "other"}
    assert now["weeks"][0]["compared"] == 12
    assert "Kafka is away" in now["warnings"]
    assert len(client.get("/v1/scoreboard").json()) == 1


def _away() -> list[GroupLag]:
    raise BrokerUnavailable("Kafka is away")


def test_stages_are_sampled_in_the_background_and_rates_come_from_the_difference(tmp_path: Path) -> None:
    done = iter(range(0, 10_000, 100))
    sampler = Sampler(
        Settings(home=tmp_path), "x",
        read=lambda: [GroupLag(stage="text", members=2, lags={("segments", 0): 7}, committed=next(done))],
    )  # fmt: skip
    first = sampler.now(wait=True)
    assert [(s.stage, s.workers, s.lag, s.events_per_s) for s in first.stages] == [("text", 2, 7, 0.0)]
    assert len(sampler.now().stages[0].lags) == 1  # too soon for another look
    sampler._looked_at_s = float("-inf")
    give_up_at_s = time.monotonic() + LIMIT_S
    while len((sample := sampler.now()).stages[0].lags) < 2:
        assert time.monotonic() < give_up_at_s
        time.sleep(0.01)
    assert sample.stages[0].events_per_s > 0


def test_many_who_look_at_once_cause_one_look(tmp_path: Path) -> None:
    gate, looks = threading.Event(), []

    def read() -> list[GroupLag]:
        looks.append(1)
        gate.wait(LIMIT_S)
        return []

    sampler = Sampler(Settings(home=tmp_path), "x", read=read)
    for _ in range(50):
        sampler.now()
    gate.set()
    assert len(looks) <= 1
