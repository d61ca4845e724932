"""The scoreboard as people read it: the parts of each week added up, and what is worth a warning."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from models.calibration import ReliabilityBin
from schemas.event import Event
from schemas.scoreboard import STEPS, ChanceBin, ScoreKept
from streams.kafka.bulk import event_of, latest_per_key, read_to_end
from streams.settings import Settings

TOPIC = "scoreboard"

ENOUGH = 50
"""With fewer outcomes a coverage of 90 % is not told from one of 80 %."""

COVERAGE_MARGIN = 0.05
"""So far from its level may the coverage of intervals be: 85 to 95 % for 90 %."""


class BoardRow(msgspec.Struct, frozen=True, kw_only=True):
    """How good a release was in one week, or in several.

    Attributes
    ----------
    weeks : tuple of str
        ISO weeks in which the outcomes were observed, the newest last.
    compared : int
        Videos with a prediction and a truth.
    coverage, below, above : float or None
        Shares of truths inside, below and above the intervals; None without videos.
    bias, error, constant_error : float or None
        Mean of prediction less truth, mean absolute error, and that of always saying the constant; in `unit`.
    not_comparable : dict
        Videos with outcomes that say nothing of the prediction, by reason.
    chances : int
        Videos that were given a chance to be among the best, and of which it is known whether they are.
    brier, base_brier : float or None
        Mean squared distance of that chance from what came (0 is perfect), and of always saying the share there is.
    calibration_error : float or None
        Mean distance of what was said and what came, over tenths of chances (ECE).
    reliability : tuple of ReliabilityBin
        These tenths: how many videos, what was said of them on average, and the share that came.
    """

    target: str
    release_id: str
    weeks: tuple[str, ...]
    unit: str
    level: float
    compared: int
    coverage: float | None
    below: float | None
    above: float | None
    bias: float | None
    error: float | None
    constant_error: float | None
    not_comparable: dict[str, int]
    chances: int = 0
    brier: float | None = None
    base_brier: float | None = None
    calibration_error: float | None = None
    reliability: tuple[ReliabilityBin, ...] = ()


def read_parts(settings: Settings, bootstrap: str) -> list[ScoreKept]:
    """Read the counts that the scoreboard stage keeps.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    UsageError
        The topic does not exist.
    """
    records = latest_per_key(read_to_end(settings, bootstrap, [TOPIC])).values()
    return parts_of(event_of(record) for record in records)


def parts_of(events: Iterable[Event]) -> list[ScoreKept]:
    """The last count of each part among events, without parts that hold no video any more."""
    last = {e.record_key: e for e in events if isinstance(e, ScoreKept)}
    return [part for _, part in sorted(last.items()) if part.compared or part.not_comparable]


def by_week(parts: Iterable[ScoreKept]) -> list[BoardRow]:
    """Add parts up, a row for each release and week, by target, release and week."""
    weeks: dict[tuple[str, str, str], list[ScoreKept]] = defaultdict(list)
    for part in parts:
        weeks[part.target, part.release_id, part.week].append(part)
    return [_row(weeks[key]) for key in sorted(weeks)]


def recent(parts: Iterable[ScoreKept]) -> list[BoardRow]:
    """For each release its newest weeks: as many as it takes to have enough outcomes."""
    releases: dict[tuple[str, str], list[ScoreKept]] = defaultdict(list)
    for part in parts:
        releases[part.target, part.release_id].append(part)
    return [_row(_newest(releases[key])) for key in sorted(releases)]


def warnings(rows: Iterable[BoardRow]) -> list[str]:
    """Name the releases whose intervals hold too few or too many of the truths."""
    return [_warning(row) for row in rows if row.compared >= ENOUGH and _is_off(row)]


def _is_off(row: BoardRow) -> bool:
    return row.coverage is not None and abs(row.coverage - row.level) > COVERAGE_MARGIN + 1e-9


def _warning(row: BoardRow) -> str:
    too = "narrow" if (row.coverage or 0) < row.level else "wide"
    return (
        f"{row.target}/{row.release_id}: {row.coverage:.0%} of {row.compared} outcomes since {row.weeks[0]} lie inside "
        f"intervals of {row.level:.0%}; they are too {too}: train again with newer outcomes"
    )


def _newest(parts: Sequence[ScoreKept]) -> list[ScoreKept]:
    taken: list[ScoreKept] = []
    for week in sorted({part.week for part in parts}, reverse=True):
        taken += [part for part in parts if part.week == week]
        if sum(part.compared for part in taken) >= ENOUGH:
            break
    return taken


def _row(parts: Sequence[ScoreKept]) -> BoardRow:
    first, compared = parts[0], sum(part.compared for part in parts)
    reasons: Counter[str] = Counter()
    for part in parts:
        reasons.update(part.not_comparable)
    tenths = _tenths(parts)
    given = sum(tenth.rows for tenth in tenths)

    def mean(name: str, unit: int = 1, of: int = compared) -> float | None:
        total: int = sum(getattr(part, name) for part in parts)
        return total / unit / of if of else None

    return BoardRow(
        target=first.target,
        release_id=first.release_id,
        weeks=tuple(sorted({part.week for part in parts})),
        unit=first.unit,
        level=first.level,
        compared=compared,
        coverage=mean("inside"),
        below=mean("below"),
        above=mean("above"),
        bias=mean("error_sum", STEPS),
        error=mean("absolute_error_sum", STEPS),
        constant_error=mean("constant_error_sum", STEPS),
        not_comparable=dict(sorted(reasons.items())),
        chances=given,
        brier=mean("brier_sum", STEPS, given),
        base_brier=mean("base_brier_sum", STEPS, given),
        calibration_error=sum(t.rows * abs(t.said - t.came) for t in tenths) / given if given else None,
        reliability=tenths,
    )


def _tenths(parts: Iterable[ScoreKept]) -> tuple[ReliabilityBin, ...]:
    """Add the bins of parts up, the least likely first."""
    bins: dict[int, list[ChanceBin]] = defaultdict(list)
    for part in parts:
        for one in part.chances:
            bins[one.tenth].append(one)
    return tuple(_tenth(bins[tenth]) for tenth in sorted(bins))


def _tenth(bins: Sequence[ChanceBin]) -> ReliabilityBin:
    rows = sum(one.videos for one in bins)
    said, came = sum(one.chance_sum for one in bins), sum(one.came for one in bins)
    return ReliabilityBin(rows, said / STEPS / rows, came / rows)
