"""How much better each video did than was expected of what it is about."""

import numpy as np

from models.estimators.examples import Estimator, Examples, Floats, Groups
from models.estimators.folds import Fold
from models.estimators.kernel import KernelRidge
from models.estimators.selection import hold_out
from models.layout import Layout, Table
from models.levers import is_pulled


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
