"""The trail: who changed what, when and from where. One JSON object a line, never a body."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.requests import MESSAGE_START, address_of, is_change
from dashboard.access.roles import caller_in

LARGEST_FILE_BYTES = 10 * 2**20
MOST_FILES = 5
LONGEST_TEXT = 300


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change, done or refused.

    Attributes
    ----------
    way : str
        ``token``, ``session``, ``shell`` (a command on this machine), or empty when nobody was known.
    route : str
        As the API describes it, such as ``/v1/videos/{video_id}``; `ids` has what stood in the braces.
    """

    at_s: float
    name: str
    role: str
    way: str
    address: str
    method: str
    path: str
    status: int
    route: str = ""
    ids: dict[str, str] = {}


class Trail:
    """The file of entries, with older ones beside it; bounded."""

    def __init__(self, home: Path, *, largest_bytes: int = LARGEST_FILE_BYTES) -> None:
        self.path = home / "dashboard" / "audit.jsonl"
        self._largest_bytes, self._lock = largest_bytes, Lock()

    def note(self, entry: Entry) -> None:
        """Add an entry at the end."""
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size >= self._largest_bytes:
                self._turn()
            with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as file:
                file.write(msgspec.json.encode(entry) + b"\n")

    def newest_first(self) -> Iterator[Entry]:
        """All entries that are kept; lines that a crash cut off are left out."""
        for path in [self.path, *(self._old(n) for n in range(1, MOST_FILES))]:
            lines = path.read_bytes().splitlines() if path.exists() else []
            for line in reversed(lines):
                try:
                    yield msgspec.json.decode(line, type=Entry)
                except msgspec.DecodeError:
                    continue

    def _turn(self) -> None:
        for number in range(MOST_FILES - 1, 1, -1):
            if self._old(number - 1).exists():
                self._old(number - 1).replace(self._old(number))
        self.path.replace(self._old(1))

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class Audit:
    """Notes every request that may change something, before its answer begins: what was answered is on the trail."""

    def __init__(self, app: ASGIApp, trail: Trail, *, now_s: Callable[[], float] = time.time) -> None:
        self._app, self._trail, self._now_s = app, trail, now_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if not is_change(scope):
            await self._app(scope, receive, send)
            return
        is_noted = False

        async def send_on(message: Message) -> None:
            nonlocal is_noted
            if message["type"] == MESSAGE_START:
                self._trail.note(self._entry(scope, message["status"]))
                is_noted = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            if not is_noted:
                self._trail.note(self._entry(scope, 500))

    def _entry(self, scope: Scope, status: int) -> Entry:
        caller = caller_in(scope)
        return Entry(
            at_s=round(self._now_s(), 3),
            name=caller.name if caller else "",
            role=caller.role if caller else "",
            way=caller.way if caller else "",
            address=address_of(scope),
            method=scope["method"],
            path=_short(scope["path"]),
            status=status,
            route=str(getattr(scope.get("route"), "path", "")),
            ids={name: _short(str(value)) for name, value in scope.get("path_params", {}).items()},
        )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."
