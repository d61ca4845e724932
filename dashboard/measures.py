"""What the dashboard counts about itself, for Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.requests import MESSAGE_START

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class Measures:
    """The counters; every name begins with ``groundswell_dashboard_``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "groundswell_dashboard_requests",
            "Answers begun, by route.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "groundswell_dashboard_seconds", "Seconds until an answer begins.", buckets=_SECONDS, registry=self.registry
        )
        self.open = Gauge(
            "groundswell_dashboard_open_requests", "Requests at work, streams of events too.", registry=self.registry
        )
        self.lag = Gauge(
            "groundswell_dashboard_library_lag_events",
            "Events that the library has yet to take in.",
            registry=self.registry,
        )
        self.streams = Gauge("groundswell_dashboard_event_streams", "Open streams of events.", registry=self.registry)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer; addresses that no route knows are one."""
        route = str(getattr(scope.get("route"), "path", "other"))
        self._requests.labels(scope["method"], route, str(status)).inc()
        self._seconds.observe(seconds)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)


class Measured:
    """The layer that counts."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self._app, self._measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        began_s = time.monotonic()

        async def send_on(message: Message) -> None:
            if message["type"] == MESSAGE_START:
                self._measures.count(scope, message["status"], time.monotonic() - began_s)
            await send(message)

        with self._measures.open.track_inprogress():
            await self._app(scope, receive, send_on)
