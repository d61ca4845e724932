"""The pages of data teams and operators: with hostile data, with none, for each role; every address says all."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from desks import a_client, a_desk
from people import Machine, command, video
from release_examples import KEPT, PUBLISHED, ROLE
from starlette.testclient import TestClient

from dashboard.access.role_names import Role
from dashboard.desk import Desk
from dashboard.pages.cards import blocks_of
from schemas.commands import CommandTaken, IdentityNamed
from schemas.deadletters import EventRejected
from schemas.event import Event
from schemas.labels import LabelGiven
from streams.settings import Settings
from streams.target_files import shipped

HOSTILE = '<img src=x onerror="alert(1)">\u202e'
CARD = f"# {HOSTILE}\n\nTaught on **many** videos.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | {HOSTILE} |\n"


def events() -> tuple[list[Event], str]:
    machine = Machine()
    seen = video("url:one", ["ada", "eve"], ["ada"])
    said = list(machine.feed(*seen))
    who = max(machine.identities.values(), key=lambda person: person.screen_s).identity_id
    naming = command(IdentityNamed, identity_id=who, name=HOSTILE, by="maria")
    told = machine.feed(CommandTaken(event_id="taken", command=naming))
    rest = [
        *shipped().values(),
        msgspec.structs.replace(PUBLISHED, card=CARD),
        ROLE,
        msgspec.structs.replace(PUBLISHED, event_id="p2", release_id="second"),
        KEPT,
        EventRejected(
            event_id="letter", stage=HOSTILE, source_topic="segments", source_partition=1, source_offset=7, attempts=5,
            error=HOSTILE, traceback=HOSTILE, rejected_at_s=1.0, value=HOSTILE.encode(), key=None,
        ),
        LabelGiven(event_id="l", video_id="url:one", scope="0", target="scenes", label="halloween", value="yes", by="ada"),
    ]  # fmt: skip
    return [*seen, *said, naming, *told, *rest], who


class Tags(HTMLParser):
    """Every tag of a page with its attributes, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))


WHO = events()[1]
PAGES = [
    "/people",
    "/people?view=influence&by=engagement",
    "/people?view=changes",
    "/people?text=nobody",
    f"/people/{WHO}",
    "/label",
    "/label?target=scenes&class=halloween&shared=true",
    "/label?target=none",
    "/models",
    "/models?view=jobs",
    "/models?view=jobs&job=none",
    "/models/virality/starter-1",
    "/models/compare",
    "/models/compare?a=virality%2Fsecond&b=virality%2Fsecond",
    "/operations",
    "/operations?stage=text",
    f"/operations/dead-letters/{HOSTILE.replace('/', '%2F')}/segments/1/7",
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home = tmp_path_factory.mktemp("team-pages")
    return a_desk(home, events()[0], settings=Settings(home=home, kafka="127.0.0.1:1"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_hostile_words_as_words(desk: Desk, path: str) -> None:
    page = a_client(desk).get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200, page.text[:500]
    assert "\u202e" not in page.text
    found = Tags(page.text)
    assert [tag for tag, named in found.all if tag == "img" and named.get("src") == "x"] == []
    assert [(tag, name) for tag, named in found.all for name in named if name == "style" or name.startswith("on")] == []
    assert [
        named for tag, named in found.all if tag == "script" and not (named.get("src") or "").startswith("/static/")
    ] == []


@pytest.mark.parametrize("path", ["/people", "/people?view=influence", "/models", "/models?view=jobs", "/operations"])
def test_a_page_without_anything_says_what_to_do_first(tmp_path: Path, path: str) -> None:
    client = a_client(a_desk(tmp_path, settings=Settings(home=tmp_path, kafka="127.0.0.1:1")))
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert re.search(r"(Nobody yet|No table yet|No release yet|No work yet|No outcome yet)", page.text)


@pytest.mark.parametrize(("role", "acts"), [
    ("viewer", set()),
    ("editor", {"name", "undo"}),
    ("admin", {"name", "undo", "promoted", "redrive"}),
])  # fmt: skip
def test_a_role_is_offered_what_it_may_do(desk: Desk, role: Role, acts: set[str]) -> None:
    client = a_client(desk, role)
    text = "".join(
        client.get(path, headers={"Accept": "text/html"}).text for path in ("/people", "/models", "/operations")
    )
    offered = {
        "name": f'data-put="/v1/people/{WHO}/name"',
        "undo": 'data-post="/v1/people/undo"',
        "promoted": "promoted",
        "redrive": 'data-post="/v1/dead-letters/redrive"',
    }
    assert {act for act, mark in offered.items() if mark in text} == acts


@pytest.mark.parametrize(
    "path", ["/people/person:0000000000000000", "/models/virality/none", "/operations/dead-letters/no/such"]
)
def test_what_is_not_there_is_said_with_a_way_back(desk: Desk, path: str) -> None:
    page = a_client(desk).get(path, headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert 'href="/videos"' in page.text


def test_a_target_has_an_address(desk: Desk) -> None:
    answer = a_client(desk).get("/models/virality", follow_redirects=False)
    assert answer.headers["Location"] == "/models#virality"


def test_the_class_that_needs_most_is_asked_when_none_is_said(desk: Desk) -> None:
    text = a_client(desk).get("/label?target=scenes").text
    assert 'data-class="halloween"' not in text
    assert re.search(r'data-class="(\w+)"', text)


def test_a_card_is_drawn_from_its_blocks() -> None:
    assert [(block.kind, len(block.rows)) for block in blocks_of(CARD)] == [
        ("heading", 1), ("paragraph", 1), ("list", 2), ("table", 2),
    ]  # fmt: skip
    assert blocks_of(CARD)[1].rows == (("Taught on many videos.",),)
    assert blocks_of("") == []
    assert sum(len(row[0]) for block in blocks_of("x" * 10**6) for row in block.rows) == 20_000


def test_the_label_page_of_a_viewer_only_looks(desk: Desk) -> None:
    viewer: TestClient = a_client(desk, "viewer")
    assert "data-readonly" in viewer.get("/label?target=scenes").text
    assert "data-job-form" not in viewer.get("/models").text
