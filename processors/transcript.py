"""Words without a video become segments, so that a row of a table is read as a live video is."""

from itertools import pairwise
from typing import NamedTuple

WORDS_A_SEGMENT = 25
"""Ten seconds at 150 words a minute: what the longest live segment holds."""

MOST_SEGMENTS = 24
"""Longer talks get longer segments: a table of thousands of talks must not become a million events."""


class Piece(NamedTuple):
    """Some words and when they are said; both times are 0 where nobody knows how long the video is."""

    start_s: float
    end_s: float
    text: str


def pieces(transcript: str, duration_s: float) -> list[Piece]:
    """Cut a transcript into segments of whole words.

    Parameters
    ----------
    transcript : str
        All that is said; white space is not kept.
    duration_s : float
        Length of the video, over which the words are spread evenly; 0 when it is not known.

    >>> [piece.text for piece in pieces("a few words", 0.0)]
    ['a few words']
    """
    words = transcript.split()
    count = min(-(-len(words) // WORDS_A_SEGMENT), MOST_SEGMENTS)
    bounds = [len(words) * number // count for number in range(count + 1)] if count else [0]
    a_word_s = duration_s / len(words) if words else 0.0
    return [
        Piece(round(first * a_word_s, 3), round(last * a_word_s, 3), " ".join(words[first:last]))
        for first, last in pairwise(bounds)
    ]
