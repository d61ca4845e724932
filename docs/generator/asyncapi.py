"""``docs/asyncapi.yaml``: the same topology for machines, as AsyncAPI 3.0."""

import tomllib
from pathlib import Path
from typing import Any

import yaml

from generator.events_page import kept
from generator.structs import summary
from schemas.event import Event
from streams.kafka.admin import group_of
from streams.topology import STAGES, TOPICS, Stage, Topic

KAFKA_BINDING = "0.5.0"

Document = dict[str, Any]  # Any: YAML

HEADER = "# Written by docs/generate.py from schemas/ and streams/topology.py. Change those, then run it.\n"


def render(pyproject: Path) -> str:
    """The whole document."""
    version = tomllib.loads(pyproject.read_text("utf-8"))["project"]["version"]
    return HEADER + yaml.safe_dump(document(version), sort_keys=False, allow_unicode=True, width=110)


def document(version: str) -> Document:
    """The AsyncAPI document as plain values."""
    return {
        "asyncapi": "3.0.0",
        "info": _info(version),
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {name: body for stage in STAGES for name, body in _operations(stage).items()},
        "components": {"messages": {e.__name__: _message(e, topic) for topic in TOPICS for e in topic.events}},
    }


def _info(version: str) -> Document:
    return {
        "title": "Groundswell",
        "version": version,
        "description": "A link goes in on `links`; a prediction comes out on `predictions`.",
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "tags": [{"name": stage.name} for stage in STAGES],
        "externalDocs": {"description": "The same for people, with examples.", "url": "events.md"},
    }


def _server() -> Document:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "Any Apache Kafka; GROUNDSWELL_KAFKA names it.",
        "variables": {"bootstrap": {"default": "127.0.0.1:9092", "description": "bootstrap servers"}},
    }


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "description": f"Record key `{topic.key}`; kept {kept(topic)}.",
        "messages": {e.__name__: {"$ref": f"#/components/messages/{e.__name__}"} for e in topic.events},
        "bindings": {"kafka": _topic_binding(topic)},
    }


def _topic_binding(topic: Topic) -> Document:
    retention_ms = -1 if topic.retention_s is None else topic.retention_s * 1000
    return {
        "topic": topic.name,
        "topicConfiguration": {
            "cleanup.policy": topic.cleanup.split(","),
            "retention.ms": retention_ms,
            "max.message.bytes": topic.max_message_bytes,
        },
        "bindingVersion": KAFKA_BINDING,
    }


def _operations(stage: Stage) -> Document:
    reads = {f"{stage.name}.reads.{t}": _grouped(stage, t) for t in stage.reads}
    hears = {f"{stage.name}.hears.{t}": _operation(stage, "receive", t) for t in stage.hears}
    writes = {f"{stage.name}.writes.{t}": _operation(stage, "send", t) for t in stage.writes}
    return {**reads, **hears, **writes}


def _grouped(stage: Stage, topic: str) -> Document:
    """The workers of a stage share what they read; what they hear, each hears all of."""
    group = {"groupId": {"type": "string", "const": group_of(stage.name)}, "bindingVersion": KAFKA_BINDING}
    return {**_operation(stage, "receive", topic), "bindings": {"kafka": group}}


def _operation(stage: Stage, action: str, topic: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic}"}, "tags": [{"name": stage.name}]}


def _message(event: type[Event], topic: Topic) -> Document:
    return {
        "name": event.__name__,
        "summary": summary(event).split("\n\n")[0].replace("\n", " "),
        "contentType": "application/json",
        "payload": {"$ref": f"./schemas/{event.__name__}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": KAFKA_BINDING}},
    }
