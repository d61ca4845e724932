"""Webhooks: signed, sent until they arrive, to public addresses only, and none waits for another."""

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any  # Any: JSON

import examples
import msgspec
import pytest
from desks import a_client, a_desk, records_of, tombstones_of
from listeners import Listener, listeners

from dashboard.webhooks_sending import post
from dashboard.webhooks_store import HAPPENINGS, WebhookStore
from dashboard.webhooks_worker import GIVE_UP_S, Dispatcher, Feed, erased_in, notices_of, pause_after
from schemas.event import Event
from schemas.progress import StageProgressed
from streams.settings import Settings
from streams.sources.egress import networks

LOOPBACK = networks(["127.0.0.0/8"])
PARTIAL = msgspec.structs.replace(examples.SCORED, event_id="partial", stage="partial")
FAILED = StageProgressed(event_id="f1", video_id="url:abc", stage="fetch", state="failed", message="gone")
TOMORROW_MS = 4_000_000_000_000
"""After every hook was made."""


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    with listeners() as start:
        yield start


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, fetch_networks=("127.0.0.0/8",))


@pytest.fixture
def store(settings: Settings) -> WebhookStore:
    return WebhookStore(settings.home)


def hear(store: WebhookStore, *events: Event) -> None:
    Feed(Settings(), "127.0.0.1:1", store).take(records_of(events, at_ms=TOMORROW_MS))


def dispatcher(settings: Settings, store: WebhookStore, now_s: float | None = None, **how: Any) -> Dispatcher:
    return Dispatcher(settings, store, now=lambda: now_s or time.time(), **how)


def send_all(settings: Settings, store: WebhookStore, now_s: float | None = None) -> list[str]:
    sending = dispatcher(settings, store, now_s)
    return [sending.attempt(due).problem for due in store.due(now_s or time.time(), most_each=100)]


def states(store: WebhookStore, webhook_id: str) -> list[str]:
    return [delivery.state for delivery in store.log(webhook_id, limit=100)]


def until(holds: Callable[[], bool]) -> None:
    give_up_at_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up_at_s, "it did not come"
        time.sleep(0.01)


def test_a_final_prediction_is_told_with_a_signature_that_can_be_checked(
    listen: Callable[..., Listener], settings: Settings, store: WebhookStore
) -> None:
    listener = listen()
    _, secret = store.add(listener.url, ["prediction.final"], by="maria")
    hear(store, PARTIAL, examples.PROGRESSED, FAILED)
    hear(store, examples.SCORED)
    assert send_all(settings, store) == [""]
    ((headers, body),) = listener.heard
    said = json.loads(body)
    assert (said["type"], said["video_id"]) == ("prediction.final", examples.VIDEO_ID)
    assert msgspec.convert(said["data"], type(examples.SCORED)) == examples.SCORED
    time_part, sign = headers["Groundswell-Signature"].split(",")
    signed = time_part.removeprefix("t=").encode() + b"." + body
    assert sign == f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
    assert headers["Groundswell-Event"] == "prediction.final"


def test_a_failed_video_is_told(listen: Callable[..., Listener], settings: Settings, store: WebhookStore) -> None:
    listener = listen()
    store.add(listener.url, HAPPENINGS, by="maria")
    hear(store, FAILED)
    send_all(settings, store)
    assert json.loads(listener.heard[0][1])["data"]["message"] == "gone"


def test_what_happened_before_a_hook_was_made_is_not_told(store: WebhookStore) -> None:
    hook, _ = store.add("http://127.0.0.1:1/", HAPPENINGS, by="maria")
    Feed(Settings(), "127.0.0.1:1", store).take(records_of([examples.SCORED], at_ms=1000))
    assert states(store, hook.webhook_id) == []


def test_a_restart_neither_loses_nor_doubles(
    listen: Callable[..., Listener], settings: Settings, store: WebhookStore
) -> None:
    listener = listen()
    hook, _ = store.add(listener.url, HAPPENINGS, by="maria")
    hear(store, examples.SCORED)
    offsets = store.offsets()
    store.close()
    again = WebhookStore(settings.home)
    assert again.offsets() == offsets
    hear(again, examples.SCORED)  # a reader that had not noted how far it was comes by once more
    send_all(settings, again)
    hear(again, examples.SCORED)
    send_all(settings, again)
    assert len(listener.heard) == 1
    assert states(again, hook.webhook_id) == ["delivered"]


