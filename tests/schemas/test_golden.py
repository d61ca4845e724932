"""The bytes of every event ever published can still be read, and today's are what they were."""

import json
from pathlib import Path

import pytest
from examples import EXAMPLES
from golden_events import current, files, versions, write_new

from schemas.codec import decode, encode
from schemas.errors import UsageError
from schemas.event import Event
from schemas.ticks import TimePassed
from streams.topology import TOPICS

EVENT_TYPES = tuple(event for topic in TOPICS for event in topic.events)
BY_NAME = {event.__name__: event for event in EVENT_TYPES}
TICK = EXAMPLES[TimePassed]

in_every_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda t: t.__name__)
in_every_file = pytest.mark.parametrize("path", files(), ids=lambda p: f"{p.parent.name}/{p.stem}")


@in_every_type
def test_every_event_of_the_topology_has_an_example_and_a_golden_file(event_type: type[Event]) -> None:
    assert isinstance(EXAMPLES[event_type], event_type)
    assert current(event_type) is not None, "run: python tests/golden_events.py v1"


@in_every_type
def test_an_event_is_written_as_exactly_its_golden_bytes(event_type: type[Event]) -> None:
    path = current(event_type)
    assert path is not None
    assert encode(EXAMPLES[event_type]) == path.read_bytes(), (
        "the bytes changed; if that is meant and old ones still decode: python tests/golden_events.py <next version>"
    )


@in_every_type
def test_golden_bytes_read_as_exactly_their_example(event_type: type[Event]) -> None:
    path = current(event_type)
    assert path is not None
    assert decode(path.read_bytes(), EVENT_TYPES) == EXAMPLES[event_type]


@in_every_type
def test_an_example_fills_every_field_that_can_be_filled_at_once(event_type: type[Event]) -> None:
    written = set(json.loads(encode(EXAMPLES[event_type]))) - {"type"}
    unfilled = set(event_type.__struct_fields__) - written
    exclusive = {
        "upload_ref",
        "upload_name",
        "title",
        "description",
        "again",
        "duplicate_of",
        "absent_reason",
        "merged_into",
        "transcript",
        "classes",
        "minimum_examples",
        "maximum_classes",
    }
    at_its_default = {"labels", "start_s"}
    assert unfilled <= exclusive | at_its_default


@in_every_file
def test_every_version_ever_published_still_decodes_without_losing_a_field(path: Path) -> None:
    event = decode(path.read_bytes(), EVENT_TYPES)
    assert type(event) is BY_NAME[path.stem]
    before, after = json.loads(path.read_bytes()), json.loads(encode(event))
    assert {name: after.get(name) for name in before} == before


@in_every_file
def test_a_golden_file_is_one_line_of_plain_utf8(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    assert "\n" not in text
    assert text == text.strip()


def test_there_is_a_first_version_and_none_is_skipped() -> None:
    assert [v.name for v in versions()] == [f"v{n}" for n in range(1, len(versions()) + 1)]


def test_new_golden_files_stand_beside_the_old_ones(tmp_path: Path) -> None:
    later = TimePassed(event_id="later", stage="assemble", partition=1, at_s=2.0)
    (first,) = write_new([TICK], "v1", tmp_path)
    (second,) = write_new([later], "v2", tmp_path)
    assert first.read_bytes() == encode(TICK)
    assert second.read_bytes() == encode(later)
    assert current(TimePassed, tmp_path) == second


def test_an_unchanged_event_gets_no_new_golden_file(tmp_path: Path) -> None:
    write_new([TICK], "v1", tmp_path)
    assert write_new([TICK], "v2", tmp_path) == []


@pytest.mark.parametrize(("version", "words"), [("v2", "never changed"), ("v1", "is older"), ("2", "such as v2")])
def test_a_golden_file_is_never_overwritten(tmp_path: Path, version: str, words: str) -> None:
    write_new([TICK], "v2", tmp_path)
    changed = TimePassed(event_id="changed", stage="assemble", partition=1, at_s=2.0)
    with pytest.raises(UsageError, match=words):
        write_new([changed], version, tmp_path)
    assert [path.read_bytes() for path in files(tmp_path)] == [encode(TICK)]
