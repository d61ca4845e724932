"""What a video's first days say of its later ones: its counts, and what a Hawkes process foretells from a daily series.

The window that may be seen is part of each number's name, so that a release itself says what it may look at, and
nothing that was counted later can slip in.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ReleaseInvalid, TrainingImpossible
from schemas.outcomes import OutcomeObserved
from schemas.targets import TargetDefined

Floats = NDArray[np.float64]

PLACE = "early"
PROCESS = "process_"
"""How the names of numbers begin that come from the Hawkes process; the others are plain counts."""

COUNTS = ("views", "likes", "comments", "shares")

DAY_H = 24
SHORTEST_DAYS = 14
COUNTED_SHARE = 0.8
"""Of the days so far, on so many somebody must have counted; what lies between two counts is shared out evenly."""

TUNING_DAYS = 15
PENALTY = 1e-4
"""Of series that are too short to choose it."""

HALF_A_SHARE = 0.5
"""A day; so that a series of hardly any shares does not decide how they fade."""

LARGEST = 12.0
"""Nothing has more than 10**12 views."""

DECIMALS = 3
"""Foretold numbers are rounded: how a search ends may differ in the last digits from one processor to the next."""

OLDEST_DAYS = 10_000
SERIES_REMEMBERED = 4096


@dataclass(frozen=True)
class Window:
    """Counts up to one age are seen, those at another are foretold.

    Attributes
    ----------
    early_days, age_days : float
    """

    early_days: float
    age_days: float

    def name(self, number: str) -> str:
        """Name a number as a block.

        >>> Window(90, 120).name("views_log")
        'early/90/120/views_log'
        """
        return f"{PLACE}/{self.early_days:g}/{self.age_days:g}/{number}"

    def seen(self, outcomes: Iterable[OutcomeObserved]) -> list[OutcomeObserved]:
        """Outcomes inside the window, youngest first."""
        latest_h = self.early_days * DAY_H
        inside = [(o.age_h, o) for o in outcomes if o.age_h is not None and 0 < o.age_h <= latest_h]
        return [o for _, o in sorted(inside, key=lambda pair: pair[0])]


def window_of(target: TargetDefined) -> Window | None:
    """What a target may see of its videos' first days; None for what is foretold before publication."""
    if target.sees != "early_outcomes" or target.age_days is None:
        return None
    return Window(target.early_days, target.age_days)


def windows_in(names: Iterable[str]) -> tuple[Window, ...]:
    """The windows that blocks of these names look through.

    Raises
    ------
    ReleaseInvalid
        A name tells of no window.
    """
    found = {_window(name) for name in names if name.startswith(f"{PLACE}/")}
    return tuple(sorted(found, key=lambda window: (window.early_days, window.age_days)))


def _window(name: str) -> Window:
    try:
        _, early_days, age_days, _ = name.split("/")
        window = Window(float(early_days), float(age_days))
    except ValueError:
        window = Window(0.0, 0.0)
    if not 0 < window.early_days < window.age_days <= OLDEST_DAYS:
        raise ReleaseInvalid(f"block {name!r} tells of no window of early days; train again")
    return window


def is_process(name: str) -> bool:
    """Whether a block is one that the Hawkes process fills.

    >>> is_process("early/90/120/process_views_log"), is_process("early/90/120/views_log")
    (True, False)
    """
    return name.startswith(f"{PLACE}/") and name.rpartition("/")[2].startswith(PROCESS)


def early_names(window: Window, outcomes: Sequence[OutcomeObserved]) -> tuple[str, ...]:
    """Name what `early_numbers` will most likely say, without fitting anything."""
    seen = window.seen(outcomes)
    process = (f"{PROCESS}views_log", f"{PROCESS}response_log") if _series(seen, "views") is not None else ()
    return tuple(window.name(number) for number in (*_counts(seen), *process))


