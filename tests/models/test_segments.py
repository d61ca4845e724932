"""Time lines become segments of 2-10 s."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from models.media.segments import LONGEST_MS, SHORTEST_MS, Segmenter, Span, segment, split_evenly

DURATIONS_MS = st.integers(1, 400_000)


@st.composite
def videos(draw):
    duration_ms = draw(DURATIONS_MS)
    starts_ms = draw(st.lists(st.integers(0, duration_ms), max_size=40, unique=True))
    return sorted(starts_ms), duration_ms


@given(videos())
def test_segments_cover_the_time_line_without_gap_or_overlap(video):
    spans = segment(*video)
    edges = [span.end_ms for span in spans]
    assert [span.start_ms for span in spans] == [0, *edges[:-1]]
    assert edges[-1] == video[1]


@given(videos())
def test_every_segment_lasts_two_to_ten_seconds_unless_the_video_is_shorter(video):
    spans = segment(*video)
    if video[1] < SHORTEST_MS:
        assert spans == [Span(0, video[1])]
    else:
        assert all(SHORTEST_MS <= span.length_ms <= LONGEST_MS for span in spans)


@given(st.lists(st.integers(SHORTEST_MS, LONGEST_MS), min_size=1, max_size=30))
def test_shots_that_fit_are_segments_as_they_are(lengths_ms):
    starts_ms = [sum(lengths_ms[:i]) for i in range(len(lengths_ms))]
    assert [span.start_ms for span in segment(starts_ms, sum(lengths_ms))] == starts_ms


@given(st.integers(LONGEST_MS + 1, 29_999))
def test_a_long_shot_is_split_evenly(length_ms):
    lengths_ms = [span.length_ms for span in segment([0], length_ms)]
    assert max(lengths_ms) - min(lengths_ms) <= 1
    assert min(lengths_ms) >= LONGEST_MS // 2


def test_a_short_shot_joins_the_next_one():
    assert segment([0, 1500], 6000) == [Span(0, 6000)]


def test_a_short_end_joins_the_segment_before():
    assert segment([0, 5000, 9000], 10_000) == [Span(0, 5000), Span(5000, 10_000)]


def test_a_short_end_after_a_full_segment_shares_its_length():
    assert segment([0, 5000, 15_000], 16_500) == [Span(0, 5000), Span(5000, 10_750), Span(10_750, 16_500)]


def test_an_empty_time_line_has_no_segments():
    assert segment([], 0) == []


def test_a_shot_of_hours_holds_back_less_than_a_minute():
    segmenter = Segmenter()
    for now_ms in range(0, 7_200_000, 500):
        segmenter.pass_time(now_ms)
        assert now_ms - segmenter.open_ms <= 40_000


@given(st.integers(0, 10**6), st.integers(1, 10**5))
def test_even_pieces_meet_edge_to_edge(start_ms, length_ms):
    pieces = split_evenly(Span(start_ms, start_ms + length_ms))
    assert pieces[0].start_ms == start_ms
    assert pieces[-1].end_ms == start_ms + length_ms
    assert all(a.end_ms == b.start_ms for a, b in pairwise(pieces))
