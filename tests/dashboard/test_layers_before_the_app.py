"""What every answer bears and every request must fulfil, whoever asks for whatever."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import ADDRESS, OUR_PAGE, Doors, doors_of
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.testclient import TestClient

from dashboard.access.rates import MOST_BUCKETS, Buckets
from dashboard.access.roles import Editor
from dashboard.access.sizes import MOST_BYTES, limit_of
from streams.settings import Settings

PAGES = ("/login", "/", "/progress", "/videos", "/people", "/models", "/operations")
PRIVATE = ("/", "/progress", "/videos", "/people", "/label", "/models", "/operations", "/metrics", "/v1/openapi.json")


def more_routes(app: FastAPI) -> None:
    """Routes whose answers are of the tests."""

    @app.post("/v1/echoes")
    async def echo(request: Request, caller: Editor) -> Response:
        return Response(await request.body(), media_type="application/octet-stream")

    @app.get("/v1/framed")
    def framed() -> Response:
        return Response("", headers={"Content-Security-Policy": "sandbox", "Cache-Control": "private, max-age=60"})

    @app.get("/v1/breaks")
    def breaks() -> Response:
        raise RuntimeError("the secret reason")


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with doors_of(tmp_path_factory.mktemp("home"), add=more_routes) as made:
        made.user("maria", "editor")
        yield made


@pytest.fixture(scope="module")
def browser(doors: Doors) -> TestClient:
    return doors.browser("maria")


@pytest.mark.parametrize("path", [*PAGES, "/v1/me", "/v1/nothing", "/nothing", "/health"])
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "stranger"])
def test_every_answer_tells_the_browser_what_it_may_do(doors: Doors, path: str, is_known: bool) -> None:
    client = doors.owner() if is_known else doors.client()
    headers = client.get(path, headers={"Accept": "text/html"}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"]
    assert "server" not in headers
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'" if path.startswith("/v1/") else "default-src 'self'")


def test_an_answer_may_have_a_policy_and_a_life_of_its_own(doors: Doors) -> None:
    headers = doors.owner().get("/v1/framed").headers
    assert (headers["Content-Security-Policy"], headers["Cache-Control"]) == ("sandbox", "private, max-age=60")


@pytest.mark.parametrize("path", ["/v1/me", "/v1/audit"])
def test_private_answers_are_not_kept(doors: Doors, path: str) -> None:
    assert doors.owner().get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PRIVATE)
def test_nothing_is_shown_to_strangers_but_the_way_in(doors: Doors, path: str) -> None:
    assert doors.client().get(path).status_code == 401
    assert doors.client().get(path, headers={"Accept": "text/html"}).status_code in (303, 401)


def test_what_fails_says_so_without_the_reason(doors: Doors) -> None:
    answer = doors.owner().get("/v1/breaks")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/broken")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8484", 200),
        ("localhost:8484", 200),
        ("groundswell.localhost", 200),
        ("[::1]:8484", 200),
        ("192.168.1.7", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8484", 421),
        ("", 421),
    ],
)
def test_a_strangers_name_that_points_here_gets_nothing(doors: Doors, host: str, status: int) -> None:
    assert doors.owner().get("/v1/me", headers={"Host": host}).status_code == status


def test_configured_names_are_ours(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, dashboard_names=("Videos.example.org",))
    with doors_of(tmp_path, settings=settings) as doors:
        assert doors.owner().get("/v1/me", headers={"Host": "videos.example.org:443"}).status_code == 200


SAME, SITE, CROSS, NONE = ({"Sec-Fetch-Site": which} for which in ("same-origin", "same-site", "cross-site", "none"))
OURS, OTHER_PORT, FOREIGN, NULL = (
    {"Origin": which} for which in (ADDRESS, "http://127.0.0.1:9999", "https://evil.example", "null")
)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (SAME | OURS, 200),
        (SAME, 200),
        (OURS, 200),
        ({}, 403),
        (SITE | OTHER_PORT, 403),
        (OTHER_PORT, 403),
        (CROSS | FOREIGN, 403),
        (CROSS, 403),
        (FOREIGN, 403),
        (SAME | FOREIGN, 403),
        (CROSS | OURS, 403),
        (SAME | NULL, 200),
        (NULL, 403),
        (CROSS | NULL, 403),
        (SITE | NULL, 403),
        (NONE, 403),
        ({"Origin": "https://127.0.0.1:8484"}, 403),
    ],
)
def test_a_cookie_acts_only_for_our_own_pages(browser: TestClient, headers: dict[str, str], status: int) -> None:
    assert browser.post("/v1/echoes", content=b"a", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("address", "origin", "status"),
    [
        ("https://videos.example.org", "https://videos.example.org", 200),
        ("https://videos.example.org", "http://videos.example.org", 403),
        ("http://inner:8484", "https://videos.example.org", 200),
        ("http://127.0.0.1:8484", "http://127.0.0.1:8484", 200),
        ("http://127.0.0.1:8484", "http://127.0.0.1:9999", 403),
    ],
)
def test_behind_a_proxy_our_pages_are_those_of_the_configured_names(
    tmp_path: Path, address: str, origin: str, status: int
) -> None:
    names, proxies = ("videos.example.org", "inner"), ("127.0.0.1",)
    settings = Settings(home=tmp_path, dashboard_behind_proxy=proxies, dashboard_names=names)
    with doors_of(tmp_path, settings=settings) as doors:
        client = doors.client(address=address)
        token = doors.token("viewer")
        answer = client.post("/login", json={"token": token}, headers=SAME | {"Origin": origin})
        assert answer.status_code == status


@pytest.mark.parametrize("headers", [{}, CROSS | FOREIGN])
def test_a_bearer_token_acts_from_anywhere(doors: Doors, headers: dict[str, str]) -> None:
    assert doors.program("editor").post("/v1/echoes", content=b"a", headers=headers).status_code == 200


def test_reading_by_a_cookie_needs_no_origin(browser: TestClient) -> None:
    assert browser.get("/v1/me").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_way_to_change_something_is_looked_at(browser: TestClient, method: str) -> None:
    answer = browser.request(method, "/v1/echoes", headers=CROSS | FOREIGN)
    assert answer.json()["type"] == "/problems/other-site"


def test_a_request_that_says_it_is_too_large_is_not_read(doors: Doors) -> None:
    answer = doors.program("editor").post("/v1/echoes", content=bytes(MOST_BYTES + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
    assert doors.program("editor").post("/v1/echoes", content=bytes(MOST_BYTES)).status_code == 200


def test_a_request_that_grows_too_large_is_cut_off(doors: Doors) -> None:
    read = []

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            read.append(1)
            yield bytes(2**17)

    answer = doors.program("editor").post("/v1/echoes", content=endless())
    assert answer.status_code == 413
    assert doors.program("editor").post("/v1/echoes", content=b"a").status_code == 200


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/v1/videos", MOST_BYTES), ("/v1/uploads", None), ("/v1/uploads/a", None), ("/v1/uploadsx", MOST_BYTES)],
)
def test_only_uploads_are_as_large_as_they_like(path: str, limit: int | None) -> None:
    assert limit_of(path) == limit


def test_who_asks_too_much_is_told_when_to_come_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, dashboard_reads_per_minute=3, dashboard_writes_per_minute=1)
    with doors_of(tmp_path, settings=settings) as doors:
        client, other = doors.program("viewer"), doors.program("viewer", name="other")
        answers = [client.get("/v1/me") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"] == '"reads";q=3;w=60'
        assert answers[0].headers["RateLimit"].startswith('"reads";r=2;t=')
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
        assert answers[3].json()["type"] == "/problems/too-many"
        assert other.get("/v1/me").status_code == 200, "the bucket is each caller's own"
        assert client.post("/v1/nothing").status_code == 404, "writing has a bucket of its own"


def test_a_bucket_fills_steadily() -> None:
    now_s = [0.0]
    buckets = Buckets(now_s=lambda: now_s[0])
    assert [buckets.take("a", 60).next_in_s for _ in range(61)][-2:] == [0.0, 1.0]
    now_s[0] = 2.5
    assert [buckets.take("a", 60).next_in_s for _ in range(3)] == [0.0, 0.0, 0.5]
    now_s[0] = 10_000.0
    left = buckets.take("a", 60)
    assert (left.requests, left.full_in_s) == (59, 1.0)


def test_many_callers_do_not_grow_memory() -> None:
    buckets = Buckets(now_s=lambda: 0.0)
    for number in range(MOST_BUCKETS + 500):
        buckets.take(f"caller {number}", 60)
    assert len(buckets._buckets) == MOST_BUCKETS


def test_health_is_for_everybody_and_counters_for_who_may_come_in(doors: Doors) -> None:
    assert doors.client().get("/health").json()["status"] == "ready"
    doors.owner().get("/v1/me")
    doors.owner().get("/v1/nothing/at/all")
    text = doors.program("viewer", name="prometheus").get("/metrics").text
    assert 'groundswell_dashboard_requests_total{method="GET",route="/v1/me",status="200"}' in text
    assert 'route="other"' in text
    assert "groundswell_dashboard_open_requests 1.0" in text


def test_a_request_of_a_page_of_ours_passes_all_layers(browser: TestClient) -> None:
    assert browser.post("/v1/echoes", content=b"whole", headers=OUR_PAGE).content == b"whole"
