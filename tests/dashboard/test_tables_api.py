"""Tables in and out: links, outcomes, predictions."""

import asyncio
import csv
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any  # Any: JSON

import examples
import msgspec
import pytest
from desks import As, a_client, a_desk, topics_of
from starlette.testclient import TestClient

from dashboard.app import create_app
from dashboard.desk import Desk
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored

CSV = {"Content-Type": "text/csv; charset=utf-8"}
TSV = {"Content-Type": "text/tab-separated-values"}
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return a_desk(tmp_path, [examples.LINK, examples.FETCHED, examples.SCORED])


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return a_client(desk, "editor")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (CSV, "\ufeffURL,title\nhttps://youtu.be/aaaaaaaaaaa,One\n/etc/passwd,Two\nhttps://youtu.be/bbbbbbbbbbb,\n"),
        (TSV, "link\ttitle\nhttps://youtu.be/aaaaaaaaaaa\tOne\nnonsense\t\nhttps://youtu.be/bbbbbbbbbbb\t\n"),
        (TEXT, "# my links\nhttps://youtu.be/aaaaaaaaaaa\n\nnonsense\nhttps://youtu.be/bbbbbbbbbbb"),
    ],
    ids=["csv", "tsv", "text"],
)
def test_every_line_of_a_table_is_answered(headers: dict[str, str], body: str, client: TestClient, desk: Desk) -> None:
    answer = client.post("/v1/batches", content=body.encode(), headers=headers).json()
    assert [item["state"] for item in answer["items"]] == ["submitted", "refused", "submitted"]
    assert answer["items"][2]["where"].endswith(":4" if headers is not TEXT else ":5")
    assert [event.record_key for event in topics_of(desk).sent] == ["youtube:aaaaaaaaaaa", "youtube:bbbbbbbbbbb"]


