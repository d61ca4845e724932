"""The layer that keeps one caller from taking the dashboard from all others."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.requests import MESSAGE_START, address_of, is_change, refuse
from dashboard.access.roles import caller_in
from dashboard.problems import Problem
from streams.settings import Settings

MINUTE_S = 60.0
MOST_BUCKETS = 10_000
FREE = ("/static/", "/health")
STRANGERS_SHARE = 10
"""Of what a caller may, an address may a tenth of before it has said who it is."""


@dataclass(frozen=True)
class Left:
    """What is left of a bucket: whole requests, seconds until it is full, and until the next request (0: now)."""

    requests: int
    full_in_s: float
    next_in_s: float


class Buckets:
    """Token buckets by key, in bounded memory: each holds a minute's worth and fills steadily."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, per_minute: int) -> Left:
        """Take one request out of a bucket if there is one."""
        now_s, rate = self._now_s(), per_minute / MINUTE_S
        level, at_s = self._buckets.get(key, (float(per_minute), now_s))
        level = min(float(per_minute), level + (now_s - at_s) * rate)
        is_there = level >= 1
        level -= is_there
        self._buckets[key] = level, now_s
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return Left(int(level), (per_minute - level) / rate, 0.0 if is_there else (1 - level) / rate)


class RateLimit:
    """Answers 429 with ``Retry-After`` when a bucket is empty, and says on every answer what is left.

    Source: draft-ietf-httpapi-ratelimit-headers-10 for the names and the form of the headers.
    """

    def __init__(self, app: ASGIApp, settings: Settings, *, buckets: Buckets | None = None) -> None:
        self._app, self._buckets = app, buckets or Buckets()
        self._per_minute = {
            "reads": settings.dashboard_reads_per_minute,
            "writes": settings.dashboard_writes_per_minute,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["path"].startswith(FREE):
            await self._app(scope, receive, send)
            return
        kind, caller = "writes" if is_change(scope) else "reads", caller_in(scope)
        who = f"caller {caller.name}" if caller else f"address {address_of(scope)}"
        per_minute = self._per_minute[kind] if caller else max(1, self._per_minute[kind] // STRANGERS_SHARE)
        left = self._buckets.take(f"{kind} {who}", per_minute)

        async def send_on(message: Message) -> None:
            if message["type"] == MESSAGE_START:
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = f'"{kind}";q={per_minute};w={MINUTE_S:.0f}'
                headers["RateLimit"] = f'"{kind}";r={left.requests};t={math.ceil(left.full_in_s)}'
            await send(message)

        if left.next_in_s:
            await refuse(_too_many(kind, per_minute, left), scope, receive, send_on)
        else:
            await self._app(scope, receive, send_on)


def _too_many(kind: str, per_minute: int, left: Left) -> Problem:
    return Problem(
        429, "too-many", "Too many requests", detail=f"at most {per_minute} {kind} a minute; wait as Retry-After says",
        headers={"Retry-After": str(math.ceil(left.next_in_s))},
    )  # fmt: skip
