"""Events become bytes and come back the same; anything else is refused, by name."""

import contextlib
import json
import os
import subprocess
import sys
from typing import Any, get_type_hints

import msgspec
import pytest
from examples import EXAMPLES, VIDEO_ID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode, head_of
from schemas.errors import Unreadable
from schemas.event import Event
from schemas.features import FeatureExtracted
from schemas.links import LinkSubmitted
from schemas.segments import SegmentCut, VideoSegmented
from streams.topology import TOPICS

EVENT_TYPES = tuple(event for topic in TOPICS for event in topic.events)
LINK = json.loads(encode(EXAMPLES[LinkSubmitted]))
CUT = json.loads(encode(EXAMPLES[SegmentCut]))
EXTRACTED = json.loads(encode(EXAMPLES[FeatureExtracted]))

# Kafka carries UTF-8, which has no surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS: dict[type, st.SearchStrategy[Any]] = {  # Any: whatever a field may hold
    msgspec.inspect.IntType: st.integers(-(2**63), 2**64 - 1),
    msgspec.inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.BytesType: st.binary(max_size=64),
    msgspec.inspect.NoneType: st.none(),
}


def values_of(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Everything a field of this type may hold."""
    if isinstance(kind, msgspec.inspect.StrType):
        return st.from_regex(kind.pattern, fullmatch=False) if kind.pattern else TEXT
    if isinstance(kind, msgspec.inspect.LiteralType):
        return st.sampled_from(kind.values)
    if isinstance(kind, msgspec.inspect.UnionType):
        return st.one_of([values_of(part) for part in kind.types])
    if isinstance(kind, msgspec.inspect.StructType):
        return structs_of(kind)
    return SCALARS[type(kind)] if type(kind) in SCALARS else containers_of(kind)


def containers_of(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Tuples and dicts of whatever they hold."""
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return st.lists(values_of(kind.item_type), max_size=3).map(tuple)
    if isinstance(kind, msgspec.inspect.TupleType):
        return st.tuples(*map(values_of, kind.item_types))
    assert isinstance(kind, msgspec.inspect.DictType), f"teach this test to make {kind}"
    return st.dictionaries(values_of(kind.key_type), values_of(kind.value_type), max_size=3)


def structs_of(kind: msgspec.inspect.StructType) -> st.SearchStrategy[Any]:
    """Structs with every field drawn."""
    return st.builds(kind.cls, **{field.name: values_of(field.type) for field in kind.fields})


def events_of(event_type: type[Event]) -> st.SearchStrategy[Event]:
    kind = msgspec.inspect.type_info(event_type)
    assert isinstance(kind, msgspec.inspect.StructType)
    return structs_of(kind)


ANY_EVENT = st.one_of([events_of(event_type) for event_type in EVENT_TYPES])
in_every_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda t: t.__name__)


@in_every_type
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_event_comes_back_as_it_was_sent(event_type: type[Event], data: st.DataObject) -> None:
    event = data.draw(events_of(event_type))
    assert decode(encode(event), EVENT_TYPES) == event


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_EVENT)
def test_what_was_read_is_written_as_the_same_bytes(event: Event) -> None:
    sent = encode(event)
    assert encode(decode(sent, EVENT_TYPES)) == sent


