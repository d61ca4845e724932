"""What a training run found, as figures: for programs, for people and for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.estimators.examples import WORDS, Examples
from models.estimators.learned import Judged
from models.layout import topic_of
from models.measures import BOOTSTRAPS, SEED, Floats, Groups, r2_interval
from models.ridge import TERM_STEPS
from streams.training import Elsewhere, Trained
from streams.training_rows import Rows

WORDS_SAID = "which words are used"
EXPLAINED_ROWS = 500
"""So many rows tell what matters; the shares of more hardly differ."""

FIGURES: Mapping[str, str] = {
    "mse": "mse",
    "constant_mse": "mse_constant",
    "r2": "r2",
    "r2_low": "r2_low",
    "r2_high": "r2_high",
    "rho": "rho",
    "mae": "mae",
    "constant_mae": "mae_constant",
    "coverage_90": "coverage_90",
    "interval_width": "interval_width",
    "auc": "success_auc",
    "brier": "brier",
    "constant_brier": "brier_constant",
    "ece": "ece",
}
"""Names in ``--json``, and what measures call them; those that do not apply are left out."""


def outcome_of(trained: Trained, elsewhere: Elsewhere | None, *, is_published: bool) -> dict[str, object]:
    """All that one line can say; the figures are those on the test table where there is one."""
    rows, learned = trained.rows, trained.learned
    judged_on = elsewhere.words if elsewhere else f"held-out {trained.target.group_by}s"
    outcome: dict[str, object] = {
        "target": trained.target.name,
        "release": trained.release_id,
        "measure": rows.measure.name,
        "unit": rows.measure.unit,
        "rows": len(rows.truth),
        "groups": int(rows.groups.max()) + 1,
        "columns": rows.examples.layout.columns,
        "chosen": learned.choice.name,
        "beats_constant": learned.beats_constant,
        "published": is_published,
        "judged_on": judged_on,
        "judged": len(elsewhere.rows.truth) if elsewhere else len(learned.judged.rows),
        **_named(elsewhere.metrics if elsewhere else learned.metrics),
    }
    if elsewhere:
        outcome["cross_validated"] = _named(learned.metrics)
    if trained.later is not None:
        outcome["r2_later"] = trained.later["r2"]
    return outcome


def _named(metrics: Mapping[str, float]) -> dict[str, float]:
    """Finite figures under their public names: JSON has no infinity."""
    return {ours: metrics[theirs] for ours, theirs in FIGURES.items() if np.isfinite(metrics.get(theirs, np.nan))}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One estimator out of fold; an interval where its predictions are kept.

    Attributes
    ----------
    worse_by, worse_by_error : float
        Mean squared error more than the best one's, and the standard error of that.
    """

    name: str
    mse: float
    r2: float
    r2_interval: tuple[float, float] | None
    worse_by: float
    worse_by_error: float
    is_chosen: bool


def compared(trained: Trained) -> list[Compared]:
    """All estimators that were compared, in the order from the simplest."""
    learned, held = trained.learned, trained.learned.held_out
    rows = np.flatnonzero(held.judged)
    truth, groups, constants = trained.task.truth[rows], trained.task.groups[rows], held.constants[rows]
    constant = float(((truth - constants) ** 2).mean())
    errors = {name: truth - held.predictions[rows, place] for place, name in enumerate(held.names)}
    squared = (truth - constants) ** 2
    intervals = {name: r2_interval(missed**2, squared, groups) for name, missed in errors.items()}
    return [
        Compared(
            name=one.name,
            mse=one.mse,
            r2=1 - one.mse / constant if constant else 0.0,
            r2_interval=intervals.get(one.name),
            worse_by=one.worse_by,
            worse_by_error=one.worse_by_error,
            is_chosen=one.name == learned.choice.name,
        )
        for one in learned.choice.candidates
    ]


def mse_interval(errors: Floats, groups: Groups) -> tuple[float, float]:
    """5 % and 95 % quantiles of a mean squared error over resampled groups.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, cluster bootstrap.
    """
    dense = np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(dense, errors**2), np.bincount(dense)
    times = np.random.default_rng(SEED).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=BOOTSTRAPS)
    low, high = np.quantile((times @ sums) / (times @ counts), (0.05, 0.95))
    return float(low), float(high)


@dataclass(frozen=True)
class Weight:
    """How much a topic moves predictions: the mean size of what it adds, in the target's unit."""

    words: str
    mean_size: float


def what_matters(trained: Trained) -> list[Weight]:
    """Topics by how much they move predictions, the most first."""
    examples = _spread_over(trained.task.examples)
    parts = trained.learned.fitted.contributions(examples).parts / TERM_STEPS
    topics = _topics(examples)
    names = list(dict.fromkeys(topics))
    sums = np.stack([parts[:, [topic == name for topic in topics]].sum(axis=1) for name in names], axis=1)
    sizes = np.abs(sums).mean(axis=0).tolist()
    found = [Weight(name, size) for name, size in zip(names, sizes, strict=True) if size]
    return sorted(found, key=lambda one: (-one.mean_size, one.words))


def _topics(examples: Examples) -> list[str]:
    topics = [topic_of(block).words for block in examples.layout.blocks]
    return (
        [*topics, WORDS_SAID] if len(examples.part_names) > len(topics) and examples.part_names[-1] == WORDS else topics
    )


def _spread_over(examples: Examples) -> Examples:
    places = np.unique(np.linspace(0, len(examples) - 1, min(len(examples), EXPLAINED_ROWS)).astype(np.int64))
    return examples.rows(places)


@dataclass(frozen=True)
class Mistake:
    """A video that did quite otherwise than was said."""

    video_id: str
    title: str
    maker: str
    truth: float
    said: float


def worst_mistakes(rows: Rows, judged: Judged, *, said: Floats, count: int = 12) -> list[Mistake]:
    """The largest errors, the largest first."""
    truth: Sequence[float] = rows.truth[judged.rows].tolist()
    order = np.argsort(-np.abs(rows.truth[judged.rows] - said), kind="stable")[:count]
    facts = [rows.facts[judged.rows[place]] for place in order]
    return [
        Mistake(fact.video_id, fact.title, fact.maker, truth[place], float(said[place]))
        for fact, place in zip(facts, order, strict=True)
    ]
