"""The gallery on real Kafka: one writer, and a standby that goes on where it was killed."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from gallery_workers import Gallery
from people import Machine, video
from workers import wait_until

from schemas.codec import encode
from schemas.commands import CommandAnswered, IdentitiesMerged, IdentityNamed
from schemas.event import Event
from schemas.faces import FaceTracked
from schemas.features import FeatureExtracted
from schemas.identities import IdentityRecorded
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.bulk import latest_per_key, read_to_end

pytestmark = [pytest.mark.broker, pytest.mark.slow]

PEOPLE, VIDEOS, SEGMENTS = 12, 40, 3
TAKEOVER_LIMIT_S = 15.0


@pytest.fixture
def gallery(fresh_broker: EmbeddedBroker, cache: Path, tmp_path: Path) -> Iterator[Gallery]:
    with Gallery(fresh_broker, cache, tmp_path) as gallery:
        yield gallery


def films() -> list[list[Event]]:
    cast = [
        [f"p{(n * 5 + s * 3) % PEOPLE}", f"p{(n + s + 7) % PEOPLE}"] for n in range(VIDEOS) for s in range(SEGMENTS)
    ]
    return [video(f"url:v{n}", *cast[n * SEGMENTS : (n + 1) * SEGMENTS]) for n in range(VIDEOS)]


def replayed(events: Sequence[Event]) -> Machine:
    """Play the log again in memory; a record that was delivered twice is in it twice."""
    machine = Machine()
    machine.feed(*events)
    return machine


def test_a_standby_takes_over_from_a_killed_writer_with_nothing_lost_or_assigned_twice(gallery: Gallery) -> None:
    gallery.start()
    gallery.start()
    wait_until(lambda: len(gallery.writers()) == 1, limit_s=30, what="one writer", tell=gallery.told)
    stories = films()
    sender = threading.Thread(target=_send_slowly, args=(gallery, stories))
    sender.start()
    wait_until(lambda: len(gallery.answered(SEGMENTS)) > 5, limit_s=60, what="the first videos", tell=gallery.told)
    (writer,) = gallery.writers()
    os.kill(writer.pid, signal.SIGKILL)
    before = len(gallery.answered(SEGMENTS))
    took_s = wait_until(
        lambda: len(gallery.answered(SEGMENTS)) > before + 1, limit_s=30, what="the standby", tell=gallery.told
    )
    sender.join()
    wait_until(lambda: len(gallery.answered(SEGMENTS)) == VIDEOS, limit_s=90, what="all videos", tell=gallery.told)
    (heir,) = gallery.writers()
    print(f"the standby went on after {took_s:.1f} s")
    assert heir.pid != writer.pid
    assert took_s < TAKEOVER_LIMIT_S
    _assert_as_if_nothing_had_happened(gallery)


def test_commands_take_effect_in_one_order_that_a_rebuild_repeats(gallery: Gallery) -> None:
    gallery.start()
    gallery.send([event for story in films()[:6] for event in story])
    wait_until(lambda: len(gallery.answered(SEGMENTS)) == 6, limit_s=60, what="six videos", tell=gallery.told)
    one, other = sorted({e.identity_id for e in gallery.events("identities") if isinstance(e, IdentityRecorded)})[:2]
    asked = [
        IdentityNamed(event_id="c1", given_at_s=1.0, identity_id=one, name="Anna"),
        IdentitiesMerged(event_id="c2", given_at_s=2.0, into_id=one, from_id=other),
    ]
    gallery.send(asked)
    wait_until(lambda: len(_answers(gallery)) == 2, limit_s=30, what="two answers", tell=gallery.told)
    gallery.send([event for story in films()[6:12] for event in story])
    wait_until(lambda: len(gallery.answered(SEGMENTS)) == 12, limit_s=60, what="twelve videos", tell=gallery.told)
    _assert_as_if_nothing_had_happened(gallery)


def _answers(gallery: Gallery) -> list[Event]:
    return [e for e in gallery.events("commands") if isinstance(e, CommandAnswered)]


def _send_slowly(gallery: Gallery, stories: Sequence[Sequence[Event]]) -> None:
    for story in stories:
        gallery.send(story)
        time.sleep(0.4)


def _assert_as_if_nothing_had_happened(gallery: Gallery) -> None:
    """What lies on the topics is what one undisturbed run over the log says, byte for byte."""
    log = gallery.events("faces")
    machine = replayed(log)
    stored = {k: msgspec.json.encode(s, order="deterministic") for k, s in machine.memory.states.items()}
    assert gallery.states() == stored
    expected = {e.record_key: encode(e) for e in machine.said if isinstance(e, FeatureExtracted | IdentityRecorded)}
    records = latest_per_key(read_to_end(gallery.settings, gallery.bootstrap, ["features", "identities"]))
    assert {(key or b"").decode(): r.value for (_, key), r in records.items()} == expected
    tracks = {e.record_key for e in log if isinstance(e, FaceTracked)}
    assert sum(p.tracks for p in machine.identities.values()) == len(tracks)
    assert gallery.events("dead-letters") == []
