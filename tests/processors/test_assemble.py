import random

import msgspec
import pytest
import runs
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory
from processors.ports import Options
from schemas.codec import encode
from schemas.errors import PoolingOverflow, Unreadable
from schemas.event import Event
from schemas.features import Transcript, Vector
from schemas.media import MediaDuplicated, Metadata
from schemas.outcomes import OutcomeObserved
from schemas.progress import StageProgressed
from schemas.segments import VideoSegmented
from schemas.summaries import Summarised
from schemas.ticks import TimePassed

VIDEO = "url:abc"


def fold(*modalities: str, deadline_s: float = 600.0) -> FoldInMemory:
    return FoldInMemory(AssembleProcessor(Options(modalities=modalities or ("text",), deadline_s=deadline_s)))


def last(events) -> dict[str, Event]:
    """What compaction keeps: the last event of each type and key."""
    return {f"{type(e).__name__}/{e.record_key}": e for e in events}


def tick(at_s: float) -> TimePassed:
    return TimePassed(event_id=runs.event_id("tick", at_s), stage="assemble", partition=0, at_s=at_s)


def pass_time(machine: FoldInMemory, at_s: float) -> list[Event]:
    """Do what the runner does with a tick: step every state that waits, and feed back what comes out."""
    return list(machine.pass_time(tick(at_s)))


def summary(events, scope: str = "video") -> Summarised:
    return [e for e in events if isinstance(e, Summarised) and e.scope == scope][-1]


def outcome(age_h: int, views: int) -> OutcomeObserved:
    return OutcomeObserved(
        event_id=runs.event_id("outcome", age_h), video_id=VIDEO, observed_at_s=1.0, age_h=age_h, views=views
    )


def duplicate(of: str = "one") -> MediaDuplicated:
    return MediaDuplicated(
        event_id=runs.event_id("dup"), video_id=VIDEO, duplicate_id="url:copy", revision=runs.revision(of)
    )


def test_a_complete_video_gets_one_final_summary_with_everything_in_it():
    out = list(fold().feed(runs.run_of(VIDEO, 3)))
    finals = [e for e in out if isinstance(e, Summarised) and e.scope == "video"]
    assert len(finals) == 1
    final = finals[0]
    assert final.complete
    assert final.final
    assert final.segments_done == final.segments_total == 3
    assert final.pooled["segments/text"].count == 3
    assert final.pooled["video/text"].count == 1
    assert final.numbers["words"] == 12
    assert final.numbers["words_per_minute"] == 60
    assert final.numbers["text/tokens"] == 8.25
    assert final.words == " ".join(f"words of segment {i}" for i in range(3))
    assert final.missing == {}
    assert [label.name for label in final.labels] == ["label 0", "label 1", "label 2", "label video"]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), segments=st.integers(0, 6), repeats=st.integers(0, 8), data=st.data())
def test_any_order_and_any_repetition_ends_in_the_same_bytes(seed, segments, repeats, data):
    absent = data.draw(st.dictionaries(st.integers(0, 5), st.sampled_from(["no speech", "failed: broke"])))
    events = [*runs.run_of(VIDEO, segments, absent=absent), outcome(1, 10), outcome(2, 30), duplicate()]
    expected = {k: encode(e) for k, e in last(fold().feed(events)).items()}
    order = random.Random(seed)
    shuffled = events + order.choices(events, k=repeats)
    order.shuffle(shuffled)
    assert {k: encode(e) for k, e in last(fold().feed(shuffled)).items()} == expected


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_ticks_between_the_events_do_not_show_in_the_final_summary(seed):
    events = runs.run_of(VIDEO, 4, absent={1: "no speech"})
    expected = summary(fold().feed(events))
    order = random.Random(seed)
    order.shuffle(events)
    machine, out = fold(), []
    for second, event in enumerate(events):
        out += machine.feed([event])
        out += pass_time(machine, float(second))
    assert encode(summary(out)) == encode(expected)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_two_contents_of_one_video_never_meet_and_the_later_fetch_wins(seed):
    old, new = runs.run_of(VIDEO, 3, content="old"), runs.run_of(VIDEO, 2, content="new")
    expected = summary(fold().feed(new))
    order = random.Random(seed)
    rest = old[1:] + new[1:]
    order.shuffle(rest)
    places = sorted(order.choices(range(len(rest) + 1), k=2))
    mixed = [*rest[: places[0]], old[0], *rest[places[0] : places[1]], new[0], *rest[places[1] :]]
    assert encode(summary(fold().feed(mixed))) == encode(expected)


