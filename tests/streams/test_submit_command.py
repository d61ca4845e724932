"""`groundswell submit` on a real Kafka, with more lines than anybody types."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.links import LinkSubmitted
from streams.kafka.admin import create_missing
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import event_of, read_to_end
from streams.settings import Settings

pytestmark = pytest.mark.broker

LINES = 3000


def test_thousands_of_lines_are_published_and_each_bad_one_is_named(
    broker: EmbeddedBroker, settings: Settings, tmp_path: Path
) -> None:
    create_missing(settings, broker.bootstrap)
    good = [f"https://vimeo.com/{9_000_000 + n}" for n in range(LINES)]
    (tmp_path / "list.txt").write_text("\n".join([*good, "https://10.0.0.1:port/x", "not a link"]))
    done = subprocess.run(
        [sys.executable, "-m", "streams.commands.main", "submit", str(tmp_path / "list.txt"), "--json"],
        env={**os.environ, **settings.environment()}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, "two lines were bad"
    assert f"list.txt:{LINES + 1}" in done.stderr
    assert f"list.txt:{LINES + 2}" in done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(printed) == LINES
    # The broker is shared: other tests send garbage to the same topic.
    records = [r for r in read_to_end(settings, broker.bootstrap, ["links"]) if (r.key or b"").startswith(b"vimeo:90")]
    events = [event for event in map(event_of, records) if isinstance(event, LinkSubmitted)]
    published = {event.video_id: event for event in events}
    assert {p["video_id"] for p in printed} == set(published)
    assert all(published[p["video_id"]].submission_id == p["submission_id"] for p in printed)
