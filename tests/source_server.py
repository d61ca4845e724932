"""A real web server on this machine that serves videos well, badly, and with bad intent."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SourceServer(ThreadingHTTPServer):
    """Behaves as the first part of the path says; counts what it was asked.

    ``/ok/x.mp4`` serves well, with ranges and an ETag; see the methods of `_Handler` for the others.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, body: bytes, host: str) -> None:
        super().__init__((host, 0), _Handler)
        self.body = body
        self.etag = '"one"'
        self.files: dict[str, tuple[str, bytes]] = {}
        self.hits: list[str] = []
        self.ranges: list[str] = []
        self.stopping = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str) -> str:
        return f"http://{self.server_address[0]}:{self.port}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave early are part of the plan."""


@contextmanager
def serving(body: bytes, host: str = "127.0.0.1") -> Iterator[SourceServer]:
    """Serve `body` until the end of the block."""
    server = SourceServer(body, host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SourceServer

    def do_GET(self) -> None:
        self.server.hits.append(self.path)
        self.close_connection = True
        behaviour, _, rest = self.path.lstrip("/").partition("/")
        if behaviour.isdigit():
            self._status(int(behaviour))
        else:
            getattr(self, f"_{behaviour.replace('-', '_')}")(rest)

    do_HEAD = do_GET  # noqa: N815 (the name http.server looks for)

    def _ok(self, _: str) -> None:
        """All of it, or the range that was asked for."""
        start = self._asked_start()
        if start is None:
            self._send(200, self.server.body)
        elif start >= len(self.server.body):
            self._status(416)
        else:
            total = len(self.server.body)
            self._send(206, self.server.body[start:], {"Content-Range": f"bytes {start}-{total - 1}/{total}"})

    def _plain(self, _: str) -> None:
        """All of it, always, with nothing by which to resume."""
        self._send(200, self.server.body, etag=False)

    def _file(self, name: str) -> None:
        """One of `files`: its content type and its bytes."""
        content_type, body = self.server.files[name]
        self._send(200, body, content_type=content_type)

    def _page(self, _: str) -> None:
        """A web page without a video."""
        self._send(200, b"<html><title>hello</title><p>nothing here</p></html>", content_type="text/html")

    def _truncated(self, _: str) -> None:
        """Two thirds of what is left (the last 100 kB in one go), and then the connection ends."""
        start = self._asked_start() or 0
        left = self.server.body[start:]
        total = len(self.server.body)
        more = {"Content-Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
        self._headers(206 if start else 200, {"Content-Length": str(len(left)), "ETag": self.server.etag, **more})
        self.wfile.write(left[: max(100_000, len(left) * 2 // 3)])

    def _stuck(self, _: str) -> None:
        """Always the same first kilobyte, and then the connection ends."""
        self._headers(200, {"Content-Length": str(len(self.server.body))})
        self.wfile.write(self.server.body[:1000])

    def _stalling(self, _: str) -> None:
        """Half of it and then nothing more, until somebody asks for the rest."""
        if "Range" in self.headers:
            self._ok("")
            return
        self.server.ranges.append("")
        self._headers(200, {"Content-Length": str(len(self.server.body)), "ETag": self.server.etag})
        self.wfile.write(self.server.body[: len(self.server.body) // 2])
        self.server.stopping.wait(30)

    def _without_ranges(self, _: str) -> None:
        """Breaks off in the middle the first time; whatever range is asked for, sends all of it."""
        asked_before = len(self.server.ranges)
        self.server.ranges.append(self.headers.get("Range", ""))
        self._headers(200, {"Content-Length": str(len(self.server.body)), "ETag": self.server.etag})
        self.wfile.write(self.server.body[: None if asked_before else len(self.server.body) // 2])

    def _boastful(self, _: str) -> None:
        """Announces far more than is allowed."""
        self._headers(200, {"Content-Length": str(10**12)})
        self.wfile.write(self.server.body)

    def _endless(self, _: str) -> None:
        """Never stops, and announces nothing."""
        self._headers(200, {})
        while not self.server.stopping.is_set():
            self.wfile.write(b"\0" * 65536)

    def _endless_chunks(self, _: str) -> None:
        """Never stops, in chunks."""
        self._headers(200, {"Transfer-Encoding": "chunked"})
        while not self.server.stopping.is_set():
            self.wfile.write(b"10000\r\n" + b"\0" * 65536 + b"\r\n")

    def _modest(self, _: str) -> None:
        """Announces half of what it sends."""
        self._headers(200, {"Content-Length": str(len(self.server.body) // 2)})
        self.wfile.write(self.server.body)

    def _slow(self, _: str) -> None:
        """A byte every tenth of a second."""
        self._headers(200, {"Content-Length": str(len(self.server.body))})
        for place in range(len(self.server.body)):
            if self.server.stopping.wait(0.1):
                return
            self.wfile.write(self.server.body[place : place + 1])

    def _silent(self, _: str) -> None:
        """Takes the question and never answers."""
        self.server.stopping.wait(30)

    def _nonsense(self, _: str) -> None:
        """Does not speak HTTP."""
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    def _to(self, rest: str) -> None:
        """Redirects to ``scheme/host/path``."""
        scheme, _, place = rest.partition("/")
        self._headers(302, {"Location": f"{scheme}://{place}", "Content-Length": "0"})

    def _round(self, _: str) -> None:
        """Redirects to itself."""
        self._headers(302, {"Location": self.path, "Content-Length": "0"})

    def _status(self, status: int) -> None:
        self._send(status, b"no")

    def _asked_start(self) -> int | None:
        asked = self.headers.get("Range", "")
        self.server.ranges.append(asked)
        found = re.fullmatch(r"bytes=(\d+)-", asked)
        if found is None or self.headers.get("If-Range", self.server.etag) != self.server.etag:
            return None
        return int(found[1])

    def _send(
        self,
        status: int,
        body: bytes,
        more: dict[str, str] | None = None,
        *,
        content_type: str = "video/mp4",
        etag: bool = True,
    ) -> None:
        validator = {"ETag": self.server.etag} if etag else {}
        kind = {"Content-Type": content_type, "Content-Length": str(len(body))}
        self._headers(status, kind | validator | (more or {}))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _headers(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:  # Any: as in the base class
        """Keep the tests' output quiet."""
