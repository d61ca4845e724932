"""Many readers of one event stream in one process; for `benchmarks.dashboard`.

Speaks JSON lines: says when all are connected; takes ``{"last": {video: time}}``, waits until every reader has the last word
on every video, or gives up, and answers what it saw since the last time.
"""

import asyncio
import json
import re
import socket
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import numpy as np
import uvloop

from benchmarks.dashboard_server import allow_many_files

MARK = b'event: video\ndata: {"video_id":"youtube:v'
ROW = re.compile(rb'(\d+)","state":"running","submitted_at_s":[0-9.]+,"changed_at_s":([0-9.]+)')
"""The beginning of a row. Every update has a time of its own, so the time tells which it is."""

PATIENCE_S = 120.0
AT_ONCE = 50


class Reader(asyncio.Protocol):
    """Keeps the time of the last word on each video, and how late each word came."""

    def __init__(self, request: bytes) -> None:
        self._request, self._rest = request, b""
        self.last: dict[int, float] = {}
        self.lags_s: list[float] = []
        self.is_live = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take what came, as far as it is whole."""
        if not self.is_live.done() and b"still here" in data:
            self.is_live.set_result(None)
        whole, end, self._rest = (self._rest + data).rpartition(b"\n\n")
        if end:
            self._take(whole)

    def _take(self, text: bytes) -> None:
        now_s, at = time.time(), text.find(MARK)
        while at >= 0:
            at += len(MARK)
            if row := ROW.match(text, at):
                name, said_s = int(row[1]), float(row[2])
                if said_s > self.last.get(name, 0):
                    self.last[name] = said_s
                    self.lags_s.append(now_s - said_s)
            at = text.find(MARK, at)

    def connection_lost(self, error: Exception | None) -> None:
        """Say so to who waits."""
        if not self.is_live.done():
            self.is_live.set_exception(error or ConnectionError("the server ended the stream"))


async def connect(url: str, token: str, count: int) -> list[Reader]:
    """Open streams, some at a time, until each has caught up."""
    parts = urlsplit(url)
    request = f"GET /v1/events HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    turn = asyncio.Semaphore(AT_ONCE)

    async def one() -> Reader:
        async with turn:
            _, reader = await asyncio.get_running_loop().create_connection(
                lambda: Reader(request), str(parts.hostname), parts.port or 80
            )
            await reader.is_live
            return reader

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def all_told(readers: list[Reader], expected: dict[int, float]) -> int:
    """Wait until every reader has every last word; how many words are missing in the end."""
    deadline_s = time.monotonic() + PATIENCE_S
    while missing := sum(_missing(reader, expected) for reader in readers):
        if time.monotonic() > deadline_s:
            break
        await asyncio.sleep(0.5)
    return missing


def _missing(reader: Reader, expected: dict[int, float]) -> int:
    return 0 if reader.last == expected else sum(reader.last.get(k, 0) < said_s for k, said_s in expected.items())


def summary(readers: list[Reader], missing: int) -> dict[str, float]:
    """What was seen, and begin anew."""
    lags_s = np.array([lag for reader in readers for lag in reader.lags_s] or [np.nan])
    for reader in readers:
        reader.lags_s = []
    p50, p95, most = np.percentile(lags_s, (50, 95, 100))
    return {
        "missing": missing,
        "readers_cpu_s": time.process_time(),
        "heard": len(lags_s),
        "lag_p50_s": p50,
        "lag_p95_s": p95,
        "lag_most_s": most,
    }


def a_stuck_reader(url: str, token: str) -> socket.socket:
    """Open a stream and take nothing from it."""
    parts = urlsplit(url)
    made = socket.create_connection((str(parts.hostname), int(parts.port or 80)))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.sendall(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return made


async def main() -> None:
    """Read until there is nothing more to do."""
    url, token, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    allow_many_files()
    begin_s = time.monotonic()
    readers = await connect(url, token, count)
    _say({"connected_s": time.monotonic() - begin_s})
    while line := await asyncio.to_thread(sys.stdin.readline):
        expected = {int(name): said_s for name, said_s in json.loads(line)["last"].items()}
        missing = await all_told(readers, expected)
        _say(summary(readers, missing))


def _say(what: dict[str, float]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