def test_an_older_fetch_that_is_redelivered_loses_nothing_of_the_newer():
    old, new = runs.run_of(VIDEO, 2, content="old"), runs.run_of(VIDEO, 2, content="new")
    machine = fold()
    first = summary(machine.feed([*old, *new]))
    again = summary(machine.feed([old[0], new[0]]))
    assert encode(again) == encode(first)


def test_a_redelivered_event_of_a_finished_video_makes_nothing_new():
    machine = fold()
    events = runs.run_of(VIDEO, 3)
    list(machine.feed(events))
    states = dict(machine.states)
    assert list(machine.feed(events)) == []
    assert machine.states == states


def test_a_finished_segment_keeps_no_vector():
    machine = fold()
    list(machine.feed(runs.run_of(VIDEO, 1)))
    state = machine.states[f"{VIDEO}/{runs.revision('one')}/0"]
    assert len(msgspec.json.encode(state)) < 250


def test_a_failed_answer_that_is_redriven_improves_segment_and_video():
    machine = fold()
    out = list(machine.feed(runs.run_of(VIDEO, 3, absent={1: "failed: out of memory"})))
    assert summary(out).missing == {"segments/text": "failed: out of memory (1 of 3)"}
    assert summary(out).complete
    better = list(machine.feed([runs.feature(VIDEO, 1)]))
    assert encode(summary(better)) == encode(summary(fold().feed(runs.run_of(VIDEO, 3))))


def test_a_failure_that_comes_after_a_real_answer_is_not_believed():
    machine = fold("text", "audio")
    list(machine.feed([runs.cut(VIDEO, 0, count=1), runs.feature(VIDEO, 0)]))
    list(machine.feed([runs.feature(VIDEO, 0, absent="failed: late")]))
    out = list(machine.feed([runs.feature(VIDEO, 0, modality="audio")]))
    assert summary(out, "0").missing == {}


def test_words_that_came_later_with_new_subtitles_take_the_place_of_silence():
    machine = fold()
    list(machine.feed([runs.cut(VIDEO, 0, count=1, text=""), runs.feature(VIDEO, 0, absent="no words")]))
    out = list(machine.feed([runs.cut(VIDEO, 0, count=1), runs.feature(VIDEO, 0)]))
    assert summary(out, "0").words == "words of segment 0"
    assert summary(out, "0").pooled["segments/text"].count == 1


def test_words_that_were_heard_stand_where_nobody_wrote_any():
    spoken = Transcript(
        text="she sells sea shells", source="speech", model="whisper", model_version="1", language="en",
        language_probability=0.9,
    )  # fmt: skip
    heard = msgspec.structs.replace(runs.feature(VIDEO, 0), transcript=spoken)
    cut = runs.cut(VIDEO, 0, count=1, text="")
    for events in ([cut, heard], [heard, cut]):
        out = list(fold().feed([runs.fetched(VIDEO), runs.feature(VIDEO, "video"), runs.counted(VIDEO, 1), *events]))
        for scope in ("0", "video"):
            assert summary(out, scope).words == "she sells sea shells"
            assert summary(out, scope).numbers["words"] == 4


def test_a_segment_waits_for_every_modality_in_the_settings():
    machine = fold("text", "audio")
    assert not list(machine.feed([runs.cut(VIDEO, 0, count=1), runs.feature(VIDEO, 0)]))
    out = list(machine.feed([runs.feature(VIDEO, 0, modality="audio")]))
    assert set(summary(out, "0").pooled) == {"segments/text", "segments/audio"}


def test_a_modality_outside_the_settings_has_no_state():
    assert AssembleProcessor(Options()).key(runs.feature(VIDEO, 0, modality="smell")) is None


