"""Prometheus metrics and health of one worker, on a port of its own."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.event import Event
from streams.topology import topic_of

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
_SILENT_CLIENT_S = 10.0


class StageMetrics:
    """What one worker counts; every name begins with ``groundswell_`` and carries the stage."""

    def __init__(self, stage: str) -> None:
        self.registry = CollectorRegistry()
        self._stage = stage
        self.events_in = self._counter("events_in", "Events read and done with, by topic.", "topic")
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

    def count_out(self, event: Event) -> None:
        """Count an event that the broker has confirmed."""
        self.events_out.inc(topic_of(event).name)

    def set_lag(self, topic: str, events: int) -> None:
        """Say how many events of a topic wait for this worker."""
        self.lag.labels(self._stage, topic).set(events)

    def _counter(self, name: str, text: str, *labels: str) -> "_BoundCounter":
        counter = Counter(f"groundswell_{name}", text, ["stage", *labels], registry=self.registry)
        return _BoundCounter(counter, self._stage)


class _BoundCounter:
    def __init__(self, counter: Counter, stage: str) -> None:
        self._counter, self._stage = counter, stage

    def inc(self, *labels: str, by: int = 1) -> None:
        self._counter.labels(self._stage, *labels).inc(by)


def serve(metrics: StageMetrics, health: Callable[[], Mapping[str, object]], *, port: int) -> int:
    """Answer ``/metrics`` and ``/health`` (503 unless the worker is ready) until the process ends.

    A thread of its own answers, so that both speak also while the worker is busy.

    Parameters
    ----------
    health : callable
        What /health answers; its ``status`` says whether the worker is ``ready``.
    port : int
        A port chosen by hand is there to be scraped from elsewhere and open to all addresses;
        0 takes any free one, for this machine only.

    Returns
    -------
    int
        The port.

    Raises
    ------
    OSError
        The port is taken.
    """

    class Handler(_Handler):
        answers: ClassVar = {
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)),
            "/health": lambda: _health_answer(health()),
        }

    server = ThreadingHTTPServer(("" if port else "127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    answers: ClassVar[Mapping[str, Callable[[], tuple[int, str, bytes]]]]
    timeout = _SILENT_CLIENT_S

    def do_GET(self) -> None:
        answer = self.answers.get(self.path.partition("?")[0], _not_found)
        status, kind, body = answer()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: scrapes are not news."""


def _health_answer(state: Mapping[str, object]) -> tuple[int, str, bytes]:
    return 200 if state["status"] == "ready" else 503, "application/json", json.dumps(state).encode()


def _not_found() -> tuple[int, str, bytes]:
    return 404, "text/plain", b"there are /metrics and /health\n"
