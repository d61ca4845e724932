"""What all pages share: navigation, errors with a way back, static files, hostile words."""

from pathlib import Path

import pytest
from desks import As
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from dashboard.pages import errors, rendering, statics
from dashboard.pages.rendering import environment, link, prepare, render
from dashboard.pages.wording import plain
from dashboard.problems import Problem, answer_problems
from schemas.errors import BrokerUnavailable

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
HOSTILE = "<img src=x onerror=alert(1)>"
OVERRIDE = "\u202etxt.exe"


def _app() -> FastAPI:
    app = FastAPI()

    @app.get("/broken")
    @app.get("/v1/broken")
    def broken() -> None:
        raise BrokerUnavailable("nothing answers at 127.0.0.1:1")

    @app.get("/secret")
    def secret() -> None:
        raise Problem(401, "who-are-you", "Nobody is logged in")

    @app.get("/forbidden")
    def forbidden() -> None:
        raise Problem(403, "not-allowed", "Your role does not allow this", detail=f"ask {HOSTILE}")

    @app.get("/bug")
    @app.get("/v1/bug")
    def bug() -> None:
        raise ZeroDivisionError

    app.include_router(statics.router)
    answer_problems(app)
    errors.answer_pages(app)
    return app


@pytest.fixture(name="client")
def _client() -> TestClient:
    return TestClient(As(_app(), "viewer"), raise_server_exceptions=False, follow_redirects=False)


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/forbidden", 403), ("/broken", 503), ("/bug", 500)])
def test_an_error_of_a_page_is_a_page_with_a_way_back(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert 'href="/videos"' in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize(("path", "status"), [("/v1/nowhere", 404), ("/v1/broken", 503), ("/v1/bug", 500)])
def test_an_error_of_the_api_is_a_problem_document_even_in_a_browser(
    client: TestClient, path: str, status: int
) -> None:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_templates_are_there_before_anybody_opens_a_page() -> None:
    prepare()
    known = environment()
    assert known.cache is not None
    assert len(known.cache) == len(known.list_templates()) > 20


def test_a_fragment_gets_a_problem_document_that_the_page_can_say(client: TestClient) -> None:
    answer = client.get("/broken", headers={**BROWSER, "HX-Request": "true"})
    assert answer.json()["title"]


def test_a_page_of_somebody_who_is_not_logged_in_leads_to_the_login_and_back(client: TestClient) -> None:
    answer = client.get("/secret?a=1", headers=BROWSER)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fsecret%3Fa%3D1"


def test_what_an_error_says_is_text(client: TestClient) -> None:
    page = client.get("/forbidden", headers=BROWSER).text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_a_file_of_this_build_is_kept_and_one_of_another_build_is_asked_for_again(client: TestClient) -> None:
    kept = client.get(statics.static("groundswell.css"))
    assert "immutable" in kept.headers["cache-control"]
    assert client.get("/static/000000000000/groundswell.css").headers["cache-control"] == "no-cache"


def test_files_come_squeezed_to_those_who_can_read_that(client: TestClient) -> None:
    address = statics.static("groundswell.css")
    plainly = client.get(address, headers={"Accept-Encoding": "identity"})
    squeezed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert squeezed.text == plainly.text
    assert "content-encoding" not in plainly.headers
    assert int(squeezed.headers["content-length"]) < int(plainly.headers["content-length"]) / 2


@pytest.mark.parametrize("name", ["..%2fapp.py", "vendor/vendor.toml", "nothing.css", "%2e%2e/app.py"])
def test_only_what_pages_load_can_be_had(client: TestClient, name: str) -> None:
    assert client.get(f"/static/x/{name}").status_code == 404


def test_the_address_of_a_file_changes_with_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.js").write_text("1")
    before = _build_of(tmp_path, monkeypatch)
    (tmp_path / "a.js").write_text("2")
    assert _build_of(tmp_path, monkeypatch) != before


def _build_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    with monkeypatch.context() as patched:
        patched.setattr(statics, "FOLDER", folder)
        statics.build.cache_clear()
        statics._files.cache_clear()
        found = statics.build()
    statics.build.cache_clear()
    statics._files.cache_clear()
    return found


def test_where_we_are_is_marked_in_the_navigation(client: TestClient) -> None:
    page = client.get("/videos/nothing/here", headers=BROWSER).text
    assert '<a href="/videos" aria-current="page">' in page
    assert page.count('aria-current="page"') == 1


def test_no_template_has_a_script_a_style_or_a_handler_in_it() -> None:
    for path in sorted(rendering.TEMPLATES.rglob("*.html")):
        text = path.read_text("utf-8")
        for forbidden in (
            " style=",
            "<style",
            "<script>",
            "javascript:",
            " onclick=",
            " onerror=",
            " onload=",
            "| safe",
        ):
            assert forbidden not in text, f"{path.name} has {forbidden}"


def test_every_template_compiles() -> None:
    for name in environment().list_templates(extensions=["html"]):
        environment().get_template(name)


def test_invisible_and_turning_characters_are_taken_out_of_names() -> None:
    assert plain(OVERRIDE + "\u200bx\u0007") == "txt.exex"
    assert plain("👩\u200d🚀") == "👩\u200d🚀"
    assert len(plain("a" * 10_000)) == 300


def test_a_name_is_text_in_a_page() -> None:
    request = Request({"type": "http", "path": "/x", "headers": [], "query_string": b"", "method": "GET"})
    page = bytes(render(request, "error.html", problem={"status": 404, "title": HOSTILE, "detail": ""}).body).decode()
    assert "<img src=x" not in page


def test_a_link_leaves_out_what_is_empty() -> None:
    assert link("/videos", text="a&b", channel="") == "/videos?text=a%26b"
