"""``docs/events.md``: every topic, every event, one real example of each."""

import json
from pathlib import Path
from typing import Any

import msgspec

from generator.structs import Field, fields, named_texts, parts, summary
from schemas.event import Event
from streams.topology import DAY_S, TOPICS, Topic, readers, writers

LONGEST_TEXT = 120
"""Longer texts of an example (vectors) are cut for the page; the golden file has all of it."""

ALSO_WRITES = {
    "feature-versions": "`groundswell replay --stage`",
    "features": "`groundswell replay --stage NAME --promote`",
    "predictions": "`groundswell replay`",
    "links": "`groundswell submit`",
    "media": "`groundswell import`",
    "outcomes": "`groundswell import outcomes`, whoever counts",
    "labels": "`groundswell import labels`, `groundswell label`",
    "targets": "`groundswell targets add`, `groundswell up`",
    "releases": "`groundswell train`, `groundswell releases`",
    "ticks": "the runner of a stage that waits",
    "dead-letters": "the runner of every stage, `groundswell dead-letters redrive`",
}
ALSO_READS = {
    "summaries": "`groundswell replay`, `groundswell label`",
    "features": "`groundswell replay --from features`",
    "feature-versions": "`groundswell replay --stage`",
    "labels": "`groundswell label`",
    "targets": "`groundswell targets`, `groundswell import labels`, `groundswell label`",
    "progress": "`groundswell watch`",
    "predictions": "`groundswell watch`, `groundswell releases compare`",
    "shadows": "`groundswell releases compare`",
    "scoreboard": "`groundswell status`",
    "dead-letters": "`groundswell dead-letters`",
}

INTRODUCTION = """\
# Events

<!-- Written by docs/generate.py from schemas/ and streams/topology.py. Change those, then run it. -->

Everything that happens is an event on one of these topics: UTF-8 JSON with a `type`. Machines find the same in
[asyncapi.yaml](asyncapi.yaml) and, one file per event, in [schemas/](schemas).

- **The partition is murmur2 of the video id**, as Java's default partitioner computes it, also where the record key is
  longer: all events of a video have one partition number. Events about no video: `releases` go by their target,
  `dead-letters` by their whole key, `ticks` to the partition they name.
- **Ids are made from the input**: work done twice writes the same record twice, and compaction keeps one.
- **Fields at their default are not written**, and fields you do not know are to be ignored: new ones may come, always
  optional. Bytes of every older version still decode; `tests/golden/events` holds them.
- Pixels and sound stay in the media store; an event carries a `Ref` to them.
"""


def render(golden: Path) -> str:
    """The whole page; examples come from the newest golden files below `golden`."""
    sections = [INTRODUCTION, _overview()]
    sections += [_topic_section(topic, golden) for topic in TOPICS]
    sections += [_parts_section(), _texts_section()]
    return "\n".join(sections)


def _overview() -> str:
    rows = [[f"[{t.name}](#{t.name})", f"`{t.key}`", t.cleanup, kept(t), _who_writes(t), _who_reads(t)] for t in TOPICS]
    return "## The topics\n\n" + table(["topic", "record key", "cleanup", "kept", "written by", "read by"], rows)


def _topic_section(topic: Topic, golden: Path) -> str:
    facts = (
        f"## {topic.name}\n\n"
        f"Record key `{topic.key}`. Cleanup `{topic.cleanup}`, kept {kept(topic)}, "
        f"at most {topic.max_message_bytes // 2**20} MiB a record. "
        f"Written by {_who_writes(topic)}; read by {_who_reads(topic)}.\n"
    )
    return "\n".join([facts, *(_event_section(event, golden) for event in topic.events)])


def _event_section(event: type[Event], golden: Path) -> str:
    path = newest(event, golden)
    example = json.dumps(shortened(json.loads(path.read_bytes())), indent=2, ensure_ascii=False)
    links = f"[JSON Schema](schemas/{event.__name__}.json), [exact bytes](../{_from_tests(path)})"
    return f"### {event.__name__}\n\n{summary(event)}\n\n{_field_table(event)}\n{links}\n\n```json\n{example}\n```\n"


def _parts_section() -> str:
    inner = dict.fromkeys(part for topic in TOPICS for event in topic.events for part in parts(event))
    events = {event for topic in TOPICS for event in topic.events}
    texts = [f"### {p.__name__}\n\n{summary(p)}\n\n{_field_table(p)}" for p in inner if p not in events]
    return "\n".join(["## Parts of events\n", *texts])


def _texts_section() -> str:
    rows = [[t.name, f"`{t.pattern.replace('|', chr(92) + '|')}`", t.meaning] for t in named_texts()]
    return "## Texts with a pattern\n\n" + table(["name", "pattern", "meaning"], rows)


def _field_table(struct: type[msgspec.Struct]) -> str:
    return table(["field", "type", "default", "meaning"], [_field_row(f) for f in fields(struct)])


def _field_row(field: Field) -> list[str]:
    return [f"`{field.name}`", field.type, field.default, field.meaning]


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def kept(topic: Topic) -> str:
    """How long records stay, in words."""
    for_ever = "for ever, the last of each key"
    if topic.retention_s is None:
        return for_ever if "compact" in topic.cleanup else "for ever"
    time = f"{topic.retention_s // DAY_S} d" if topic.retention_s >= DAY_S else f"{topic.retention_s // 3600} h"
    return f"{time}, the last of each key" if "compact" in topic.cleanup else time


def _who_writes(topic: Topic) -> str:
    return ", ".join([*writers(topic.name), *filter(None, [ALSO_WRITES.get(topic.name)])]) or "nobody yet"


def _who_reads(topic: Topic) -> str:
    return ", ".join([*readers(topic.name), *filter(None, [ALSO_READS.get(topic.name)])]) or "nobody yet"


def newest(event: type[Event], golden: Path) -> Path:
    """The golden file of the latest version of an event.

    Raises
    ------
    FileNotFoundError
        There is none; the message says how to make it.
    """
    found = sorted(golden.glob(f"v*/{event.__name__}.json"), key=lambda p: int(p.parent.name[1:]))
    if not found:
        raise FileNotFoundError(
            f"{event.__name__} has no golden file; add it to tests/examples.py and run `python tests/golden_events.py`"
        )
    return found[-1]


def _from_tests(path: Path) -> str:
    return "/".join(path.parts[-5:])


def shortened(value: Any) -> Any:  # Any: JSON
    """The same JSON with long texts cut, saying how long they were."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:24]}... ({len(value)} characters)"
    return value
