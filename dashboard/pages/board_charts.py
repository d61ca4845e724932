"""Charts of operators: how stages and releases did over time, as points of SVG lines."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.pages.charts import Scale, scale_over
from dashboard.pages.wording import figure, percent
from streams.scoreboard import BoardRow

WIDE, HIGH = 100.0, 100.0
"""Of the view box that every line is drawn in; it is stretched to its place."""

SPARK_POINTS = 60
MOST_RELEASES = 4
TONES = ("one", "two", "three", "four")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line, its dots, what it is called and what it says at its end; `tone` names its colour."""

    name: str
    tone: str
    points: str
    dots: tuple[tuple[float, float, str], ...]
    last_words: str


@dataclass(frozen=True, kw_only=True)
class BoardChart:
    """How good the releases of a target were, week by week.

    Attributes
    ----------
    errors, coverages : tuple of Line
        Mean absolute errors, with the constant's as the line called ``constant``; shares of truths inside intervals.
    level_y : float
        Where the level of the intervals lies on the chart of coverage.
    """

    target: str
    unit: str
    weeks: tuple[str, ...]
    errors: tuple[Line, ...]
    error_ticks: tuple[tuple[float, str], ...]
    coverages: tuple[Line, ...]
    coverage_ticks: tuple[tuple[float, str], ...]
    level: float
    level_y: float
    compared: int


def spark(values: Sequence[float]) -> str:
    """Points of a small line that begins at nothing and fills its box; empty where there is no line yet.

    >>> spark([0, 10])
    '0.0,96.0 100.0,4.0'
    """
    some = values[-SPARK_POINTS:]
    most = max(some, default=0) or 1
    if len(some) < 2:
        return ""
    step = WIDE / (len(some) - 1)
    return " ".join(f"{at * step:.1f},{96 - 92 * value / most:.1f}" for at, value in enumerate(some))


def board_charts(rows: Iterable[BoardRow]) -> list[BoardChart]:
    """A chart for each target that has weeks with outcomes."""
    targets: dict[str, list[BoardRow]] = defaultdict(list)
    for row in rows:
        if row.compared:
            targets[row.target].append(row)
    return [_chart(target, found) for target, found in sorted(targets.items())]


def _chart(target: str, rows: Sequence[BoardRow]) -> BoardChart:
    weeks = tuple(sorted({row.weeks[0] for row in rows}))
    releases = list(dict.fromkeys(row.release_id for row in sorted(rows, key=lambda row: row.weeks[0], reverse=True)))
    shown = list(zip(releases[:MOST_RELEASES], TONES, strict=False))
    levels = [row.coverage for row in rows] + [rows[0].level]
    errors = _Chart(weeks, scale_over([v for row in rows for v in (row.error, row.constant_error)], low=0.0))
    coverages = _Chart(weeks, scale_over(levels, low=0.5, high=1.0), percent)
    mine = {release: {row.weeks[0]: row for row in rows if row.release_id == release} for release, _ in shown}
    constant = {row.weeks[0]: row.constant_error for row in rows}
    return BoardChart(
        target=target,
        unit=rows[0].unit,
        weeks=weeks,
        errors=(
            *(errors.line(r, tone, {w: x.error for w, x in mine[r].items()}) for r, tone in shown),
            errors.line("constant", "constant", constant),
        ),
        error_ticks=errors.ticks(),
        coverages=tuple(coverages.line(r, tone, {w: x.coverage for w, x in mine[r].items()}) for r, tone in shown),
        coverage_ticks=coverages.ticks(),
        level=rows[0].level,
        level_y=_y(coverages.scale, rows[0].level),
        compared=sum(row.compared for row in rows),
    )


@dataclass(frozen=True)
class _Chart:
    """What all lines of a chart share."""

    weeks: Sequence[str]
    scale: Scale
    write: Callable[[float], str] = figure

    def line(self, name: str, tone: str, values: Mapping[str, float | None]) -> Line:
        known = [(week, value) for week in self.weeks if (value := values.get(week)) is not None]
        said = [(_x(self.weeks, week), _y(self.scale, v), f"{week}: {self.write(v)}") for week, v in known]
        return Line(
            name=name,
            tone=tone,
            points=" ".join(f"{x},{y}" for x, y, _ in said),
            dots=tuple(said),
            last_words=self.write(known[-1][1]) if known else "",
        )

    def ticks(self) -> tuple[tuple[float, str], ...]:
        return tuple((round(HIGH - at, 2), words) for at, words in self.scale.ticks(self.write))


def _x(weeks: Sequence[str], week: str) -> float:
    span = max(len(weeks) - 1, 1)
    return round(8 + (96 - 8) * weeks.index(week) / span, 2) if len(weeks) > 1 else 50.0


def _y(scale: Scale, value: float) -> float:
    return round(HIGH - scale.at(value), 2)