@pytest.mark.parametrize("event", [tick(1.0), runs.fetched(VIDEO, duplicate_of="url:first")])
def test_time_and_copies_have_no_state_of_their_own(event):
    assert AssembleProcessor(Options()).key(event) is None


def test_while_it_grows_a_video_says_something_new_at_most_once_a_tick():
    machine = fold()
    events = runs.run_of(VIDEO, 3)
    assert not [e for e in machine.feed(events[:4]) if isinstance(e, Summarised) and e.scope == "video"]
    first = pass_time(machine, 1.0)
    assert [e.final for e in first if isinstance(e, Summarised)] == [False]
    assert summary(first).missing["segments"] == "waiting for segment"
    assert pass_time(machine, 2.0) == []
    list(machine.feed(events[4:6]))
    second = pass_time(machine, 3.0)
    assert summary(second).segments_done == 2
    assert [(e.state, e.done) for e in second if isinstance(e, StageProgressed)] == [("running", 2.0)]


@settings(max_examples=150)
@given(
    order=st.randoms(use_true_random=False),
    times=st.lists(st.floats(-1e4, 1e4) | st.integers(0, 40).map(lambda n: 0.1 * n), max_size=12),
    deadline_s=st.sampled_from([0.3, 60.0, 600.0]),
    at_s=st.floats(-1e5, 1e5) | st.integers(0, 80).map(lambda n: 0.1 * n),
)
def test_a_state_that_waits_wakes_exactly_when_time_means_something_to_it(order, times, deadline_s, at_s):
    processor = AssembleProcessor(Options(modalities=("text",), deadline_s=deadline_s))
    machine = FoldInMemory(processor)
    events = [*runs.run_of(VIDEO, 3, absent={1: "failed: broke"}), *runs.run_of(VIDEO, 2, content="two"), outcome(1, 5)]
    said = [*order.sample(events, order.randrange(len(events))), *map(tick, times)]
    order.shuffle(said)
    for event in said:
        list(machine.pass_time(event) if isinstance(event, TimePassed) else machine.feed([event]))
    for key in machine.waiting():
        state = machine.states[key]
        means_something = processor.step(state, tick(at_s)) != (state, [])
        assert means_something == (at_s >= processor.wakes_at_s(state))


def test_a_silent_stage_leads_to_a_final_summary_at_the_deadline_that_names_it():
    machine = fold(deadline_s=60.0)
    events = [e for e in runs.run_of(VIDEO, 2) if e.record_key != f"{VIDEO}/1/text"]
    list(machine.feed(events))
    early = [*pass_time(machine, 100.0), *pass_time(machine, 159.0)]
    assert not any(e.final for e in early if isinstance(e, Summarised) and e.scope == "video")
    late = [*pass_time(machine, 160.0), *pass_time(machine, 161.0), *pass_time(machine, 162.0)]
    final = summary(late)
    assert final.final
    assert not final.complete
    assert final.missing == {"segments/text": "no answer from text within 60 s (1 of 2)"}
    assert final.words == "words of segment 0 words of segment 1"
    assert machine.waiting() == []


def test_an_answer_after_the_deadline_still_improves_the_summary():
    machine = fold(deadline_s=60.0)
    missing = runs.feature(VIDEO, 1)
    list(machine.feed(e for e in runs.run_of(VIDEO, 2) if e != missing))
    for at_s in (1.0, 61.0, 62.0):
        pass_time(machine, at_s)
    out = list(machine.feed([missing]))
    assert encode(summary(out)) == encode(summary(fold().feed(runs.run_of(VIDEO, 2))))


def test_news_starts_the_deadline_again():
    machine = fold(deadline_s=60.0)
    list(machine.feed([runs.fetched(VIDEO)]))
    pass_time(machine, 0.0)
    list(machine.feed([runs.feature(VIDEO, "video")]))
    pass_time(machine, 59.0)
    assert not any(e.final for e in pass_time(machine, 118.0) if isinstance(e, Summarised))
    assert any(e.final for e in pass_time(machine, 119.0) if isinstance(e, Summarised))


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (outcome(24, 900), lambda s: s.outcomes[0].views == 900),
        (duplicate(), lambda s: s.duplicates == ("url:copy",)),
        (runs.fetched(VIDEO, targets=("virality",)), lambda s: s.targets == ("virality",)),
    ],
)
def test_what_comes_after_the_final_summary_is_in_the_next(late, said):
    machine = fold()
    list(machine.feed(runs.run_of(VIDEO, 2)))
    assert said(summary(machine.feed([late])))


