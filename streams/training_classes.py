"""Classes of videos and segments that people have labelled: how well can each way of telling them apart do it?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
import numpy as np

from models.classification import Bools, ClassDefinition, ClassScores, compare, match_words, side_by_side, table_of
from models.estimators.examples import Examples, Floats, Groups
from models.estimators.folds import Fold, group_folds
from models.layout import Block, Layout, vectorise
from models.target_values import group_of, label_truth
from schemas.errors import TrainingImpossible
from schemas.event import WHOLE_VIDEO
from schemas.summaries import Summarised
from schemas.targets import TargetDefined
from streams.training_source import Source

MIN_LABELLED = 40
MIN_OF_CLASS = 5
"""A class of which fewer examples are known, or fewer without it, cannot be judged on five folds."""


def class_scores(target: TargetDefined, source: Source) -> list[ClassScores]:
    """Judge text match, neighbours, a line and a calibrated line on the same labelled examples, by whole groups.

    Raises
    ------
    TrainingImpossible
        The target takes no labels, or too few were given.
    """
    if not target.classes:
        raise TrainingImpossible(
            f"{target.name} has no classes that people label, and cannot be compared; a target with [[classes]] can"
        )
    said = label_truth(target, source.labels)
    found = sorted((s for s in source.segments() if (s.video_id, s.scope) in said), key=lambda s: s.record_key)
    if len(found) < MIN_LABELLED:
        raise TrainingImpossible(
            f"expected at least {MIN_LABELLED} labelled videos or segments that have been read, got {len(found)} (of "
            f"{len(said)} labelled); `groundswell import labels FILE --target {target.name}` brings labels in"
        )
    return _compared(target, found, np.array([said[s.video_id, s.scope] for s in found]))


def _compared(target: TargetDefined, found: Sequence[Summarised], shares: Floats) -> list[ClassScores]:
    rows, makers = side_by_side(_vectors(found)), _makers(found)
    tags = [{label.name: label.score for label in summary.labels} for summary in found]
    scores: list[ClassScores] = []
    for place, one in enumerate(target.classes):
        judged = np.flatnonzero(~np.isnan(shares[:, place]))
        truth = shares[judged, place] > 0.5
        if min(int(truth.sum()), int((~truth).sum())) < MIN_OF_CLASS:
            continue
        own, known = np.unique(makers[judged], return_inverse=True)[1].astype(np.int64), {one.name: truth}
        wanted = ClassDefinition(one.name.replace("_", " "), one.definition)
        matched = {one.name: match_words([tags[row] for row in judged], wanted)}
        scores += table_of("text match", matched, known)
        folds = group_folds(own)
        scores += compare(rows[judged], known, groups=own, split=partial(_whatever_the_class, folds))
    if not scores:
        raise TrainingImpossible(
            f"no class of {target.name} has {MIN_OF_CLASS} examples with it and {MIN_OF_CLASS} without; label more"
        )
    return _with_means([one for one in scores if one.name != "macro"])


def _whatever_the_class(folds: Sequence[Fold], known: Bools) -> Sequence[Fold]:
    del known
    return folds


def _with_means(scores: Sequence[ClassScores]) -> list[ClassScores]:
    """By method, its classes and then their mean."""
    table: list[ClassScores] = []
    for method in dict.fromkeys(one.method for one in scores):
        own = [one for one in scores if one.method == method]
        mean = {key: float(np.mean([one.figures[key] for one in own])) for key in own[0].figures}
        table += [*own, ClassScores(method, "macro", mean)]
    return table


def _vectors(found: Sequence[Summarised]) -> Examples:
    """Every vector that some of them have, of the size that most have."""
    counts = Counter((name, pooled.dim) for summary in found for name, pooled in summary.pooled.items())
    sizes = {name: size for (name, size), _ in sorted(counts.items(), key=lambda item: (item[1], item[0]))}
    if not sizes:
        raise TrainingImpossible("not one of the labelled videos or segments has been seen, heard or read")
    fitting = [_only(summary, sizes) for summary in found]
    layout = Layout(tuple(Block(name, sizes[name]) for name in sorted(sizes)))
    return Examples(vectorise(fitting, layout), layout)


def _only(summary: Summarised, sizes: Mapping[str, int]) -> Summarised:
    pooled = {name: vector for name, vector in summary.pooled.items() if sizes[name] == vector.dim}
    return msgspec.structs.replace(summary, pooled=pooled)


def _makers(found: Sequence[Summarised]) -> Groups:
    """Whose they are; the segments of a video follow the video, whose summary names its channel."""
    by_video = {s.video_id: group_of(s) for s in found if s.scope == WHOLE_VIDEO}
    names = [by_video.get(summary.video_id, summary.video_id) for summary in found]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