def early_numbers(window: Window, outcomes: Sequence[OutcomeObserved]) -> dict[str, float]:
    """Describe the first days, by block name.

    Where there is a daily series, a Hawkes process is fitted, in half a second: its views at the foretold age, what
    one view sets off, and what one share does.
    """
    seen = window.seen(outcomes)
    numbers = _counts(seen)
    views, shares = _series(seen, "views"), _series(seen, "shares")
    if views is not None:
        known = shares if shares is not None and len(shares) == len(views) else np.zeros(len(views))
        numbers |= dict(_foretold(tuple(views.tolist()), tuple(known.tolist()), math.ceil(window.age_days)))
    return {window.name(number): value for number, value in numbers.items()}


def _counts(seen: Sequence[OutcomeObserved]) -> dict[str, float]:
    """Each count as it was last, how old the video was, and how many views a day came last."""
    numbers: dict[str, float] = {}
    for count in COUNTS:
        last = next((value for o in reversed(seen) if (value := getattr(o, count)) is not None), None)
        if last is not None:
            numbers[f"{count}_log"] = math.log10(last + 1)
    viewed = [(o.age_h, o.views) for o in seen if o.age_h is not None and o.views is not None]
    if viewed:
        numbers["age_log"] = math.log10(viewed[-1][0])
        before_h, before = viewed[-2] if len(viewed) > 1 else (0, 0)
        days = max(viewed[-1][0] - before_h, 1) / DAY_H
        numbers["pace_log"] = math.log10(max(viewed[-1][1] - before, 0) / days + 1)
    return numbers


def _series(seen: Sequence[OutcomeObserved], count: str) -> Floats | None:
    """Counts a day, shape (days,), from counts so far; None where too few days were counted."""
    known = [(o.age_h, value) for o in seen if o.age_h is not None and (value := getattr(o, count)) is not None]
    days = int(known[-1][0] // DAY_H) if known else 0
    counted = {math.ceil(age_h / DAY_H) for age_h, _ in known}
    if days < SHORTEST_DAYS or len(counted) < COUNTED_SHARE * days:
        return None
    ages_h, totals = np.array([(0, 0), *known], np.float64).T
    so_far = np.interp(np.arange(days + 1) * DAY_H, ages_h, np.maximum.accumulate(totals))
    return np.diff(so_far)


@lru_cache(SERIES_REMEMBERED)
def _foretold(views: tuple[float, ...], shares: tuple[float, ...], age_days: int) -> tuple[tuple[str, float], ...]:
    """What the process says; nothing where it cannot be fitted, or explodes."""
    from models import hip  # scipy's filters take a third of a second to import

    try:
        is_long = len(views) >= SHORTEST_DAYS + TUNING_DAYS
        fitted = hip.fit_tuned(views, shares) if is_long else hip.fit(views, shares, penalty=PENALTY)
    except TrainingImpossible:
        return ()
    ahead = max(age_days - len(views), 0)
    total = sum(views) + hip.forecast(fitted, _going_on(np.array(shares), ahead), first_day=len(views)).sum()
    response = hip.respond(fitted.process)
    return tuple(_said(float(total), response.endogenous, response.virality if any(shares) else math.nan))


def _going_on(shares: Floats, ahead: int) -> Floats:
    """Shares a day, those to come fading as they did from the first half of the days to the second.

    Nobody knows them. On made-up series of 40 days this foretold views within 5 % on average, taking them to go on as
    in the last two weeks missed by 36 %.
    """
    half = len(shares) // 2
    first, second = shares[:half].mean(), shares[half:].mean()
    fading = min((second + HALF_A_SHARE) / (first + HALF_A_SHARE), 1.0) ** (1 / half)
    days_on = np.arange(1, ahead + 1) + (len(shares) - half) / 2
    return np.concatenate([shares, second * fading**days_on])


def _said(total: float, endogenous: float, virality: float) -> Iterator[tuple[str, float]]:
    for name, value in (("views_log", total), ("response_log", endogenous), ("virality_log", virality)):
        if math.isfinite(value) and value < 10**LARGEST:
            yield f"{PROCESS}{name}", round(math.log10(max(value, 0.0) + 1), DECIMALS)
