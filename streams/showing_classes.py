"""Chances of classes on a terminal: how likely each is, beside how common it is, and where in the video."""

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from schemas.predictions import ClassChance, SegmentScored, VideoScored
from streams.class_moments import Moment, moments_of
from streams.text_safety import harmless

MOST_CLASSES = 5
MOST_MOMENTS = 3
NAME_WIDTH = 18
LONGEST_NAME = 40


def chances(scored: VideoScored, segments: Iterable[SegmentScored]) -> Iterator[RenderableType]:
    """A line for each of the likeliest classes, then what a creator is told."""
    yield Text(f"\n{scored.target.replace('_', ' ')}", style="bold")
    where = moments_of(scored, segments)
    for one in scored.classes[:MOST_CLASSES]:
        yield _line(one, where[one.name])
    more = len(scored.classes) - MOST_CLASSES
    if more > 0:
        yield Text(f"  and {more} less likely ones", style="dim")
    for words in scored.suggestions:
        yield Text(f"  to copy: {harmless(words, longest=200)}", style="green")


def in_short(scored: VideoScored) -> str:
    """The classes that are likely, or the likeliest."""
    likely = [one for one in scored.classes if one.is_likely][:2] or list(scored.classes[:1])
    return f"{scored.target} " + ", ".join(f"{_name(one)} {one.probability:.0%}" for one in likely)


def clock(at_s: float) -> str:
    """A moment of a video as players show it.

    >>> clock(75.4)
    '1:15'
    """
    minutes, seconds = divmod(int(at_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _line(one: ClassChance, where: tuple[Moment, ...]) -> Text:
    line = Text.assemble(
        (f"  {one.probability:4.0%}  ", "green" if one.is_likely else "dim"),
        (f"{_name(one):<{NAME_WIDTH}}", "bold" if one.is_likely or where else ""),
        (f"  {one.base_rate:.0%} of all", "dim"),
    )
    if where:
        line.append(f"  {_times(where)}", style="cyan")
    if not one.beats_base_rate:
        line.append("  (no better than how common it is)", style="yellow")
    return line


def _times(where: tuple[Moment, ...]) -> str:
    """The likeliest moments, in the order of time."""
    best = sorted(where, key=lambda moment: -moment.probability)[:MOST_MOMENTS]
    in_order = sorted(best, key=lambda moment: moment.start_s)
    times = ", ".join(f"{clock(m.start_s)}-{clock(m.end_s)} ({m.probability:.0%})" for m in in_order)
    more = len(where) - len(best)
    return f"at {times}" + (f" and {more} more" if more else "")


def _name(one: ClassChance) -> str:
    return harmless(one.name.replace("_", " "), longest=LONGEST_NAME)
