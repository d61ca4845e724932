"""Webhooks over a real Kafka: what is published while nobody listens is told when somebody does again."""

import json
from contextlib import ExitStack

import examples
import msgspec
import pytest
from listeners import listeners
from workers import wait_until

from dashboard.webhooks_store import HAPPENINGS, WebhookStore
from dashboard.webhooks_worker import start_telling
from streams.kafka.admin import create_missing
from streams.kafka.bulk import BulkProducer
from streams.settings import Settings

pytestmark = pytest.mark.broker


def publish(settings: Settings, *event_ids: str) -> None:
    with BulkProducer(settings, settings.kafka or "") as producer:
        for event_id in event_ids:
            video_id = f"youtube:{event_id:0>11}"
            producer.send(msgspec.structs.replace(examples.SCORED, event_id=event_id, video_id=video_id))


def test_every_prediction_is_told_over_a_restart(settings: Settings) -> None:
    settings = settings.model_copy(update={"fetch_networks": ("127.0.0.0/8",)})
    create_missing(settings, settings.kafka or "")
    publish(settings, "before")
    store = WebhookStore(settings.home)
    with listeners() as listen:
        listener = listen()
        store.add(listener.url, HAPPENINGS, by="maria")

        def told() -> set[str]:
            return {json.loads(body)["event_id"] for _, body in listener.heard}

        with ExitStack() as telling:
            start_telling(settings, settings.kafka or "", telling)
            wait_until(lambda: bool(store.offsets()), limit_s=60, what="a reader")
            publish(settings, "one", "two")
            wait_until(lambda: {"one", "two"} <= told(), limit_s=60, what="two messages")
        publish(settings, "three")
        with ExitStack() as telling:
            start_telling(settings, settings.kafka or "", telling)
            wait_until(lambda: "three" in told(), limit_s=60, what="the third message")
        assert told() == {"one", "two", "three"}
    store.close()
