"""One JSON Schema per event, for programs that are not written in Python."""

import json
from typing import Any

import msgspec

from generator.structs import field_meanings, parts, summary
from schemas.event import Event
from streams.topology import TOPICS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]  # Any: JSON


def render() -> dict[str, str]:
    """File names and texts."""
    return {
        f"{event.__name__}.json": json.dumps(schema_of(event), indent=2, ensure_ascii=False) + "\n"
        for topic in TOPICS
        for event in topic.events
    }


def schema_of(event: type[Event]) -> Schema:
    """A self-contained schema: the event, and under ``$defs`` what lies inside it."""
    _, found = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
    structs = {struct.__name__: struct for struct in (event, *parts(event))}
    described = {name: _described(found[name], structs[name]) for name in sorted(found)}
    own = described.pop(event.__name__)
    return {"$schema": DIALECT, **own, **({"$defs": described} if described else {})}


def _described(schema: Schema, struct: type) -> Schema:
    meanings = field_meanings(struct)
    properties = {name: _with_meaning(field, meanings.get(name, "")) for name, field in schema["properties"].items()}
    return {**schema, "description": summary(struct), "properties": properties}


def _with_meaning(field: Schema, meaning: str) -> Schema:
    return {**field, "description": meaning} if meaning else field