def test_what_breaks_while_it_is_queued_is_queued_again(store: WebhookStore) -> None:
    hook, _ = store.add("http://127.0.0.1:1/", HAPPENINGS, by="maria")
    records = records_of([examples.SCORED], at_ms=TOMORROW_MS)
    with pytest.raises(RuntimeError):
        store.hear(breaking(records), {("predictions", 0): 7})
    assert (store.offsets(), states(store, hook.webhook_id)) == ({}, [])


def breaking(records: list[Any]) -> Iterator[Any]:
    yield from notices_of(records)
    raise RuntimeError("killed in between")


def test_what_does_not_arrive_is_tried_again_later_each_time(
    listen: Callable[..., Listener], settings: Settings, store: WebhookStore
) -> None:
    listener, now_s = listen(status=500), time.time()
    hook, _ = store.add(listener.url, HAPPENINGS, by="maria")
    hear(store, examples.SCORED)
    waits_s = []
    for _ in range(6):
        assert send_all(settings, store, now_s) == ["answered 500"]
        (delivery,) = store.log(hook.webhook_id, limit=10)
        assert send_all(settings, store, now_s) == []
        assert delivery.next_at_s is not None
        waits_s.append(delivery.next_at_s - now_s)
        now_s += 3600
    assert all(5 * 2**n <= wait_s <= 10 * 2**n for n, wait_s in enumerate(waits_s))
    listener.status = 204
    assert send_all(settings, store, now_s) == [""]
    assert states(store, hook.webhook_id) == ["delivered"]


def test_after_a_day_without_success_a_hook_is_switched_off_and_says_why(
    listen: Callable[..., Listener], settings: Settings, store: WebhookStore
) -> None:
    listener, now_s = listen(status=500), time.time()
    hook, _ = store.add(listener.url, HAPPENINGS, by="maria")
    hear(store, examples.SCORED)
    send_all(settings, store, now_s)
    send_all(settings, store, now_s + GIVE_UP_S)
    off = store.one(hook.webhook_id)
    assert (off.state, states(store, hook.webhook_id)) == ("off", ["failed"])
    assert "answered 500" in off.reason
    hear(store, msgspec.structs.replace(examples.SCORED, event_id="later"))
    assert send_all(settings, store) == []
    assert store.switch_on(hook.webhook_id).state == "on"


def test_an_address_that_is_gone_is_not_asked_again(
    listen: Callable[..., Listener], settings: Settings, store: WebhookStore
) -> None:
    hook, _ = store.add(listen(status=410).url, HAPPENINGS, by="maria")
    hear(store, examples.SCORED)
    send_all(settings, store)
    assert store.one(hook.webhook_id).state == "off"


def test_a_redirect_is_a_failure_and_is_not_followed(listen: Callable[..., Listener], settings: Settings) -> None:
    listener = listen(status=302)
    answer = post(listener.url, b"{}", {}, allowed=LOOPBACK)
    assert answer.status == 302
    assert "not followed" in answer.problem
    assert len(listener.heard) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/"]
)
def test_a_private_address_is_not_even_connected_to(url: str, listen: Callable[..., Listener]) -> None:
    listener = listen()
    answer = post(url.format(port=listener.url.split(":")[2].split("/")[0]), b"{}", {})
    assert answer.status is None
    assert "not public" in answer.problem
    assert listener.heard == []


