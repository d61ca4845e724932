"""Addresses that webhooks tell: small HTTP servers that keep what they hear."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any  # Any: the fields of a listener


@dataclass
class Listener:
    """An address that keeps what it is told and answers `status`, after `release` where it is to be slow."""

    status: int = 200
    release: threading.Event = field(default_factory=threading.Event)
    is_slow: bool = False
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        """Hear a message; the status."""
        if self.is_slow:
            self.release.wait(60)
        self.heard.append((headers, body))
        return self.status


@contextmanager
def listeners() -> Iterator[Callable[..., Listener]]:
    """Start listeners, as many as are asked for; all end with the block."""
    servers, started = list[ThreadingHTTPServer](), list[Listener]()

    def start(**how: Any) -> Listener:
        listener = Listener(**how)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(listener))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        listener.url = f"http://127.0.0.1:{server.server_address[1]}/hook?a=b"
        servers.append(server)
        started.append(listener)
        return listener

    yield start
    for listener in started:
        listener.release.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(listener.answer(dict(self.headers), body))
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    return Handler
