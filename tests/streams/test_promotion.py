"""Features of another version stand: live sums begin anew, whatever comes first and how often it comes."""

import random
from dataclasses import replace as changed

import pytest
import runs
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from versions import Versioned, scopes, video_of

from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory, stop
from processors.ports import Options
from schemas.codec import encode
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted
from schemas.summaries import Summarised
from streams.promotion import Head, Promotion, promotion
from streams.reextraction import PastVideo, extract, past_videos, promotable, to_do
from streams.rescoring import assemble_again
from streams.topology import modalities

VIDEO, SEGMENTS = "url:promoted", 3
OLD, NEW = Versioned("1"), Versioned("2")
OPTIONS = Options(modalities=modalities(), deadline_s=600.0)


def _live() -> FoldInMemory:
    return FoldInMemory(AssembleProcessor(OPTIONS))


def _past(events: list[Event]) -> PastVideo:
    (video,) = past_videos(events, "text")
    return video


def _heads(events: list[Event]) -> dict[str, Head]:
    summaries = {e.record_key: e for e in events if isinstance(e, Summarised) and e.scope != WHOLE_VIDEO}
    return {key: Head(event_id=s.event_id, revision=s.revision, edition=s.edition) for key, s in summaries.items()}


def _promoted(events: list[Event], processor: Versioned = NEW) -> Promotion:
    """Extract a past again by another version, and let its answers stand."""
    video = _past(events)
    beside = list(extract(processor, to_do(video, processor), batch=8, on_skip=stop))
    again = _past([*events, *beside])
    return promotion(again, promotable(again, processor), _heads(events), options=OPTIONS, on_skip=stop)


def _last(events: list[Event]) -> Summarised:
    return [e for e in events if isinstance(e, Summarised) and e.scope == WHOLE_VIDEO][-1]


def _as_if_new() -> Summarised:
    return _last(list(_live().feed(video_of(VIDEO, SEGMENTS, NEW))))


@pytest.fixture(scope="module")
def past() -> list[Event]:
    events = video_of(VIDEO, SEGMENTS, OLD)
    return [*events, *_live().feed(events)]


def _read(past: list[Event]) -> list[Event]:
    return [event for event in past if not (isinstance(event, Summarised) and event.scope == WHOLE_VIDEO)]


def test_words_of_segments_and_of_the_title_are_read_again(past: list[Event]) -> None:
    beside = list(extract(NEW, to_do(_past(past), NEW), batch=8, on_skip=stop))
    assert [event.feature.scope for event in beside] == scopes(SEGMENTS)
    assert {event.record_key for event in beside} == {f"{VIDEO}/{scope}/text/2" for scope in scopes(SEGMENTS)}
    assert to_do(_past([*past, *beside]), NEW) == []


def test_what_is_promoted_is_what_would_be_there_had_the_new_version_been_first(past: list[Event]) -> None:
    machine = _live()
    list(machine.feed(_read(past)))
    found = _promoted(past)
    after = list(machine.feed([*found.features, *found.summaries]))
    assert encode(_last(after)) == encode(_as_if_new())
    assert _last(after).numbers["text/version"] == 2


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), repeats=st.integers(0, 12))
def test_any_order_and_any_repetition_of_old_and_new_ends_in_the_new_bytes(seed: int, repeats: int) -> None:
    events = video_of(VIDEO, SEGMENTS, OLD)
    past = [*events, *_live().feed(events)]
    found, chance = _promoted(past), random.Random(seed)
    old = [e for e in _read(past) if not (isinstance(e, FeatureExtracted) and e.modality == "text")]
    mixed = [*old, *found.features, *found.summaries]
    chance.shuffle(mixed)
    machine = _live()
    emitted = list(machine.feed([*mixed, *chance.choices(mixed, k=repeats)]))
    assert encode(_last([*emitted, *machine.expire()])) == encode(_as_if_new())


def test_assembling_again_from_the_topic_gives_what_live_says(past: list[Event]) -> None:
    found = _promoted(past)
    standing = {e.record_key: e for e in [*past, *found.features] if isinstance(e, FeatureExtracted)}
    others = [e for e in past if not isinstance(e, FeatureExtracted | Summarised)]
    (again,) = assemble_again([*others, *standing.values()], OPTIONS)
    assert encode(again) == encode(_as_if_new())


def test_a_redriven_answer_of_no_edition_is_taken_in_after_a_promotion(past: list[Event]) -> None:
    failed = runs.feature(VIDEO, 1, modality="audio", absent="failed: out of memory")
    events = [*(e for e in video_of(VIDEO, SEGMENTS, OLD) if e.record_key != failed.record_key), failed]
    machine = _live()
    past = [*events, *machine.feed(events)]
    found = _promoted(past)
    list(machine.feed([*found.features, *found.summaries]))
    redriven = replace(runs.feature(VIDEO, 1, modality="audio", absent="no audio"), event_id=runs.event_id("redriven"))
    summary = _last(list(machine.feed([redriven])))
    assert summary.complete
    assert encode(summary) == encode(_as_if_new())


def test_a_promotion_that_stands_writes_nothing_and_one_that_was_cut_short_is_finished(past: list[Event]) -> None:
    found = _promoted(past)
    assert _promoted([*past, *found.features, *found.summaries]) == Promotion()
    for kept in range(len(found.summaries)):
        rest = _promoted([*past, *found.features, *found.summaries[:kept]])
        assert rest.features == ()
        assert rest.summaries == found.summaries[kept:]
    again = _promoted([*past, *found.features[:1]])
    assert {feature.edition for feature in again.features} == {2}
    assert {summary.edition for summary in again.summaries} == {2}


def test_the_older_version_can_be_promoted_back(past: list[Event]) -> None:
    machine = _live()
    list(machine.feed(_read(past)))
    there = _promoted(past)
    list(machine.feed([*there.features, *there.summaries]))
    back = _promoted([*past, *there.events], OLD)
    after = list(machine.feed([*back.features, *back.summaries]))
    assert encode(_last(after)) == encode(_last(past))


def test_a_video_that_is_not_answered_whole_is_not_promoted(past: list[Event]) -> None:
    video = _past(past)
    beside = [event.feature for event in extract(NEW, to_do(video, NEW), batch=8, on_skip=stop)]
    part = changed(video, beside={(feature.scope, "2"): feature for feature in beside[1:]})
    assert promotable(part, NEW) == []
