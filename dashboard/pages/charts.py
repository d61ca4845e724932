"""Where things lie in charts, as shares of their width and height in percent: templates only draw.

Percents are attributes of SVG, so that a chart is as wide as its place, and no text in it grows or shrinks.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dashboard.pages.wording import figure
from dashboard.rows import Moment
from schemas.predictions import Reason

MARGIN = 4.0
"""Percent left free at either end of a scale, for the words under its ends."""

_STEPS = (1, 2, 2.5, 5, 10)
WANTED_TICKS = 5


@dataclass(frozen=True)
class Scale:
    """A line of numbers from `low` to `high`.

    >>> Scale(0, 100).at(50), Scale(0, 100).at(-30)
    (50.0, 4.0)
    """

    low: float
    high: float

    def at(self, value: float) -> float:
        """Percent of the width where a value lies; what lies beyond an end is drawn at the end."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return round(MARGIN + (100 - 2 * MARGIN) * min(max(share, 0.0), 1.0), 2)

    def ticks(self, write: Callable[[float], str] = figure) -> list[tuple[float, str]]:
        """Round numbers along the line, each with its place."""
        step = _round_step((self.high - self.low) / WANTED_TICKS)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [(self.at((first + i) * step), write(round((first + i) * step, 9))) for i in range(min(count, 20))]


def scale_over(values: Iterable[float | None], *, low: float | None = None, high: float | None = None) -> Scale:
    """Make a scale that holds all values, and begins and ends where the thing measured does.

    >>> scale_over([3.2, 7.9], low=0.0)
    Scale(low=0.0, high=8.0)
    """
    known = [value for value in values if value is not None and math.isfinite(value)] or [0.0, 1.0]
    least = min(known) if low is None else min(low, *known)
    most = max(known) if high is None else max(high, *known)
    if most <= least:
        least, most = least - 1, most + 1
    step = _round_step((most - least) / WANTED_TICKS)
    return Scale(
        min(least, math.floor(least / step + 1e-9) * step) if low is None else least,
        max(most, math.ceil(most / step - 1e-9) * step) if high is None else most,
    )


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A signed bar: from `x` over `width` percent; `is_up` says on which side of nothing."""

    reason: Reason
    x: float
    width: float
    is_up: bool


def signed_bars(reasons: Sequence[Reason], *, largest: float | None = None) -> list[Bar]:
    """Lay reasons left and right of the middle.

    Parameters
    ----------
    largest : float, optional
        What fills a half; give it where several charts shall be compared.
    """
    full = largest or max((abs(r.contribution) for r in reasons), default=0.0) or 1.0
    return [_bar(reason, 50 * min(abs(reason.contribution) / full, 1.0)) for reason in reasons]


def _bar(reason: Reason, width: float) -> Bar:
    is_up = reason.contribution >= 0
    return Bar(reason=reason, x=50.0 if is_up else round(50 - width, 2), width=round(max(width, 0.4), 2), is_up=is_up)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What was predicted from `x` to `x2`; heights are percents from above."""

    moment: Moment
    x: float
    x2: float
    y: float
    top: float
    height: float
    release_begins: bool


def steps_of(history: Sequence[Moment], scale: Scale) -> list[Step]:
    """Lay the story of a prediction out, one column a change, oldest first.

    Columns are equally wide: most changes come within seconds, and a replay comes months later.
    """
    wide = (100 - 2 * MARGIN) / max(len(history), 1)
    return [_step(i, history, scale, wide) for i in range(len(history))]


def _step(place: int, history: Sequence[Moment], scale: Scale, wide: float) -> Step:
    moment = history[place]
    x = MARGIN + place * wide
    top, bottom = 100 - scale.at(moment.high), 100 - scale.at(moment.low)
    return Step(
        moment=moment,
        x=round(x, 2),
        x2=round(x + wide, 2),
        y=round(100 - scale.at(moment.value), 2),
        top=round(top, 2),
        height=round(max(bottom - top, 0.5), 2),
        release_begins=place > 0 and history[place - 1].release_id != moment.release_id,
    )


def _round_step(rough: float) -> float:
    """The next round number above."""
    if rough <= 0 or not math.isfinite(rough):
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9)))