@given(st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=6))
def test_the_order_in_which_a_dict_was_filled_changes_no_byte(numbers: dict[str, float]) -> None:
    backwards = dict(reversed(numbers.items()))
    example = EXAMPLES[FeatureExtracted]
    one, other = (msgspec.structs.replace(example, numbers=n) for n in (numbers, backwards))
    assert encode(one) == encode(other)


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    script = (
        "from examples import EXAMPLES; from schemas.codec import encode\nfor e in EXAMPLES.values(): print(encode(e))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert runs[0].count(b"\n") == len(EXAMPLES)


@in_every_type
def test_fields_we_do_not_know_are_ignored(event_type: type[Event]) -> None:
    event = EXAMPLES[event_type]
    later = {**json.loads(encode(event)), "invented_later": [{"deep": None}], "event": 3}
    assert decode(json.dumps(later).encode(), (event_type,)) == event


@in_every_type
def test_every_field_beyond_the_first_version_must_be_optional(event_type: type[Event]) -> None:
    required = {f.name for f in msgspec.structs.fields(event_type) if f.required}
    bare = {name: v for name, v in json.loads(encode(EXAMPLES[event_type])).items() if name in required | {"type"}}
    assert type(decode(json.dumps(bare).encode(), EVENT_TYPES)) is event_type


NOT_EVENTS = {
    "a tombstone": None,
    "nothing": b"",
    "one null byte": b"\x00",
    "text": b"hello",
    "not UTF-8": b'{"type":"LinkSubmitted","event_id":"\xff\xfe"}',
    "half a surrogate": b'{"type":"LinkSubmitted","event_id":"\\ud800"}',
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(LINK).encode(),
    "UTF-16": json.dumps(LINK).encode("utf-16"),
    "half an event": json.dumps(LINK).encode()[:-10],
    "two events": json.dumps(LINK).encode() * 2,
    "a list": b"[]",
    "null": b"null",
    "a number": b"42",
    "nothing in it": b"{}",
    "too deep": b"[" * 100_000,
    "too deep in a field we do not know": b'{"type":"LinkSubmitted","x":' + b"[" * 100_000,
}


@pytest.mark.parametrize("value", NOT_EVENTS.values(), ids=NOT_EVENTS.keys())
@pytest.mark.parametrize("types", [(LinkSubmitted,), EVENT_TYPES], ids=["one type", "many types"])
def test_what_is_not_an_event_is_unreadable(value: bytes | None, types: tuple[type[Event], ...]) -> None:
    with pytest.raises(Unreadable):
        decode(value, types)


class Head(msgspec.Struct):
    """A few fields of a segment."""

    video_id: str = ""
    index: int = -1


@pytest.mark.parametrize("value", NOT_EVENTS.values(), ids=NOT_EVENTS.keys())
def test_the_head_of_what_is_not_an_event_says_nothing(value: bytes | None) -> None:
    assert head_of(value, Head) == Head()


def test_the_head_of_an_event_is_read_whatever_else_it_holds() -> None:
    cut = EXAMPLES[SegmentCut]
    assert head_of(encode(cut), Head) == Head(cut.video_id, cut.index)


WRONG_FIELDS: dict[str, dict[str, object]] = {
    "an unknown type": {**CUT, "type": "SegmentGlued"},
    "a type of another topic": LINK,
    "a type that is a number": {**CUT, "type": 1},
    "text for a number": {**CUT, "start_s": "12"},
    "a fraction for an index": {**CUT, "index": 1.5},
    "a boolean for an index": {**CUT, "index": True},
    "null for a required field": {**CUT, "event_id": None},
    "a number for words": {**CUT, "text": 5},
    "text for a list": {**CUT, "shot_starts_s": "12"},
    "a revision that is no hash": {**CUT, "revision": "latest"},
    "a video id that climbs": {**CUT, "video_id": "file:../../etc"},
    "a frame that climbs": {**CUT, "frames_ref": "../secrets.zip"},
}


@pytest.mark.parametrize("fields", WRONG_FIELDS.values(), ids=WRONG_FIELDS.keys())
def test_a_wrong_field_is_unreadable(fields: dict[str, object]) -> None:
    with pytest.raises(Unreadable, match="expected SegmentCut, VideoSegmented as JSON"):
        decode(json.dumps(fields).encode(), (SegmentCut, VideoSegmented))


REQUIRED = sorted(f.name for f in msgspec.structs.fields(SegmentCut) if f.required)


@pytest.mark.parametrize("missing", [*REQUIRED, "type"])
def test_a_missing_field_is_unreadable_and_named(missing: str) -> None:
    fields = {name: value for name, value in CUT.items() if name != missing}
    with pytest.raises(Unreadable, match=missing):
        decode(json.dumps(fields).encode(), (SegmentCut, VideoSegmented))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"null", b'"NaN"'])
def test_no_number_on_the_wire_is_nan_or_infinite(number: bytes) -> None:
    value = json.dumps({**LINK, "submitted_at_s": 0}).encode().replace(b'"submitted_at_s": 0', b'"submitted_at_s": %s')
    with pytest.raises(Unreadable):
        decode(value % number, (LinkSubmitted,))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "null"])
def test_no_named_number_is_nan_either(number: str) -> None:
    value = json.dumps({**EXTRACTED, "numbers": {"words": 0}}).replace('"words": 0', f'"words": {number}')
    with pytest.raises(Unreadable):
        decode(value.encode(), (FeatureExtracted,))


@pytest.mark.parametrize("data", ["###", "QUJ", "QUJD\n", 5])
def test_bytes_that_are_not_base64_are_unreadable(data: object) -> None:
    value = {**EXTRACTED, "vector": {"dim": 3, "dtype": "float16", "data": data}}
    with pytest.raises(Unreadable):
        decode(json.dumps(value).encode(), (FeatureExtracted,))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_unreadable_and_nothing_else(value: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(value, EVENT_TYPES)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_event_is_an_event_or_unreadable_and_nothing_else(data: st.DataObject) -> None:
    value = bytearray(json.dumps(CUT).encode())
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Unreadable):
        assert isinstance(decode(bytes(value), EVENT_TYPES), EVENT_TYPES)


def test_an_error_names_what_was_expected_and_where() -> None:
    value = json.dumps({**LINK, "url": 7}).encode()
    with pytest.raises(Unreadable, match=r"expected LinkSubmitted as JSON: .*`\$\.url`"):
        decode(value, (LinkSubmitted,))


def test_every_event_is_frozen() -> None:
    for event in EXAMPLES.values():
        with pytest.raises(AttributeError):
            event.event_id = VIDEO_ID  # type: ignore[misc]  # that is the point


@in_every_type
def test_every_field_has_a_type_that_can_be_resolved(event_type: type[Event]) -> None:
    assert set(event_type.__struct_fields__) <= set(get_type_hints(event_type))
