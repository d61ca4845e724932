"""No route is open by oversight: each one of the app is asked by nobody, by a viewer, by an editor."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from desks import a_desk
from doors import Doors, doors_of
from fastapi.routing import APIRoute

from dashboard.access.requests import is_public
from dashboard.app import create_app
from streams.settings import Settings

SAFE = {"GET", "HEAD"}
OF_PAGES = ("/login", "/logout")


def routes_in(routes: Iterable[object]) -> Iterator[tuple[str, str]]:
    """Every method and path, those of routers in routers too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield from ((method, route.path) for method in sorted(route.methods))
        if (inner := getattr(route, "original_router", None)) is not None:
            yield from routes_in(inner.routes)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, dashboard_writes_per_minute=10_000)
    with doors_of(home, settings=settings) as made:
        yield made


def all_routes(folder: Path) -> list[tuple[str, str]]:
    app = create_app(a_desk(folder))
    return sorted(set(routes_in(app.routes)))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    return all_routes(tmp_path_factory.mktemp("routes"))


def filled(path: str) -> str:
    """A path with something in its braces."""
    return re.sub(r"\{[^}]+\}", "x", path)


def test_the_walk_finds_what_the_description_lists(doors: Doors, known: list[tuple[str, str]]) -> None:
    described = {(m.upper(), path) for path, item in doors.app.openapi()["paths"].items() for m in item}
    found = {(method, re.sub(r":\w+}", "}", path)) for method, path in known}
    assert described
    assert described <= found


def test_nobody_changes_or_reads_anything_without_saying_who_they_are(
    doors: Doors, known: list[tuple[str, str]]
) -> None:
    stranger = doors.client()
    open_to_all = {
        (method, path)
        for method, path in known
        if stranger.request(method, filled(path)).status_code != 401 and not path.startswith("/static/")
    }
    assert open_to_all == {("GET", "/favicon.ico"), ("GET", "/health"), ("GET", "/login"), ("POST", "/login")}
    assert all(is_public(path) for _, path in open_to_all)


def test_a_viewer_changes_nothing(doors: Doors, known: list[tuple[str, str]]) -> None:
    viewer = doors.program("viewer")
    changing = [(method, path) for method, path in known if method not in SAFE and path not in OF_PAGES]
    assert len(changing) > 10
    answers = {(m, p): viewer.request(m, filled(p)).status_code for m, p in changing}
    assert {route: status for route, status in answers.items() if status != 403} == {}


def test_every_page_may_be_seen_by_a_viewer(doors: Doors, known: list[tuple[str, str]]) -> None:
    viewer = doors.program("viewer")
    pages = [path for method, path in known if method == "GET" and not path.startswith(("/v1/", "/static/"))]
    statuses = {path: viewer.get(filled(path), headers={"Accept": "text/html"}).status_code for path in pages}
    assert {path: status for path, status in statuses.items() if status in (401, 403) or status >= 500} == {}


def test_an_editor_neither_erases_nor_promotes_nor_trains(doors: Doors, known: list[tuple[str, str]]) -> None:
    editor = doors.program("editor")
    changing = [(method, path) for method, path in known if method not in SAFE and path not in OF_PAGES]
    refused = {(m, p) for m, p in changing if editor.request(m, filled(p)).status_code == 403}
    assert ("DELETE", "/v1/videos/{video_id}") in refused
    assert any("/releases" in path for _, path in refused)
    assert any("/dead-letters" in path for _, path in refused)
    assert ("POST", "/v1/videos") not in refused