def test_a_name_that_changes_its_address_gains_nothing(
    listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, asked = listen(), []
    port = int(listener.url.split(":")[2].split("/")[0])

    def resolve(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert "nobody is there" in post(f"http://rebind.example:{port}/", b"{}", {}).problem
    assert (asked, connected) == (["rebind.example"], [("93.184.215.14", port)])


def test_an_address_that_never_ends_its_answer_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        answer = post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, allowed=LOOPBACK, limit_s=1.0)
    assert answer.status is None
    assert "no answer within 1 s" in answer.problem


def drip(server: socket.socket) -> None:
    """Answer a byte at a time, each well within any timeout."""
    connection, _ = server.accept()
    try:
        while True:
            connection.sendall(b"H")
            time.sleep(0.05)
    except OSError:
        return


def test_a_slow_hook_keeps_nobody_waiting(
    listen: Callable[..., Listener], settings: Settings, store: WebhookStore
) -> None:
    slow, quick = listen(is_slow=True), listen()
    for listener in (slow, quick):
        store.add(listener.url, HAPPENINGS, by="maria")
    hear(store, *(msgspec.structs.replace(examples.SCORED, event_id=f"e{n}") for n in range(20)))
    sending = dispatcher(settings, store, limit_s=60)
    sending.start()
    try:
        until(lambda: len(quick.heard) == 20)
        assert slow.heard == []
        slow.release.set()
        until(lambda: len(slow.heard) == 20)
    finally:
        sending.stop()


def test_no_more_than_two_messages_are_on_their_way_to_one_address(
    listen: Callable[..., Listener], settings: Settings, store: WebhookStore
) -> None:
    slow = listen(is_slow=True)
    store.add(slow.url, HAPPENINGS, by="maria")
    hear(store, *(msgspec.structs.replace(examples.SCORED, event_id=f"e{n}") for n in range(9)))
    sending = dispatcher(settings, store, limit_s=60)
    assert [sending.send_due(), sending.send_due()] == [2, 0]
    slow.release.set()
    sending.stop()


def test_an_erased_video_is_told_no_more_and_leaves_no_trace(settings: Settings, store: WebhookStore) -> None:
    hook, _ = store.add("http://127.0.0.1:1/", HAPPENINGS, by="maria")
    hear(store, examples.SCORED)
    path = settings.home / "dashboard" / "webhooks.sqlite"
    assert b"25,300 subscribers" in path.read_bytes()
    Feed(settings, "127.0.0.1:1", store).take(tombstones_of([examples.SCORED], start=50))
    assert states(store, hook.webhook_id) == []
    assert b"25,300 subscribers" not in path.read_bytes()


def test_what_nobody_can_read_is_passed_over() -> None:
    (record,) = records_of([examples.SCORED])
    assert list(notices_of([broken(record)])) == []
    assert erased_in([record]) == set()


def broken(record: Any) -> Any:
    return replace(record, value=b"\x00")


def test_pauses_grow_to_an_hour_and_are_not_all_the_same() -> None:
    assert all(5 <= pause_after(1) <= 10 and 1800 <= pause_after(30) <= 3600 for _ in range(100))
    assert len({pause_after(5) for _ in range(20)}) > 10


def test_a_secret_is_shown_once_and_a_rotated_one_signs_beside_the_new_one(
    listen: Callable[..., Listener], settings: Settings
) -> None:
    listener = listen()
    desk = a_desk(settings.home, settings=settings)
    client = a_client(desk)
    made = client.post("/v1/webhooks", json={"url": listener.url}).json()
    where = f"/v1/webhooks/{made['webhook']['webhook_id']}"
    new = client.post(f"{where}/secret").json()["secret"]
    assert made["secret"] not in client.get("/v1/webhooks").text
    assert client.post(f"{where}/ping").json()["state"] == "waiting"
    send_all(settings, WebhookStore(settings.home))
    ((headers, body),) = listener.heard
    at, *signs = headers["Groundswell-Signature"].split(",")
    expected = [
        hmac.new(secret.encode(), at[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
        for secret in (new, made["secret"])
    ]
    assert signs == [f"v1={sign}" for sign in expected]
    (delivery,) = client.get(f"{where}/deliveries").json()["items"]
    assert (delivery["event"], delivery["state"], delivery["last_status"]) == ("ping", "delivered", 200)
    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == 404


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://localhost/", "ftp://example.org/", "https://a:b@example.org/", "https://", "x",
     "https://example.org/#a", "https://exa mple.org/", "http://0x7f000001/", "https://example.org:99999/"],
)  # fmt: skip
def test_an_address_that_could_never_be_told_is_refused(url: str, tmp_path: Path) -> None:
    answer = a_client(a_desk(tmp_path)).post("/v1/webhooks", json={"url": url})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_admins_make_webhooks(role: Any, tmp_path: Path) -> None:
    assert (
        a_client(a_desk(tmp_path), role).post("/v1/webhooks", json={"url": "https://example.org/"}).status_code == 403
    )
