"""What a running worker says about itself: /metrics, /health and its log."""

import json
import logging
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from workers import toys_on, wait_until

from schemas.segments import VideoSegmented
from streams import metrics
from streams.kafka.broker import EmbeddedBroker
from streams.logs import JsonFormatter, PlainFormatter


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except urllib.error.URLError:
        return 0, ""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_only_a_ready_worker_is_healthy() -> None:
    state = {"status": "starting"}
    port = metrics.serve(metrics.StageMetrics("toy"), lambda: state, port=0)
    assert get(port, "/health") == (503, '{"status": "starting"}')
    for status, code in (("ready", 200), ("stuck", 503), ("stopping", 503)):
        state["status"] = status
        assert get(port, "/health")[0] == code
    assert get(port, "/secrets")[0] == 404


def test_what_is_counted_can_be_scraped() -> None:
    counted = metrics.StageMetrics("toy")
    port = metrics.serve(counted, lambda: {"status": "ready"}, port=0)
    counted.events_in.inc("links", by=3)
    counted.count_out(VideoSegmented(event_id="1", video_id="url:a", revision="0" * 16, count=1))
    counted.set_lag("links", 7)
    text = get(port, "/metrics")[1]
    assert 'groundswell_events_in_total{stage="toy",topic="links"} 3.0' in text
    assert 'groundswell_events_out_total{stage="toy",topic="segments"} 1.0' in text
    assert 'groundswell_lag_events{stage="toy",topic="links"} 7.0' in text


def test_a_taken_port_is_an_error() -> None:
    counted = metrics.StageMetrics("toy")
    port = metrics.serve(counted, lambda: {"status": "ready"}, port=free_port())
    with pytest.raises(OSError, match="in use"):
        metrics.serve(counted, lambda: {"status": "ready"}, port=port)


def test_a_log_line_is_json_whatever_it_says() -> None:
    record = logging.makeLogRecord(
        {
            "name": "x",
            "levelname": "ERROR",
            "msg": 'a "quote"\nand %s',
            "args": ("\x1b[0m",),
            "fields": {"path": Path()},
        }
    )
    line = JsonFormatter("toy").format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == 'a "quote"\nand \x1b[0m'
    assert json.loads(line)["path"] == "."


def test_a_readable_log_line_carries_its_fields() -> None:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "ready", "fields": {"port": 1}})
    assert PlainFormatter("toy").format(record).endswith("ready  port=1")


@pytest.mark.broker
@pytest.mark.slow
def test_a_worker_is_healthy_only_once_it_has_its_partitions(
    broker: EmbeddedBroker, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDSWELL_LOG_JSON", "true")
    with toys_on(broker.bootstrap, cache, tmp_path) as toys:
        port, seen = free_port(), []
        toys.settings = toys.settings.model_copy(update={"metrics_port": port, "log_json": True})
        worker = toys.start("transform")
        wait_until(lambda: seen.append(get(port, "/health")[0]) or seen[-1] == 200, limit_s=30, what="health")
        assert 503 in seen, "it answers before it is ready"
        held = f'groundswell_partitions{{stage="toy-transform-{toys.name}"}} 4.0'
        wait_until(lambda: held in get(port, "/metrics")[1], limit_s=30, what="its four partitions among the figures")
        worker.wait_ready()

        toys.send(
            [*(toys.link(n) for n in range(20)), toys.link(20, title="breaks"), toys.link(21, title="fails twice")]
        )
        toys.wait_for_answers([*range(20), 21])
        toys.wait_for_committed()
        labels = f'stage="toy-transform-{toys.name}"'
        expected = {
            f'groundswell_events_in_total{{{labels},topic="links"}} 22.0',
            f'groundswell_events_out_total{{{labels},topic="segments"}} 21.0',
            f'groundswell_events_out_total{{{labels},topic="progress"}} 1.0',
            f"groundswell_events_dead_total{{{labels}}} 1.0",
            f"groundswell_retries_total{{{labels}}} 2.0",
        }
        wait_until(lambda: expected <= set(get(port, "/metrics")[1].splitlines()), limit_s=10, what=str(expected),
                   tell=lambda: get(port, "/metrics")[1])  # fmt: skip
        worker.leave()
        lines = [json.loads(line) for line in worker.log.read_text().splitlines() if not line.startswith("ready ")]
        assert {"ready"} <= {line["message"] for line in lines}
        assert all({"time", "level", "stage", "logger", "message"} <= set(line) for line in lines)
