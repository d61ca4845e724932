"""A reader of server-sent events, in a thread of its own."""

import contextlib
import http.client
import json
import socket
import threading
from dataclasses import dataclass
from typing import Any  # Any: JSON
from urllib.parse import urlsplit

from rows_kept import PATIENCE_S, until


@dataclass(frozen=True)
class Told:
    """One event."""

    event: str
    data: Any
    event_id: str = ""


class EventReader:
    """Reads a stream until it ends or is left; `told` grows meanwhile. `problem` is the document of a refusal."""

    def __init__(self, address: str, *, last_event_id: str = "") -> None:
        parts = urlsplit(address)
        self.told: list[Told] = []
        self.status = 0
        self.problem: dict[str, Any] = {}
        self._wanted = f"{parts.path}?{parts.query}"
        self._headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        self._connection = http.client.HTTPConnection(parts.netloc)
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "EventReader":
        self._connection.request("GET", self._wanted, headers=self._headers)
        self._socket = self._connection.sock
        self._thread.start()
        until(lambda: self.status or self.ended)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self._connection.close()

    @property
    def ended(self) -> bool:
        """The server says no more, or is gone."""
        return not self._thread.is_alive()

    def of(self, event: str) -> list[Told]:
        """Events of one type."""
        return [one for one in self.told if one.event == event]

    def wait_for(self, event: str, count: int = 1) -> Told:
        """Wait until so many events of a type have come; the last of them."""
        until(lambda: len(self.of(event)) >= count or self.ended)
        return self.of(event)[count - 1]

    def _read(self) -> None:
        with contextlib.suppress(http.client.HTTPException, OSError):
            response = self._connection.getresponse()
            if response.status != 200:
                self.problem = json.loads(response.read())
            self.status = response.status
            self._take(response)

    def _take(self, response: http.client.HTTPResponse) -> None:
        fields: dict[str, str] = {}
        while line := response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
                continue
            if "data" in fields:
                self.told.append(Told(fields["event"], json.loads(fields["data"]), fields.get("id", "")))
            fields = {}
