"""Hears what hooks want to be told, and tells them until it has arrived."""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import msgspec

from dashboard.library_follow import batches
from dashboard.webhooks_sending import Answer, post, signature
from dashboard.webhooks_store import MOST_HOOKS, PING, Due, Notice, WebhookStore
from schemas.errors import GroundswellError, Unreadable
from schemas.event import VideoEvent, VideoId
from schemas.predictions import VideoScored
from schemas.progress import StageProgressed
from streams.kafka.admin import Place, offset_ranges, partition_counts
from streams.kafka.bulk import Record, event_of, follow
from streams.settings import Settings
from streams.sources.egress import networks

TOPICS = ("predictions", "progress")

EACH_IN_FLIGHT = 2
MOST_IN_FLIGHT = MOST_HOOKS * EACH_IN_FLIGHT
"""So a slow hook keeps nobody else waiting."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 3600.0
GIVE_UP_S = 24 * 3600.0
RESTS_S = (0.0, 0.0, 0.0, 30.0, 60.0, 120.0, 300.0)
"""An address that fails again and again is left alone, whatever else waits for it."""

LOOK_EVERY_S = 0.5
IDLE_S = 0.5
AGAIN_S = 5.0
STOP_LIMIT_S = 3.0
GONE = 410

log = logging.getLogger(__name__)


def start_telling(settings: Settings, bootstrap: str, stack: ExitStack) -> None:
    """Tell webhooks in the background until `stack` closes."""
    store = WebhookStore(settings.home)
    stack.callback(store.close)
    for thread in (Feed(settings, bootstrap, store), Dispatcher(settings, store)):
        stack.callback(thread.stop)
        thread.start()


def notices_of(records: Iterable[Record]) -> Iterator[Notice]:
    """Pick out what hooks may want to be told: final predictions, and videos that failed."""
    for record in records:
        try:
            event = event_of(record) if record.value is not None else None
        except Unreadable:
            continue
        name = _name_of(event)
        if name and isinstance(event, VideoEvent):
            yield _notice(name, event, record.timestamp_ms / 1000)


def erased_in(records: Iterable[Record]) -> set[VideoId]:
    """Videos of which something was taken back."""
    return {(record.key or b"").decode(errors="replace").split("/")[0] for record in records if record.value is None}


def _name_of(event: object) -> str:
    if isinstance(event, VideoScored) and event.stage == "final":
        return "prediction.final"
    return "video.failed" if isinstance(event, StageProgressed) and event.state in ("failed", "refused") else ""


def _notice(name: str, event: VideoEvent, at_s: float) -> Notice:
    said = {"type": name, "event_id": event.event_id, "at_s": at_s, "video_id": event.video_id, "data": event}
    body = msgspec.json.encode(said)
    return Notice(event=name, event_id=event.event_id, video_id=event.video_id, at_s=at_s, body=body)


class Feed:
    """Reads the topics on from where the store is, while there are hooks."""

    def __init__(self, settings: Settings, bootstrap: str, store: WebhookStore) -> None:
        self._settings, self._bootstrap, self._store = settings, bootstrap, store
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks-feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_LIMIT_S)

    def take(self, records: Sequence[Record]) -> None:
        """Queue what is in records."""
        offsets: dict[Place, int] = {(r.topic, r.partition): r.offset + 1 for r in records}
        self._store.hear(notices_of(records), offsets, erased_in(records))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._store.all():
                    self._follow()
            except GroundswellError as error:
                log.warning("webhooks wait: %s", error)
            except Exception:  # the thread must not end: nobody would be told any more, and nobody would notice
                log.exception("webhooks cannot take in what came; it is tried again")
            self._stopping.wait(AGAIN_S if self._store.all() else IDLE_S)

    def _follow(self) -> None:
        if not self._store.offsets():
            self._begin_now()
        start = self._store.offsets()
        with closing(follow(self._settings, self._bootstrap, TOPICS, start=start, idle_s=IDLE_S)) as records:
            for batch in batches(records):
                if batch:
                    self.take(batch)
                if self._stopping.is_set() or not self._store.all():
                    return

    def _begin_now(self) -> None:
        """Write down where the topics end: what comes from here on is told, also after a restart."""
        counts = partition_counts(self._settings, self._bootstrap)
        places = [(name, number) for name in TOPICS for number in range(counts.get(name, 0))]
        ranges = offset_ranges(self._settings, self._bootstrap, places)
        self._store.hear((), {place: end for place, (_first, end) in ranges.items()})


class Dispatcher:
    """Sends what is due, several hooks at once.

    Parameters
    ----------
    now : callable
        Seconds since 1970.
    """

    def __init__(
        self, settings: Settings, store: WebhookStore, *, now: Callable[[], float] = time.time, limit_s: float = 15.0
    ) -> None:
        self._store, self._now, self._limit_s = store, now, limit_s
        self._allowed = networks(settings.fetch_networks)
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._running: dict[str, str] = {}
        self._sending, self._counting = 0, threading.Lock()
        self._pool = ThreadPoolExecutor(MOST_IN_FLIGHT, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is on its way has a moment to arrive, and is sent again the next time if it does not."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_LIMIT_S)
        self._pool.shutdown(wait=False, cancel_futures=True)
        give_up_at_s = time.monotonic() + STOP_LIMIT_S
        while self._sending and time.monotonic() < give_up_at_s:
            time.sleep(0.01)

    def send_due(self) -> int:
        """Start what is due and may start; how many."""
        busy, started = Counter(self._running.values()), 0
        for due in self._store.due(self._now(), most_each=EACH_IN_FLIGHT * 2):
            if due.delivery_id in self._running or busy[due.webhook_id] >= EACH_IN_FLIGHT:
                continue
            busy[due.webhook_id] += 1
            started += 1
            self._running[due.delivery_id] = due.webhook_id
            self._pool.submit(self._send, due)
        return started

    def attempt(self, due: Due) -> Answer:
        """Send one message now, and note what came of it."""
        sent_at_s = self._now()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Groundswell",
            "Groundswell-Event": due.event,
            "Groundswell-Delivery": due.delivery_id,
            "Groundswell-Signature": signature(due.body, due.secrets, sent_at_s),
        }
        answer = post(due.url, due.body, headers, allowed=self._allowed, limit_s=self._limit_s)
        if answer.problem:
            self._missed(due, answer)
        else:
            self._store.arrived(due, answer.status or 0, now_s=self._now())
        return answer

    def _missed(self, due: Due, answer: Answer) -> None:
        now_s = self._now()
        pause_s = pause_after(due.attempts + 1)
        is_over = due.event == PING or now_s + pause_s > due.first_at_s + GIVE_UP_S or answer.status == GONE
        again_at_s = None if is_over else now_s + pause_s
        others_arrived = self._store.missed(due, answer.status, answer.problem, now_s=now_s, again_at_s=again_at_s)
        self._store.rest(due.webhook_id, RESTS_S, now_s=now_s)
        if answer.status == GONE:
            self._store.switch_off(due.webhook_id, "it answered 410 (gone)")
        elif is_over and due.event != PING and not others_arrived:
            self._store.switch_off(due.webhook_id, f"nothing arrived for a day; the last answer: {answer.problem}")

    def _send(self, due: Due) -> None:
        with self._counting:
            self._sending += 1
        try:
            self.attempt(due)
        except Exception:
            log.exception("a webhook's delivery broke; it is tried again")
        finally:
            with self._counting:
                self._sending -= 1
            self._running.pop(due.delivery_id, None)
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self.send_due()
            except Exception:  # the thread must not end: nobody would be told any more
                log.exception("webhooks cannot be read; it is tried again")
            self._wake.wait(LOOK_EVERY_S)


def pause_after(attempts: int) -> float:
    """How long to wait after so many attempts: twice as long each time up to an hour, and not all at once.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """
    longest_s = min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE_S)
    return random.uniform(0.5, 1.0) * longest_s  # noqa: S311  # spreads load, keeps no secret
