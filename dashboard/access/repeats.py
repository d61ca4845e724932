"""The layer that makes trying again safe: a request with the same ``Idempotency-Key`` gets the same answer."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.database import Database
from dashboard.access.requests import MESSAGE_BODY, MESSAGE_START, refuse
from dashboard.access.roles import caller_in
from dashboard.access.sizes import limit_of
from dashboard.problems import Problem

KEPT_S = 24 * 3600.0
MOST_ANSWERS = 10_000
LARGEST_ANSWER_BYTES = 2**20
LONGEST_KEY = 200
NOT_KEPT = (401, 403, 408, 429)
"""These, and errors of ours, may be other the next time."""

REPLAYED = (b"idempotent-replayed", b"true")

SCHEMA = """
create table if not exists answers (
    name text not null, key text not null, request blob not null, at_s real not null, answer blob not null,
    primary key (name, key)
) without rowid;
create index if not exists answers_by_age on answers (at_s);
"""


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What was answered, as ASGI sends it."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Answers:
    """The answers of a day, by caller and key, the newest ten thousand."""

    def __init__(self, database: Database, *, now_s: Callable[[], float] = time.time) -> None:
        self._database, self._now_s = database, now_s

    def find(self, name: str, key: str) -> tuple[bytes, Answer] | None:
        """The hash of the request that was answered, and the answer."""
        row = self._database.one(
            "select request, answer from answers where name = ? and key = ? and at_s > ?",
            (name, key, self._now_s() - KEPT_S),
        )
        return (row[0], msgspec.msgpack.decode(row[1], type=Answer)) if row else None

    def keep(self, name: str, key: str, *, request: bytes, answer: Answer) -> None:
        """Keep an answer, and let go of the oldest."""
        now_s = self._now_s()
        self._database.all("delete from answers where at_s < ?", (now_s - KEPT_S,))
        self._database.all(
            "delete from answers where (name, key) in "
            "(select name, key from answers order by at_s desc limit -1 offset ?)",
            (MOST_ANSWERS - 1,),
        )
        self._database.all(
            "insert or replace into answers values (?, ?, ?, ?, ?)",
            (name, key, request, now_s, msgspec.msgpack.encode(answer)),
        )


@dataclass
class _Heard:
    """An answer on its way out."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False

    def hear(self, message: Message) -> None:
        if message["type"] == MESSAGE_START:
            self.status, self.headers = message["status"], tuple((bytes(k), bytes(v)) for k, v in message["headers"])
        elif message["type"] == MESSAGE_BODY and len(self.body) <= LARGEST_ANSWER_BYTES:
            self.body += message.get("body", b"")
            self.is_whole = not message.get("more_body", False)

    def answer(self) -> Answer | None:
        """What to keep; None: nothing."""
        is_worth = self.status < 500 and self.status not in NOT_KEPT
        fits = self.is_whole and len(self.body) <= LARGEST_ANSWER_BYTES
        return Answer(self.status, self.headers, bytes(self.body)) if is_worth and fits else None


class Repeats:
    """Does a POST with a key once, and repeats its answer for a day.

    Source: draft-ietf-httpapi-idempotency-key-header-07.
    """

    def __init__(self, app: ASGIApp, answers: Answers) -> None:
        self._app, self._answers = app, answers
        self._at_work: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it as before."""
        key, caller = Headers(scope=scope).get("idempotency-key"), caller_in(scope)
        # Uploads are known by their content, and too large to be held here.
        if key is None or caller is None or scope["method"] != "POST" or limit_of(scope["path"]) is None:
            await self._app(scope, receive, send)
        elif not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
            detail = f"Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters; came {len(key)}"
            await refuse(Problem(400, "bad-key", "The key cannot be used", detail=detail), scope, receive, send)
        elif (caller.name, key) in self._at_work:
            await refuse(_at_work(), scope, receive, send)
        else:
            await self._once((caller.name, key), scope, receive, send)

    async def _once(self, place: tuple[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        self._at_work.add(place)
        try:
            body = await _whole_body(receive)
            if body is None:
                return
            request = _hash_of(scope, body)
            known = self._answers.find(*place)
            if known is None:
                await self._do(place, request, scope, _again(body, receive), send)
            elif known[0] != request:
                await refuse(_another(), scope, receive, send)
            else:
                await _repeat(known[1], send)
        finally:
            self._at_work.discard(place)

    async def _do(self, place: tuple[str, str], request: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        heard = _Heard()

        async def send_on(message: Message) -> None:
            heard.hear(message)
            if heard.is_whole and (answer := heard.answer()):
                self._answers.keep(*place, request=request, answer=answer)
            await send(message)

        await self._app(scope, receive, send_on)


async def _whole_body(receive: Receive) -> bytes | None:
    """Read all of a body, which the layer before has limited; None: whoever sent it left in the middle."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give the app the body that was read, then whatever comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def _hash_of(scope: Scope, body: bytes) -> bytes:
    asked = b"\0".join((scope["method"].encode(), scope["path"].encode(), scope["query_string"], body))
    return hashlib.sha256(asked).digest()


async def _repeat(answer: Answer, send: Send) -> None:
    await send({"type": MESSAGE_START, "status": answer.status, "headers": [*answer.headers, REPLAYED]})
    await send({"type": MESSAGE_BODY, "body": answer.body})


def _at_work() -> Problem:
    detail = "the first request with this Idempotency-Key is still at work; ask again in a moment"
    return Problem(409, "at-work", "Still at work", detail=detail, headers={"Retry-After": "1"})


def _another() -> Problem:
    detail = "this Idempotency-Key was used for another request within a day; take a new one"
    return Problem(422, "key-used", "The key was used for something else", detail=detail)
