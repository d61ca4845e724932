"""Cuts a time line into segments of 2-10 s that begin where shots begin."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

SHORTEST_MS = 2_000
"""Less is too little sound and speech to say anything about."""

LONGEST_MS = 10_000
"""More would mix what should be told apart."""

UNCUT_MS = 30_000
"""A shot that has lasted so long is cut without waiting for its end, so that memory stays bounded."""


class Span(NamedTuple):
    """A piece of the time line in whole milliseconds: start included, end not."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


class Segmenter:
    """Takes shot starts as they are found, gives segments as soon as nothing can change them.

    Short shots join the next one, long ones are split evenly. A short rest at the end joins the last segment.
    """

    def __init__(self) -> None:
        self._start_ms = 0
        self._held: Span | None = None

    @property
    def open_ms(self) -> int:
        """Everything before this time has been given away."""
        return self._held.start_ms if self._held else self._start_ms

    def begin_shot(self, at_ms: int) -> list[Span]:
        """A shot starts here; not before any time given to `pass_time`."""
        if at_ms - self._start_ms < SHORTEST_MS:
            return []
        spans = split_evenly(Span(self._start_ms, at_ms))
        self._start_ms = at_ms
        return self._release(spans)

    def pass_time(self, now_ms: int) -> list[Span]:
        """No shot starts before `now_ms` any more, other than those already told."""
        spans = []
        while now_ms - self._start_ms >= UNCUT_MS:
            spans.append(Span(self._start_ms, self._start_ms + LONGEST_MS))
            self._start_ms += LONGEST_MS
        return self._release(spans)

    def finish(self, end_ms: int) -> list[Span]:
        """Give the rest of a time line that ends here."""
        rest = Span(self._start_ms, max(end_ms, self._start_ms))
        if self._held and rest.length_ms < SHORTEST_MS:
            rest, self._held = Span(self._held.start_ms, rest.end_ms), None
        held = [self._held] if self._held else []
        return held + (split_evenly(rest) if rest.length_ms else [])

    def _release(self, spans: list[Span]) -> list[Span]:
        """Keep the last one back: a short end of the video may still join it."""
        if not spans:
            return []
        ready = [self._held, *spans[:-1]] if self._held else spans[:-1]
        self._held = spans[-1]
        return ready


def segment(shot_starts_ms: Iterable[int], duration_ms: int) -> list[Span]:
    """Cut a whole time line: no gap, no overlap, each 2-10 s unless all of it is shorter.

    Parameters
    ----------
    shot_starts_ms : ints in ascending order, within the time line
    duration_ms : int
        The time line runs from 0 to here.

    >>> segment([0, 4000, 4500, 26000], 27000)
    [Span(start_ms=0, end_ms=4000), Span(start_ms=4000, end_ms=11333), Span(start_ms=11333, end_ms=18666), Span(start_ms=18666, end_ms=27000)]
    """
    segmenter = Segmenter()
    spans = []
    for start_ms in shot_starts_ms:
        spans += segmenter.pass_time(start_ms)
        spans += segmenter.begin_shot(start_ms)
    return spans + segmenter.pass_time(duration_ms) + segmenter.finish(duration_ms)


def split_evenly(span: Span) -> list[Span]:
    """Cut a span into as few pieces of at most 10 s as there can be, alike to the millisecond."""
    count = -(-span.length_ms // LONGEST_MS)
    edges = [span.start_ms + span.length_ms * i // count for i in range(count + 1)]
    return [Span(*edge) for edge in pairwise(edges)]
