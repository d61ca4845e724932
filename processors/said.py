"""What a release says of videos: whole steps for each topic, how far it may be off, and a chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import ridge as linear
from models.conformal import intervals, probability_above
from models.estimators.examples import Parts, settled
from models.estimators.from_summaries import examples_of
from models.feature_list import Topic
from models.layout import Layout, Table, topic_of, vectorise
from models.release import LearnedRelease, NumberRelease, Release
from schemas.summaries import Summarised

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

WORDING = Topic("wording", "which words are used, and how things are put")
START = Topic("start", "where this model starts from, beside the plain average")
CALIBRATION = Topic("calibration", "how often such videos did come out on top")


@dataclass(frozen=True, kw_only=True)
class Said:
    """A release's word on some videos, one row each.

    Attributes
    ----------
    table : Table
        What was read.
    topics : tuple of Topic
    parts : array of int64, shape (n, topics)
        In steps of 2**-32 of the target's unit; with the constant they add up to the prediction, before it is
        cut at the target's limits.
    low, high : array, shape (n,)
        Ends of the interval, inside the limits.
    chances : array, shape (n,)
    """

    table: Table
    topics: tuple[Topic, ...]
    parts: Whole
    low: Floats
    high: Floats
    chances: Floats


def said_by(release: NumberRelease, summaries: Sequence[Summarised]) -> Said:
    """Ask a release about summaries; each row depends on its own summary only.

    Raises
    ------
    ReleaseInvalid
        A vector comes from another model than the release was taught on.
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    if isinstance(release, LearnedRelease):
        return _by_learned(release, summaries)
    return _by_ridge(release, summaries)


def steps(value: float) -> int:
    """A number of the target's unit in fixed point."""
    return round(value * linear.TERM_STEPS)


def _by_ridge(release: Release, summaries: Sequence[Summarised]) -> Said:
    manifest = release.manifest
    table = vectorise(summaries, manifest.layout)
    topics = topics_of(manifest.layout)
    parts = _joined(linear.terms(table, release.ridge, manifest.layout), _membership(manifest.layout, topics))
    values = _cut(parts.sum(axis=1) + steps(manifest.constant), manifest.limits)
    low, high = intervals(values, np.ones(len(values)), release.errors, limits=manifest.limits)
    chances = probability_above(values, manifest.threshold, release.errors)
    return Said(table=table, topics=topics, parts=parts, low=low, high=high, chances=chances)


def _by_learned(release: LearnedRelease, summaries: Sequence[Summarised]) -> Said:
    manifest = release.manifest
    examples = examples_of(summaries, manifest.layout)
    found = release.fitted.contributions(examples)
    chances = settled(release.calibrator.chances(found.totals))
    low, high = intervals(found.totals, release.difficulty.of(examples), release.errors, limits=manifest.limits)
    topics, parts = _topics_and_parts(found, release)
    if manifest.kind == "probability":  # what is said is the calibrated chance, and not the score it is read from
        moved = np.rint((chances - found.totals) * linear.TERM_STEPS).astype(np.int64)
        topics, parts = (*topics, CALIBRATION), np.hstack([parts, moved[:, None]])
        low, high = np.minimum(low, chances), np.maximum(high, chances)
    return Said(table=examples.table, topics=topics, parts=parts, low=low, high=high, chances=chances)


def _topics_and_parts(found: Parts, release: LearnedRelease) -> tuple[tuple[Topic, ...], Whole]:
    """Join the blocks by topic, then the words, and where the estimator starts from beside the training mean."""
    layout, constant = release.manifest.layout, steps(release.manifest.constant)
    topics = (*topics_of(layout), WORDING)
    owners = np.array([*(topics.index(topic_of(block)) for block in layout.blocks), len(topics) - 1])
    start = np.full((len(found.parts), 1), found.base - constant)
    return (*topics, START), np.hstack([_joined(found.parts, owners), start])


def _cut(totals: Whole, limits: tuple[float, float] | None) -> Floats:
    if limits is not None:
        totals = np.clip(totals, steps(limits[0]), steps(limits[1]))
    values: Floats = totals / linear.TERM_STEPS
    return values


def topics_of(layout: Layout) -> tuple[Topic, ...]:
    """What the layout's columns are about, each topic once, in order of appearance."""
    return tuple(dict.fromkeys(topic_of(block) for block in layout.blocks))


def _membership(layout: Layout, topics: tuple[Topic, ...]) -> Whole:
    """For each column the number of its topic: shape (columns,)."""
    numbers = np.array([topics.index(topic_of(block)) for block in layout.blocks])
    columns: Whole = numbers[layout.owners]
    return columns


def _joined(parts: Whole, membership: Whole) -> Whole:
    """Add up what belongs to one topic: shape (n, topics)."""
    return np.stack([parts[:, membership == t].sum(axis=1) for t in range(membership.max() + 1)], axis=1)
