"""Learning from features that lie beside: the past as if they had been first, and nothing half and half."""

import pytest
from msgspec.structs import replace
from versions import Versioned, video_of

from processors.folding import stop
from processors.ports import Options
from schemas.codec import encode
from schemas.errors import UsageError
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted
from schemas.summaries import Summarised
from streams.reextraction import NotAlone, extract, past_videos, to_do
from streams.topology import modalities
from streams.training_beside import assembled, versions_in, with_versions

OLD, NEW = Versioned("1"), Versioned("2")
OPTIONS = Options(modalities=modalities(), deadline_s=600.0)


def _beside(events: list[Event], version: Versioned) -> list[Event]:
    return [
        answer
        for video in past_videos(events, "text")
        for answer in extract(version, to_do(video, version), batch=8, on_skip=stop)
    ]


def _past(*names: str) -> list[Event]:
    return [event for name in names for event in video_of(name, 2, OLD)]


def _whole(events: list[Event]) -> dict[str, Summarised]:
    return {s.video_id: s for s in assembled(events, OPTIONS) if s.scope == WHOLE_VIDEO}


def test_summaries_are_those_of_a_system_that_never_knew_another_version() -> None:
    past = _past("url:a", "url:b")
    promoted = [replace(e, edition=3) if isinstance(e, FeatureExtracted) else e for e in past]
    events, left_out = with_versions([*promoted, *_beside(past, NEW)], {"text": "2"})
    expected = assembled([event for name in ("url:a", "url:b") for event in video_of(name, 2, NEW)], OPTIONS)
    assert left_out == set()
    assert list(map(encode, assembled(events, OPTIONS))) == list(map(encode, expected))
    assert _whole(events)["url:a"].made_by == {"segments/text": ("2",), "video/text": ("2",)}


def test_a_video_that_the_version_has_not_answered_in_full_is_left_out() -> None:
    past = _past("url:a", "url:b", "url:c")
    beside = [e for e in _beside(past, NEW) if e.record_key not in ("url:b/1/text/2",) and e.video_id != "url:c"]
    events, left_out = with_versions([*past, *beside], {"text": "2"})
    assert left_out == {"url:b", "url:c"}
    assert set(_whole(events)) == {"url:a"}


def test_a_video_without_any_answer_of_the_stage_stays_as_it_is() -> None:
    past = _past("url:a")
    events, left_out = with_versions(past, {"visual": "2"})
    assert left_out == set()
    assert [encode(s) for s in assembled(events, OPTIONS)] == [encode(s) for s in assembled(past, OPTIONS)]


def test_what_already_stands_in_that_version_is_taken() -> None:
    past = [*_past("url:a"), *video_of("url:b", 2, NEW)]
    events, left_out = with_versions([*past, *_beside(past[: len(past) // 2], NEW)], {"text": "2"})
    assert left_out == set()
    assert {s.made_by["video/text"] for s in _whole(events).values()} == {("2",)}


def test_wishes_are_read_as_stage_and_version() -> None:
    assert versions_in(["visual=11ad3fa6-p1-f32", "text=a=b"]) == {"visual": "11ad3fa6-p1-f32", "text": "a=b"}
    with pytest.raises(UsageError, match="STAGE=VERSION"):
        versions_in(["visual"])
    with pytest.raises(NotAlone):
        versions_in(["fetch=1"])
