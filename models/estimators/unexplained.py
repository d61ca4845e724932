"""How much better each video did than was expected of what it is about."""

from collections.abc import Sequence

import numpy as np

from models.comparables import Comparables, Facets, facets_of, learn_comparables, scale_of, topic_block_of
from models.estimators.examples import Estimator, Examples, Floats, Groups
from models.estimators.folds import Fold
from models.estimators.kernel import KernelRidge
from models.estimators.learned import SEED, Task
from models.estimators.selection import hold_out
from models.layout import Layout, Table
from models.levers import is_pulled
from models.suggestion_luck import with_luck
from schemas.summaries import Summarised
from schemas.targets import Measure


def without_levers(examples: Examples) -> Examples:
    """Leave out every block that a creator could change; what the video is about stays."""
    layout = examples.layout
    kept = np.array([not is_pulled(block) for block in layout.blocks], bool)
    table = Table(examples.table.values[:, kept[layout.owners]], examples.table.present[:, kept])
    blocks = tuple(block for block, stays in zip(layout.blocks, kept, strict=True) if stays)
    return Examples(table, Layout(blocks), examples.words)


def unexplained(
    examples: Examples,
    truth: Floats,
    *,
    groups: Groups,
    folds: tuple[Fold, ...],
    seed: int,
    estimator: Estimator | None = None,
) -> Floats:
    """Truth less what fits expected that saw neither the row's group nor any lever: shape (n,).

    NaN where no fold held the row out.

    Parameters
    ----------
    estimator : Estimator or None
        None for kernel ridge, the best single one on texts.
    """
    about = without_levers(examples)
    members = [estimator or KernelRidge()]
    held_out = hold_out(about, truth, groups=groups, folds=folds, members=members, seed=seed)
    residuals: Floats = truth - held_out.predictions[:, 0]
    return residuals


def comparables_for(
    task: Task,
    summaries: Sequence[Summarised],
    measure: Measure,
    *,
    estimator: Estimator | None = None,
    seed: int = SEED,
) -> Comparables:
    """Make what a release carries for suggestions, from the summaries that it was taught on.

    Parameters
    ----------
    summaries : sequence of Summarised
        Of the task's examples, in their order.
    measure, estimator, seed
        As for `comparables_of`.

    Raises
    ------
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    block = topic_block_of(summaries)
    facets = facets_of(summaries, block)
    return comparables_of(task, facets, measure, topic_block=block, estimator=estimator, seed=seed)


def comparables_of(
    task: Task,
    facets: Facets,
    measure: Measure,
    *,
    topic_block: str,
    estimator: Estimator | None = None,
    seed: int = SEED,
) -> Comparables:
    """Make what a release carries for suggestions.

    Parameters
    ----------
    facets : Facets
        Of the task's examples, in their order.
    measure : Measure
        What taught: its unit and scale are those of the suggestions.
    estimator : Estimator or None
        As for `unexplained`.
    """
    residuals = unexplained(
        task.examples, task.truth, groups=task.groups, folds=task.folds, seed=seed, estimator=estimator
    )
    comparables = learn_comparables(
        facets,
        residuals,
        truth=task.truth,
        groups=task.groups,
        topic_block=topic_block,
        scale=scale_of(measure),
        unit=measure.unit,
    )
    return with_luck(comparables)