def test_thousands_of_lines_are_taken_at_once(client: TestClient, desk: Desk) -> None:
    body = "url\n" + "".join(f"https://youtu.be/{n:011d}\n" for n in range(5000))
    answer = client.post("/v1/batches", content=body, headers=CSV)
    assert answer.json()["submitted"] == len(topics_of(desk).sent) == 5000


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (CSV, b"colour,size\nblue,3\n", 422),
        (CSV, b"url\n\xff\xfe\n", 422),
        (CSV, b"", 422),
        (CSV, b"url\n", 422),
        (CSV, b'url\n"' + b"a" * 200_000, 422),
        (CSV, b"url\n" + b"x\n" * 10_001, 413),
        (CSV, b"u" * (9 * 2**20), 413),
        ({"Content-Type": "application/zip"}, b"PK", 415),
    ],
    ids=["no column", "not text", "empty", "no lines", "open quote", "too many", "too large", "another kind"],
)
def test_what_is_no_table_of_links_is_a_problem(
    headers: dict[str, str], body: bytes, status: int, client: TestClient, desk: Desk
) -> None:
    answer = client.post("/v1/batches", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert topics_of(desk).sent == []


def test_predictions_are_a_table_without_formulas(tmp_path: Path) -> None:
    title = '=HYPERLINK("https://evil.example","x")'
    metadata = msgspec.structs.replace(examples.METADATA, title=title, channel="+1")
    fetched = msgspec.structs.replace(examples.FETCHED, metadata=metadata)
    scored = msgspec.structs.replace(examples.SCORED, value=-4.1, suggestions=("=1+1",))
    client = a_client(a_desk(tmp_path, [examples.LINK, fetched, scored]), "viewer")
    answer = client.get("/v1/predictions.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["title"], row["channel"], row["suggestions"]) == (f"'{title}", "'+1", "'=1+1")
    assert (row["video_id"], row["value"], row["low"]) == (examples.VIDEO_ID, "-4.1", "2.9")
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.csv"'


def test_predictions_are_lines_of_events(client: TestClient) -> None:
    (line,) = client.get("/v1/predictions.jsonl").text.splitlines()
    assert msgspec.json.decode(line, type=VideoScored) == examples.SCORED
    assert client.get("/v1/predictions.jsonl", params={"target": "luck"}).text == ""


def test_predictions_follow_the_whole_question_that_a_list_is_asked(client: TestClient) -> None:
    channel = examples.METADATA.channel
    whole = {"channel": channel, "target": "virality", "sort": "value", "descending": "false", "state": "done"}
    row = client.get("/v1/videos", params=whole).json()["items"][0]
    assert [
        line["video_id"] for line in csv.DictReader(io.StringIO(client.get("/v1/predictions.csv", params=whole).text))
    ] == [row["video_id"]]
    for other in (
        {"state": "failed"},
        {"channel": "Nobody"},
        {"text": "nothing"},
        {"until_s": 5},
        {"predicted_since_s": 9e9},
    ):
        assert client.get("/v1/predictions.jsonl", params={**whole, **other}).text == ""


@pytest.mark.parametrize("question", [{"sort": "value"}, {"sort": "size"}, {"colour": "red"}])
def test_a_question_that_no_list_answers_is_refused_before_a_table_begins(
    question: dict[str, str], client: TestClient
) -> None:
    answer = client.get("/v1/predictions.csv", params=question)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_long_table_takes_little_memory(tmp_path: Path) -> None:
    events = [
        msgspec.structs.replace(examples.SCORED, event_id=f"e{n}", video_id=f"youtube:{n:011d}", suggestions=("x" * 2000,))
        for n in range(3000)
    ]  # fmt: skip
    app = As(create_app(a_desk(tmp_path, events)), "viewer")
    tracemalloc.start()
    try:
        size_bytes = asyncio.run(length_of(app, "/v1/predictions.jsonl"))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size_bytes > 3000 * 2000
    assert peak_bytes < size_bytes / 2


async def length_of(app: As, path: str) -> int:
    """Count the bytes of an answer without keeping them."""
    size_bytes = 0

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def hear(message: Any) -> None:
        nonlocal size_bytes
        size_bytes += len(message.get("body", b""))

    await app({"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}, receive, hear)
    return size_bytes


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, [{"video_id": "youtube:aaaaaaaaaaa", "observed_at": "2026-05-31", "views": 9120, "likes": "1,033"}]),
        (CSV, "video_id,observed_at,views,likes\nyoutube:aaaaaaaaaaa,2026-05-31,9120,1033\n"),
        ({"Content-Type": "application/x-ndjson"}, '{"id":"youtube:aaaaaaaaaaa","views":9120,"likes":1033}\n'),
    ],
    ids=["json", "csv", "lines"],
)
def test_outcomes_are_taken_from_rows(headers: dict[str, str], body: Any, client: TestClient, desk: Desk) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = client.post("/v1/outcomes", content=content, headers=headers or {"Content-Type": "application/json"})
    assert answer.json()["outcomes"] == 1, answer.text
    (event,) = topics_of(desk).sent
    assert isinstance(event, OutcomeObserved)
    assert (event.video_id, event.views, event.likes) == ("youtube:aaaaaaaaaaa", 9120, 1033)
    found = client.get("/v1/outcomes", params={"video_id": "youtube:aaaaaaaaaaa"}).json()["items"]
    assert [outcome["views"] for outcome in found] == [9120]


def test_a_dry_run_says_what_columns_mean_and_sends_nothing(client: TestClient, desk: Desk) -> None:
    body = "id,plays\nyoutube:aaaaaaaaaaa,12\nyoutube:bbbbbbbbbbb,many\n"
    answer = client.post("/v1/outcomes?dry_run=true&map=views=plays", content=body, headers=CSV).json()
    assert answer["mapping"]["views"] == ["plays"]
    assert (answer["taken"], answer["rejected"], answer["examples"][0]["line"]) == (1, 1, 3)
    assert topics_of(desk).sent == []


def test_a_row_about_a_fetched_video_brings_no_words_of_its_own(client: TestClient, desk: Desk) -> None:
    title, channel = examples.METADATA.title, examples.METADATA.channel
    body = f"channel,title,views\n{channel},{title},5\nSomebody,Something,6\n"
    client.post("/v1/outcomes", content=body, headers=CSV)
    sent = topics_of(desk).sent
    assert [type(event).__name__ for event in sent] == ["OutcomeObserved", "MediaFetched", "OutcomeObserved"]
    assert sent[0].record_key.startswith(examples.VIDEO_ID)


@pytest.mark.parametrize("body", [b"[1, 2]", b"{}", b"{", b"[]", b'[{"views": 3}]', b"\xff"])
def test_rows_that_say_nothing_are_a_problem(body: bytes, client: TestClient, desk: Desk) -> None:
    answer = client.post("/v1/outcomes", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "/tmp" not in answer.text
    assert topics_of(desk).sent == []


def test_outcomes_of_a_video_that_nobody_knows_are_not_found(client: TestClient) -> None:
    assert client.get("/v1/outcomes", params={"video_id": "youtube:00000000000"}).status_code == 404
