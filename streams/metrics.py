"""Prometheus metrics and health of one worker, on a port of its own."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.event import Event
from streams.topology import topic_of

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class StageMetrics:
    """What one worker counts; every name begins with ``groundswell_`` and carries the stage."""

    def __init__(self, stage: str) -> None:
        self.registry = CollectorRegistry()
        self._stage = stage
        self.events_in = self._counter("events_in", "Events read, by topic.", "topic")
        self.events_out = self._counter("events_out", "Events written and confirmed, by topic.", "topic")
        self.dead = self._counter("events_dead", "Events sent to dead-letters.")
        self.retries = self._counter("retries", "Attempts after the first.")
        self.step_seconds = Histogram(
            "groundswell_step_seconds", "Seconds a step took.", ["stage"], buckets=_SECONDS, registry=self.registry
        ).labels(stage)
        self.batch_size = Histogram(
            "groundswell_batch_events", "Events in a step.", ["stage"], buckets=_SIZES, registry=self.registry
        ).labels(stage)
        self.lag = Gauge(
            "groundswell_lag_events", "Events waiting, by topic.", ["stage", "topic"], registry=self.registry
        )
        self.partitions = Gauge("groundswell_partitions", "Partitions held.", ["stage"], registry=self.registry).labels(
            stage
        )

    def _counter(self, name: str, text: str, *labels: str) -> "_BoundCounter":
        counter = Counter(f"groundswell_{name}", text, ["stage", *labels], registry=self.registry)
        return _BoundCounter(counter, self._stage)

    def count_out(self, event: Event) -> None:
        """Count an event that the broker has confirmed."""
        self.events_out.inc(topic_of(event).name)

    def set_lag(self, topic: str, events: int) -> None:
        """Say how many events of a topic wait for this worker."""
        self.lag.labels(self._stage, topic).set(events)


class _BoundCounter:
    def __init__(self, counter: Counter, stage: str) -> None:
        self._counter, self._stage = counter, stage

    def inc(self, *labels: str, by: int = 1) -> None:
        self._counter.labels(self._stage, *labels).inc(by)


async def serve(metrics: StageMetrics, health: Callable[[], dict[str, object]], port: int) -> tuple[web.AppRunner, int]:
    """Answer ``/metrics`` and ``/health`` (503 until the worker is ready) on all addresses.

    Returns
    -------
    runner, port
        To be cleaned up by the caller; the port that was taken (any free one for port 0).

    Raises
    ------
    OSError
        The port is taken.
    """

    async def on_metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def on_health(_: web.Request) -> web.Response:
        answer = health()
        return web.json_response(answer, status=200 if answer["status"] == "ready" else 503)

    app = web.Application()
    app.router.add_get("/metrics", on_metrics)
    app.router.add_get("/health", on_health)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    # A port chosen by hand is there to be scraped from elsewhere; any other stays on this machine.
    site = web.TCPSite(runner, None if port else "127.0.0.1", port)
    await site.start()
    return runner, runner.addresses[0][1]
