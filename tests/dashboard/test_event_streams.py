"""Event streams of a real server on a free port; the library is a dict."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from desks import As, a_desk
from event_reader import EventReader
from rows_kept import LivingRows, a_free_port, a_row, serving, until
from starlette.types import Receive, Scope, Send

from dashboard.app import create_app
from dashboard.live.hub import Hub, Limits
from dashboard.reading import Library
from dashboard.rows import Change

QUICK = Limits(tick_s=0.02, beat_s=0.05, stuck_s=0.5, streams_per_caller=3)


@dataclass
class House:
    """A server and what stands behind it."""

    address: str
    rows: LivingRows
    hub: Hub

    def change(self, *rows: object) -> None:
        """Put rows in and have the hub hear of it."""
        self.hub.hear(self.rows.put(*rows))  # type: ignore[arg-type]  # rows are rows


@contextmanager
def a_house(folder: Path, rows: LivingRows, *, port: int = 0, limits: Limits = QUICK) -> Iterator[House]:
    hub = Hub(rows, limits=limits)
    desk = a_desk(folder, library=cast(Library, rows), hub=hub)
    with serving(As(create_app(desk), "viewer"), hub, port or a_free_port()) as address:
        yield House(address, rows, hub)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path, LivingRows()) as made:
        yield made


def test_a_stream_begins_with_what_runs_and_goes_on_with_what_changes(house: House) -> None:
    house.rows.put(a_row("yt:a"), a_row("yt:b", state="done"))
    with EventReader(f"{house.address}/v1/events") as reader:
        snapshot = reader.wait_for("snapshot")
        assert [row["video_id"] for row in snapshot.data["videos"]] == ["yt:a"]
        assert snapshot.data["more"] is False
        house.change(a_row("yt:a", done=40))
        row = reader.wait_for("video").data
        assert (row["video_id"], row["stages"][0]["done"]) == ("yt:a", 40)


def test_what_is_no_video_is_named_and_what_was_erased_is_gone(house: House) -> None:
    with EventReader(f"{house.address}/v1/events") as reader:
        reader.wait_for("snapshot")
        house.hub.hear([Change("person", "p-1"), Change("video", "yt:erased")])
        assert reader.wait_for("change").data == {"kind": "person", "id": "p-1"}
        assert reader.wait_for("gone").data == {"video_id": "yt:erased"}


def test_a_stream_of_one_video_begins_with_it_and_hears_of_no_other(house: House) -> None:
    house.rows.put(a_row("yt:a", state="done"))
    with EventReader(f"{house.address}/v1/videos/yt:a/events") as reader:
        assert [row["state"] for row in reader.wait_for("snapshot").data["videos"]] == ["done"]
        house.change(a_row("yt:b", done=1), a_row("yt:a", done=2))
        house.hub.hear([Change("person", "p-1")])
        house.change(a_row("yt:a", done=3))
        until(lambda: has_done(reader, 3))
        assert {one.data["video_id"] for one in reader.of("video")} == {"yt:a"}
        assert reader.of("change") == []


def test_a_stream_of_some_kinds_hears_of_these(house: House) -> None:
    with EventReader(f"{house.address}/v1/events?kind=person&kind=job") as reader:
        assert reader.wait_for("snapshot").data["videos"] == []
        house.change(a_row("yt:a", done=1))
        house.hub.hear([Change("person", "p-1"), Change("label", "l-1"), Change("job", "j-1")])
        reader.wait_for("change", 2)
        assert [one.data["kind"] for one in reader.of("change")] == ["person", "job"]
        assert reader.of("video") == []


@pytest.mark.parametrize("way", ["header", "query"])
def test_who_comes_back_hears_what_it_missed_and_nothing_twice(house: House, way: str) -> None:
    with EventReader(f"{house.address}/v1/events") as staying:
        staying.wait_for("snapshot")
        house.change(a_row("yt:a", done=1))
        first = staying.wait_for("video")
        house.change(a_row("yt:b", done=2))
        staying.wait_for("video", 2)
        header, query = (first.event_id, "") if way == "header" else ("", f"?after={first.event_id}")
        with EventReader(f"{house.address}/v1/events{query}", last_event_id=header) as returning:
            assert returning.wait_for("video").data["video_id"] == "yt:b"
            house.change(a_row("yt:c", done=3))
            assert returning.wait_for("video", 2).data["video_id"] == "yt:c"
            assert returning.of("snapshot") == []


def test_a_server_that_was_restarted_tells_the_truth_anew(tmp_path: Path) -> None:
    rows, port = LivingRows(), a_free_port()
    with a_house(tmp_path, rows, port=port) as house, EventReader(f"{house.address}/v1/events") as reader:
        reader.wait_for("snapshot")
        house.change(a_row("yt:a", done=1), a_row("yt:b", done=1))
        last = reader.wait_for("video", 2)
    until(lambda: reader.ended)
    rows.put(a_row("yt:a", done=2), a_row("yt:b", state="done"))
    with (
        a_house(tmp_path, rows, port=port) as house,
        EventReader(f"{house.address}/v1/events", last_event_id=last.event_id) as reader,
    ):
        found = reader.wait_for("snapshot").data["videos"]
        assert [(row["video_id"], row["stages"][0]["done"]) for row in found] == [("yt:a", 2)]


def test_a_stopping_server_ends_its_streams_in_good_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as open_now:
        with a_house(tmp_path, LivingRows()) as house:
            readers = [open_now.enter_context(EventReader(f"{house.address}/v1/events")) for _ in range(3)]
        until(lambda: all(reader.ended for reader in readers))
    assert [r for r in caplog.records if r.levelname in ("ERROR", "CRITICAL")] == []


def test_a_caller_with_too_many_streams_is_told_so(house: House) -> None:
    with ExitStack() as open_now:
        for _ in range(3):
            open_now.enter_context(EventReader(f"{house.address}/v1/events")).wait_for("snapshot")
        with EventReader(f"{house.address}/v1/events") as refused:
            assert refused.status == 429
            assert "maria has 3 open" in refused.problem["detail"]
    until(lambda: house.hub.listeners == 0)
    with EventReader(f"{house.address}/v1/events") as reader:
        assert reader.status == 200


def test_a_stream_ends_when_its_session_ends(tmp_path: Path) -> None:
    ended = threading.Event()
    hub = Hub(LivingRows(), limits=QUICK)
    app = As(create_app(a_desk(tmp_path, library=cast(Library, LivingRows()), hub=hub)))

    async def with_a_session(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "groundswell.still": lambda: not ended.is_set()}, receive, send)

    with serving(with_a_session, hub, a_free_port()) as address, EventReader(f"{address}/v1/events") as reader:
        reader.wait_for("beat", 2)
        assert not reader.ended
        ended.set()
        until(lambda: reader.ended)
        assert hub.listeners == 0


def has_done(reader: EventReader, done: float) -> bool:
    """Whether the last row that a reader was sent says so."""
    return bool(reader.of("video")) and reader.of("video")[-1].data["stages"][0]["done"] == done


def test_a_reader_that_takes_nothing_is_let_go_and_holds_nobody_up(house: House) -> None:
    host, _, port = house.address.removeprefix("http://").partition(":")
    with socket.socket() as stuck, EventReader(f"{house.address}/v1/events") as reader:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect((host, int(port)))
        stuck.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: house.hub.listeners == 2)
        filler, turn = "x" * 20_000, 0
        while house.hub.listeners == 2:
            turn += 1
            house.change(*(a_row(f"yt:v{n}", done=turn, title=filler) for n in range(20)))
            until(partial(has_done, reader, turn))
        assert house.hub.listeners == 1
        assert house.hub.ring.size_bytes <= 16 * 2**20


@pytest.mark.parametrize(
    "path", ["/v1/events?kind=cat", "/v1/events?video=x", "/v1/videos/nonsense/events", "/v1/events?after=" + "x" * 65]
)
def test_a_wish_that_makes_no_sense_is_refused(house: House, path: str) -> None:
    with EventReader(f"{house.address}{path}") as reader:
        assert reader.status == 422
        assert reader.problem["type"] == "/problems/invalid"


def test_a_server_without_a_hub_says_what_to_do(tmp_path: Path) -> None:
    app = As(create_app(a_desk(tmp_path, library=cast(Library, LivingRows()))))
    with serving(app, Hub(LivingRows()), a_free_port()) as address, EventReader(f"{address}/v1/events") as reader:
        assert reader.status == 503
        assert "GET /v1/videos" in reader.problem["detail"]


def test_the_document_describes_the_streams(tmp_path: Path) -> None:
    paths = create_app(a_desk(tmp_path, library=cast(Library, LivingRows()))).openapi()["paths"]
    for path in ("/v1/events", "/v1/videos/{video_id}/events"):
        answer = paths[path]["get"]["responses"]["200"]["content"]
        assert list(answer) == ["text/event-stream"]
        assert set(answer["text/event-stream"]["schema"]["x-events"]) == {"video", "gone", "change", "snapshot"}
