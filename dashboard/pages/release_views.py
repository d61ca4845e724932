"""Releases as pages tell of them: figures beside the constant's, targets with what serves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.pages.wording import words
from dashboard.rows import ReleaseRow
from schemas.targets import TargetDefined

CONSTANTS = ("{}_constant", "constant_{}")
"""How the figure of always saying one thing is called beside another figure."""

NAMES: Mapping[str, str] = {
    "mae": "mean error",
    "rmse": "root mean square error",
    "r2": "variance explained",
    "spearman": "rank agreement (Spearman)",
    "coverage_90": "truths inside 90% intervals",
    "interval_coverage": "truths inside intervals",
    "interval_width": "width of intervals",
    "mse": "mean square error",
    "r2_low": "variance explained, at least",
    "r2_high": "variance explained, at most",
    "rho": "rank agreement (Spearman)",
    "brier": "Brier score",
    "ece": "calibration error",
    "auc": "hits told from others (AUC)",
    "accuracy": "right answers",
    "f1": "F1",
    "brier_skill": "better than guessing, by Brier score",
    "success_auc": "hits told from others (AUC)",
    "success_share": "share of hits",
    "ap": "average precision",
}
MEANINGS: Mapping[str, str] = {
    "mae": "how far a prediction is from what came, on average",
    "rmse": "the same, where large errors count for more",
    "mse": "the mean of squared errors: large ones count for more",
    "r2": "how much of the differences between videos it explains; nothing means no better than guessing",
    "rho": "whether it puts videos into the right order: 1 always, 0 by chance",
    "spearman": "whether it puts videos into the right order: 1 always, 0 by chance",
    "coverage_90": "how often what came lay inside; 90% is promised",
    "interval_width": "how wide the interval is on average: narrower says more",
    "brier": "how far chances are from what came; 0 is perfect",
    "ece": "how far chances are off, on average",
    "brier_skill": "0 is guessing, 1 is perfect",
    "success_auc": "how often one that did well has the higher chance; 50% is guessing",
    "auc": "how often one that did well has the higher chance; 50% is guessing",
}
"""What a figure says, for those who do not know it."""

MAIN = ("mae", "brier", "f1", "rmse", "mse")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure; `constant` is the same of always saying one thing, None where that has none."""

    key: str
    name: str
    value: float
    constant: float | None

    @property
    def meaning(self) -> str:
        """What it says, in a few words; empty for what only specialists ask for."""
        return MEANINGS.get(self.key, "")


@dataclass(frozen=True, kw_only=True)
class TargetView:
    """A target with its releases, what serves first; `definition` is None where it was never published here."""

    name: str
    definition: TargetDefined | None
    rows: tuple[ReleaseRow, ...]
    serving: ReleaseRow | None
    main: Mapping[str, Figure | None]


def figures_of(metrics: Mapping[str, float]) -> list[Figure]:
    """Put each figure beside the constant's."""
    beside = {form.format(name) for name in metrics for form in CONSTANTS}
    return [_figure(name, metrics) for name in metrics if name not in beside]


def name_of(key: str) -> str:
    """Say what a figure is called, of a class behind the name of the class.

    >>> name_of("mae"), name_of("washing_up/auc"), name_of("my_own")
    ('mean error', 'washing up: hits told from others (AUC)', 'my own')
    """
    of, _, name = key.rpartition("/")
    return (f"{words(of)}: " if of else "") + NAMES.get(name, words(name))


def main_figure(metrics: Mapping[str, float]) -> Figure | None:
    """The one figure that a list shows."""
    found = next((name for name in MAIN if name in metrics), None)
    return _figure(found, metrics) if found else None


def by_target(targets: Sequence[TargetDefined], rows: Sequence[ReleaseRow]) -> list[TargetView]:
    """Every target with its releases; those that have some come first."""
    known = {target.name: target for target in targets}
    names = sorted({*known, *(row.release.target for row in rows)})
    views = [_target(name, known.get(name), [r for r in rows if r.release.target == name]) for name in names]
    return sorted(views, key=lambda view: (not view.rows, view.name))


def _target(name: str, definition: TargetDefined | None, rows: Sequence[ReleaseRow]) -> TargetView:
    order = {"serving": 0, "shadow": 1, "candidate": 2, "retired": 3}
    ordered = sorted(rows, key=lambda row: (order[row.role], -row.release.trained_at_s))
    return TargetView(
        name=name,
        definition=definition,
        rows=tuple(ordered),
        serving=next((row for row in ordered if row.role == "serving"), None),
        main={row.release.release_id: main_figure(row.release.metrics) for row in ordered},
    )


def _figure(name: str, metrics: Mapping[str, float]) -> Figure:
    return Figure(
        key=name,
        name=name_of(name),
        value=metrics[name],
        constant=next((metrics[form.format(name)] for form in CONSTANTS if form.format(name) in metrics), None),
    )
