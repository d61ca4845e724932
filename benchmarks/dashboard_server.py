"""The dashboard as it is served, over a library that is fed at a steady rate; for `benchmarks.dashboard`.

Speaks JSON lines: says where it listens, then takes ``{"seconds": 10}`` and answers when it has fed for so long.
"""

import argparse
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import uvicorn

from dashboard.access.accounts import owner_token
from dashboard.access.database import open_database
from dashboard.app import create_app
from dashboard.desk import Desk
from dashboard.guard import guarded
from dashboard.library import open_library
from dashboard.live.hub import Hub, Limits
from dashboard.live.server import LiveServer
from dashboard.reading import Library
from dashboard.topics import KafkaTopics
from schemas.codec import encode
from schemas.event import Event
from schemas.links import LinkSubmitted
from schemas.progress import StageProgressed
from streams.kafka.bulk import Record
from streams.kafka.partitioning import partition_of
from streams.settings import Settings
from streams.topology import topic_of, writers
from streams.world import open_media

RATE_HZ = 50
BATCH_S = 0.2
"""The follower takes records in at the latest so long after they came."""

NOWHERE = "127.0.0.1:1"
BUSY_STAGE = "visual"
TOTAL = 1_000_000.0


def video_id(number: int) -> str:
    """Name a video."""
    return f"youtube:v{number:05}"


class Feeder:
    """Feeds a library: each video in turn says that it has got on.

    Attributes
    ----------
    last : dict of int to float
        When each video said its last word, in seconds with three digits, as rows have it.
    """

    def __init__(self, library: Library, hub: Hub, *, videos: int) -> None:
        self._library, self._hub, self._videos = library, hub, videos
        self._offset = self.updates = 0
        self.last: dict[int, float] = {}
        for number in range(videos):
            self._take([_record(event, _now_ms()) for event in _beginning(number)])

    def feed(self, seconds: float) -> None:
        """Feed at `RATE_HZ` for so long; updates wait for the next batch, as they do in the follower."""
        begin_s, waiting = time.monotonic(), list[Record]()
        for due in range(round(seconds * RATE_HZ)):
            time.sleep(max(0.0, begin_s + due / RATE_HZ - time.monotonic()))
            waiting.append(self._update())
            if len(waiting) >= RATE_HZ * BATCH_S:
                self._take(waiting)
                waiting = []
        self._take(waiting)

    def _update(self) -> Record:
        self.updates += 1
        number, now_ms = self.updates % self._videos, _now_ms()
        self.last[number] = now_ms / 1000
        return _record(_said(number, BUSY_STAGE, done=float(self.updates), message=f"n={self.updates} said"), now_ms)

    def _take(self, records: list[Record]) -> None:
        numbered = [replace(record, offset=self._offset + place) for place, record in enumerate(records)]
        self._offset += len(records)
        self._hub.hear(self._library.take(numbered))


def _now_ms() -> int:
    return int(time.time() * 1000)


def _beginning(number: int) -> Iterator[Event]:
    name = video_id(number)
    yield LinkSubmitted(
        event_id=f"{name}/s",
        video_id=name,
        submission_id="s",
        submitted_at_s=time.time(),
        url=f"https://example.org/{number}",
    )
    for stage in writers("progress"):
        if stage != "score":
            yield _said(number, stage, done=1.0, message="")


def _said(number: int, stage: str, *, done: float, message: str) -> StageProgressed:
    return StageProgressed(
        event_id=f"{number}/{stage}/{done}", video_id=video_id(number), stage=stage, state="running", done=done,
        total=TOTAL, message=message,
    )  # fmt: skip


def _record(event: Event, at_ms: int) -> Record:
    topic = topic_of(event)
    return Record(
        topic=topic.name, partition=partition_of(event.partition_key, 4), offset=0, headers=(),
        key=event.record_key.encode(), value=encode(event), timestamp_ms=at_ms,
    )  # fmt: skip


def allow_many_files() -> None:
    """Raise the limit of open files as far as it goes: each stream is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Serve until there is nothing more to read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--videos", type=int, required=True)
    parser.add_argument("--port", type=int, default=0)
    wanted = parser.parse_args()
    allow_many_files()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with ExitStack() as stack:
        _serve(wanted, stack)


def _serve(wanted: argparse.Namespace, stack: ExitStack) -> None:
    settings = Settings(home=wanted.home)
    library = open_library(settings)
    stack.callback(library.close)
    hub = Hub(library, limits=Limits(streams_per_caller=4000))
    topics = KafkaTopics(settings, NOWHERE)
    desk = Desk(
        settings=settings, bootstrap=NOWHERE, library=library, topics=topics, store=open_media(settings), hub=hub
    )
    database = open_database(settings.home)
    stack.callback(database.close)
    app = guarded(create_app(desk), settings, database)
    config = uvicorn.Config(
        app, port=wanted.port, loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False,
        log_config=None, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = LiveServer(config, hub)
    feeder = Feeder(library, hub, videos=wanted.videos)
    threading.Thread(target=_obey, args=(server, feeder, hub, settings), daemon=True).start()
    server.run()


def _obey(server: LiveServer, feeder: Feeder, hub: Hub, settings: Settings) -> None:
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    _say({"url": f"http://127.0.0.1:{port}", "token": owner_token(settings.home), "pid": os.getpid()})
    for line in sys.stdin:
        feeder.feed(json.loads(line)["seconds"])
        _say(
            {
                "updates": feeder.updates,
                "last": feeder.last,
                "listeners": hub.listeners,
                "ring_bytes": hub.ring.size_bytes,
            }
        )
    server.should_exit = True


def _say(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
