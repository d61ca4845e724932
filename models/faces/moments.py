"""Which pictures of a segment are looked at for faces."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

EVERY_S = 2.0
"""Looking every second would cost twice as much."""

_TOLERANCE_S = 0.1
"""Pictures are taken at the first frame after each whole second."""


class Moment(NamedTuple):
    """A picture to look at: its place among all, what time it stands for, the number of its shot."""

    place: int
    start_s: float
    end_s: float
    shot: int


def choose_moments(times_s: Sequence[float], shot_starts_s: Sequence[float], end_s: float) -> list[Moment]:
    """Choose the first picture of each shot, and then one every two seconds.

    Each stands for the time until the next one of its shot, the last one for the rest of the shot.

    Parameters
    ----------
    times_s : ascending times of the pictures of a segment
    shot_starts_s : ascending times inside the segment
    end_s : float
        Where the segment ends.

    >>> choose_moments([0.0, 1.0, 2.0, 3.0], [2.5], 4.0)
    [Moment(place=0, start_s=0.0, end_s=2.0, shot=0), Moment(place=2, start_s=2.0, end_s=2.5, shot=0), \
Moment(place=3, start_s=3.0, end_s=4.0, shot=1)]
    """
    starts_ms = [round(start_s * 1000) for start_s in shot_starts_s]
    shots = [bisect_right(starts_ms, round(time_s * 1000)) for time_s in times_s]
    chosen = _chosen(times_s, shots)
    borders_s = (*shot_starts_s, end_s)
    ends_s = [borders_s[shots[place]] for place in chosen]
    for number, (place, following) in enumerate(pairwise(chosen)):
        if shots[place] == shots[following]:
            ends_s[number] = times_s[following]
    return [
        Moment(place, times_s[place], max(until_s, times_s[place]), shots[place])
        for place, until_s in zip(chosen, ends_s, strict=True)
    ]


def _chosen(times_s: Sequence[float], shots: Sequence[int]) -> list[int]:
    chosen: list[int] = []
    for place, time_s in enumerate(times_s):
        last = chosen[-1] if chosen else None
        if last is None or shots[place] != shots[last] or time_s - times_s[last] >= EVERY_S - _TOLERANCE_S:
            chosen.append(place)
    return chosen