def test_outcomes_seen_before_the_fetch_are_kept():
    assert summary(fold().feed([outcome(1, 5), *runs.run_of(VIDEO, 1)])).outcomes == (outcome(1, 5),)


def test_a_row_without_media_is_complete_with_its_words_alone():
    rows = [runs.fetched(VIDEO, duration_s=0.0), runs.feature(VIDEO, "video")]
    nothing = VideoSegmented(event_id="e", video_id=VIDEO, revision=runs.revision("one"), count=0, sampling="none")
    final = summary(fold().feed([*rows, nothing]))
    assert final.complete
    assert final.missing == {"segments/text": "no segments"}
    assert "duration_s" not in final.numbers
    assert "words" not in final.numbers


def test_a_very_long_talk_repeats_its_first_words_and_counts_all_of_them():
    long_text = " ".join(["word"] * 3000)
    cuts = [runs.cut(VIDEO, i, count=10, text=f"start{i} {long_text}") for i in range(10)]
    features = [runs.feature(VIDEO, i) for i in range(10)]
    rest = [runs.fetched(VIDEO), runs.feature(VIDEO, "video"), runs.counted(VIDEO, 10)]
    forward = summary(fold().feed([*rest, *cuts, *features]))
    backward = summary(fold().feed([*rest, *cuts[::-1], *features[::-1]]))
    assert len(forward.words.split()) == 20_000
    assert forward.numbers["words"] == 30_010
    assert encode(forward) == encode(backward)


def test_state_survives_being_written_and_read():
    machine = fold()
    events = runs.run_of(VIDEO, 3)
    list(machine.feed(events[:5]))
    for key, state in machine.states.items():
        machine.states[key] = msgspec.json.decode(msgspec.json.encode(state), type=AssembleProcessor.state_type)
    assert encode(summary(machine.feed(events[5:]))) == encode(summary(fold().feed(events)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"vector": None}, Unreadable),
        ({"absent_reason": "no speech"}, Unreadable),
        ({"vector": Vector(dim=2, dtype="float32", data=b"123")}, Unreadable),
        ({"vector": Vector(dim=1, dtype="float32", data=b"\x00\x00\x04\x42")}, PoolingOverflow),
        ({"numbers": {"loudness": float("inf")}}, PoolingOverflow),
    ],
)
@pytest.mark.parametrize("scope", [0, "video"])
def test_a_feature_that_cannot_be_added_is_refused(change, error, scope):
    with pytest.raises(error):
        list(fold().feed([msgspec.structs.replace(runs.feature(VIDEO, scope), **change)]))


def described(title: str) -> Event:
    return msgspec.structs.replace(runs.fetched(VIDEO, title), metadata=Metadata(title=title))


def test_a_row_of_a_table_never_takes_the_place_of_what_was_fetched():
    row = described("a row")
    real = msgspec.structs.replace(runs.fetched(VIDEO, "film"), media_ref="videos/film.mp4")
    for order in ((row, real), (real, row), (row, real, row)):
        machine = fold()
        list(machine.feed(order))
        state = machine.states[VIDEO].video
        assert state.current == real.revision


def test_a_newer_row_takes_the_place_of_an_older_one():
    machine = fold()
    list(machine.feed([described("old"), described("new")]))
    assert machine.states[VIDEO].video.current == described("new").revision


def test_outcomes_of_unknown_age_stand_beside_the_others():
    undated = [OutcomeObserved(event_id="1", video_id=VIDEO, views=5)]
    by_day = [OutcomeObserved(event_id=str(n), video_id=VIDEO, observed_at_s=86400.0 * n, views=n) for n in (3, 2)]
    machine = fold()
    list(machine.feed([*undated, *by_day, outcome(24, 7), *undated, *by_day]))
    kept = machine.states[VIDEO].video.outcomes
    assert [o.record_key for o in kept] == [f"{VIDEO}/{k}" for k in ("24", "once", "at-48", "at-72")]
