"""Why a class is likely: what each kind of evidence adds to its chance, so that the parts add up to it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.class_examples import ClassExamples
from models.classifiers import TEXT_MATCH
from models.estimators.examples import Examples
from models.estimators.words import Text
from models.feature_list import Topic
from models.layout import Table, topic_of
from models.release import ClassRelease
from models.ridge import TERM_STEPS
from processors.said import WORDING, steps
from schemas.predictions import Reason

Whole = NDArray[np.int64]
Group = frozenset[int]

RECOGNISED = Topic("labels", "what was recognised, by name")
NOTHING = Topic("start", "where this model starts from when it knows nothing of a video")


@dataclass(frozen=True)
class _Evidence:
    """One kind of evidence: blocks of columns, the words, or the tags."""

    topic: Topic
    blocks: tuple[int, ...] = ()
    words: bool = False
    tags: bool = False


def reasons_of(release: ClassRelease, seen: ClassExamples, classes: Sequence[int]) -> list[tuple[Reason, ...]]:
    """Share the difference between the base rate and the chance of one class of each row out over the evidence.

    With the base rate in steps of 2**-32 the contributions add up to the chance exactly.

    Parameters
    ----------
    classes : sequence of int
        For each row the place of the class in the manifest.

    Source: Shapley, A value for n-person games, 1953; with at most five kinds of evidence all groups are asked.
    """
    evidence = tuple(_evidence_of(release))
    said = {
        group: _chances(release, _only(seen, [evidence[place] for place in group]), classes)
        for group in _groups(len(evidence))
    }
    everything, nothing = frozenset(range(len(evidence))), frozenset[int]()
    parts = _shared_out(said, len(evidence), whole=said[everything] - said[nothing])
    base_rates = np.array([steps(release.manifest.classes[place].base_rate) for place in classes], np.int64)
    columns = np.column_stack([parts, said[nothing] - base_rates])
    topics = [*(one.topic for one in evidence), NOTHING]
    return [_reasons(topics, row) for row in columns.tolist()]


def _evidence_of(release: ClassRelease) -> Iterator[_Evidence]:
    if release.classifier.method == TEXT_MATCH:
        yield _Evidence(RECOGNISED, tags=True)
        return
    topics: dict[Topic, list[int]] = {}
    for number, block in enumerate(release.manifest.layout.blocks):
        topics.setdefault(topic_of(block), []).append(number)
    for topic, blocks in topics.items():
        yield _Evidence(topic, blocks=tuple(blocks))
    if release.manifest.reads_words:
        yield _Evidence(WORDING, words=True)


def _groups(count: int) -> Iterator[Group]:
    for size in range(count + 1):
        yield from map(frozenset, combinations(range(count), size))


def _only(seen: ClassExamples, kept: Sequence[_Evidence]) -> ClassExamples:
    """The same rows, as if nothing else had been read."""
    examples = seen.examples
    blocks = {number for one in kept for number in one.blocks}
    mask = np.array([number in blocks for number in range(len(examples.layout.blocks))], bool)
    values = np.where(mask[examples.layout.owners], examples.table.values, 0.0)
    reads, matches = (any(getattr(one, name) for one in kept) for name in ("words", "tags"))
    words = examples.words if reads else (Text(""),) * len(examples.words)
    table = Table(values, examples.table.present & mask)
    return ClassExamples(Examples(table, examples.layout, words), seen.tags if matches else ({},) * len(seen))


def _chances(release: ClassRelease, seen: ClassExamples, classes: Sequence[int]) -> Whole:
    chances = release.chances(seen)[np.arange(len(seen)), list(classes)]
    return np.rint(chances * TERM_STEPS).astype(np.int64)


def _shared_out(said: dict[Group, Whole], count: int, *, whole: Whole) -> Whole:
    """Each kind's mean gain over all orders of asking; the largest takes what rounding leaves: shape (n, count)."""
    parts = np.zeros((len(whole), count))
    for group in _groups(count):
        for place in set(range(count)) - group:
            weight = math.factorial(len(group)) * math.factorial(count - len(group) - 1) / math.factorial(count)
            parts[:, place] += weight * (said[group | {place}] - said[group])
    rounded = np.rint(parts).astype(np.int64)
    rounded[np.arange(len(whole)), np.abs(rounded).argmax(axis=1)] += whole - rounded.sum(axis=1)
    return rounded


def _reasons(topics: Sequence[Topic], parts: Sequence[int]) -> tuple[Reason, ...]:
    reasons = [
        Reason(feature=topic.feature, words=topic.words, contribution=part / TERM_STEPS)
        for topic, part in zip(topics, parts, strict=True)
        if part
    ]
    return tuple(sorted(reasons, key=lambda reason: (-abs(reason.contribution), reason.feature)))
