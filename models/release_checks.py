"""Whether what lies in a release can predict at all: shapes, indices, and one trial."""

import numpy as np

from models.estimators.constant import FittedConstant
from models.estimators.early import NOWHERE, FittedProcess
from models.estimators.examples import Examples, Fitted, Floats
from models.estimators.kernel import FittedKernel
from models.estimators.linear import FittedRidge
from models.estimators.phrasing import FittedPhrasing
from models.estimators.projection import Projection
from models.estimators.stack import FittedStack
from models.estimators.tree_text import check_tree_text
from models.estimators.trees import FittedTrees
from models.estimators.words import BUCKETS, Text, WordWeights
from models.layout import Layout, Table
from schemas.errors import ReleaseInvalid

LARGEST = 2.0**30
"""Predictions are counted in steps of 2**-32 in 64 bits: more would not fit."""


def check_fitted(fitted: Fitted, layout: Layout) -> None:
    """Check that an estimator fits the layout, and let it predict two rows.

    Raises
    ------
    ReleaseInvalid
        It reads columns that are not there, its arrays do not belong together, or it gives no sensible number.
    """
    try:
        _check(fitted, layout)
        with np.errstate(all="ignore"):  # what overflows is found in the totals
            totals = fitted.predict(_trial(layout)), fitted.contributions(_trial(layout)).totals
        _demand(bool((np.abs(totals) < LARGEST).all()), "it gives no sensible numbers")
    except ReleaseInvalid:
        raise
    except Exception as error:  # a hostile estimator may break numpy, scipy and LightGBM in ways of their own
        raise ReleaseInvalid(f"the estimator of the release cannot predict: {error}; train again") from error


def _check(fitted: Fitted, layout: Layout) -> None:
    if isinstance(fitted, FittedStack):
        _check_stack(fitted, layout)
    elif isinstance(fitted, FittedProcess):
        sizes = [block.size for block in layout.blocks]
        stands = fitted.block == NOWHERE or (fitted.block >= 0 and sizes[fitted.block : fitted.block + 1] == [1])
        _demand(stands, "what is foretold is nowhere")
        _check(fitted.otherwise, layout)
    elif isinstance(fitted, FittedRidge):
        ridge = fitted.ridge
        for array in (ridge.mean, ridge.weights, ridge.low, ridge.high):
            _demand(array.shape == (layout.columns,), f"expected {layout.columns} weights, got {array.shape}")
    elif isinstance(fitted, FittedKernel):
        for hills in fitted.hills:
            _check_vectors(hills.block, hills.centres.T, hills.heights, layout)
    elif isinstance(fitted, FittedPhrasing):
        _check_words(fitted.words, fitted.weights)
    elif isinstance(fitted, FittedTrees):
        _check_projection(fitted.projection, layout)
        check_tree_text(fitted.model, features=len(fitted.projection.owners(_trial(layout))))
    else:
        _demand(isinstance(fitted, FittedConstant), f"no check for {type(fitted).__name__}")


def _check_stack(fitted: FittedStack, layout: Layout) -> None:
    _demand(bool(np.isfinite(fitted.weights).all()), "a weight is no number")
    for member in fitted.members:
        _demand(not isinstance(member, FittedStack), "a stack holds another")
        _check(member, layout)


def _check_projection(projection: Projection, layout: Layout) -> None:
    for vectors in projection.vectors:
        _check_vectors(vectors.block, vectors.axes, vectors.centre, layout)
    if projection.words:
        _check_words(projection.words.words, projection.words.axes[:, 0])


def _check_vectors(block: int, columns: Floats, each: Floats, layout: Layout) -> None:
    """A block's columns by something, and one number for each of these."""
    _demand(0 <= block < len(layout.blocks), f"there is no block {block}")
    size = layout.blocks[block].size
    _demand(columns.shape == (size, len(each)) and each.ndim == 1, f"block {block} has another shape")


def _check_words(words: WordWeights, each: Floats) -> None:
    kept = len(words.buckets)
    _demand(words.buckets.shape == words.rarity.shape == each.shape == (kept,), "counts of words do not fit")
    ascending = bool((np.diff(words.buckets) > 0).all())
    _demand(
        ascending and (not kept or (words.buckets[0] >= 0 and words.buckets[-1] < BUCKETS)), "words are not in order"
    )


def _trial(layout: Layout) -> Examples:
    """A row of which everything is known, and one of which nothing is."""
    present = np.repeat([[True], [False]], len(layout.blocks), axis=1)
    values = np.where(present[:, layout.owners], 0.5, 0.0)
    return Examples(Table(values, present), layout, (Text("a video that nobody made"), Text("")))


def _demand(met: bool, otherwise: str) -> None:
    if not met:
        raise ValueError(otherwise)
