"""Words without a video: cut like a live video's, never lost, never too many pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from processors.transcript import MOST_SEGMENTS, WORDS_A_SEGMENT, pieces

WORDS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=2000)


@given(WORDS, st.sampled_from([0.0, 12.5, 3600.0]))
def test_no_word_is_lost_or_told_twice(words: list[str], duration_s: float) -> None:
    cut = pieces("  ".join(words), duration_s)
    assert " ".join(piece.text for piece in cut).split() == words
    assert len(cut) <= MOST_SEGMENTS
    assert all(piece.text for piece in cut)


@given(WORDS.filter(bool), st.floats(1, 1e4))
def test_pieces_fill_the_video_one_after_the_other(words: list[str], duration_s: float) -> None:
    cut = pieces(" ".join(words), duration_s)
    assert cut[0].start_s == 0.0
    assert cut[-1].end_s == round(duration_s, 3)
    assert all(one.end_s == other.start_s for one, other in pairwise(cut))


def test_short_texts_have_pieces_as_long_as_live_segments() -> None:
    cut = pieces("word " * 110, 0.0)
    assert [len(piece.text.split()) for piece in cut] == [22] * 5
    assert {(piece.start_s, piece.end_s) for piece in cut} == {(0.0, 0.0)}, "nobody knows when"
    assert len(pieces("word " * WORDS_A_SEGMENT, 0.0)) == 1
