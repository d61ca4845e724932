"""Labelled videos and segments as rows, and videos with the hashtags that they bear."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest

import msgspec
import numpy as np

from models.class_examples import TELLS_HASHTAGS, ClassExamples, class_examples
from models.classification import ClassDefinition
from models.estimators.examples import Floats, Groups
from models.layout import Block, Layout
from models.release_classes import words_of
from models.target_values import hashtag_classes, hashtag_truth, label_truth, maker_of
from models.taught_on import TaughtOn, made_by, taught_on
from schemas.errors import TrainingImpossible
from schemas.event import WHOLE_VIDEO, VideoId
from schemas.media import Metadata
from schemas.summaries import Summarised
from schemas.targets import TargetDefined
from streams.training_rows import Fact
from streams.training_source import Source

MIN_LABELLED = 40
MIN_OF_CLASS = 5
"""A class of which fewer examples are known, or fewer without it, cannot be judged on five folds."""

MOST_LABELLED = 6000
"""Of more examples a fixed part is learned from: it takes minutes then, and a few hundred megabytes."""


@dataclass(frozen=True)
class _Found:
    """Examples as they lie there.

    Attributes
    ----------
    said : array, shape (n, classes)
        What people said of them; without columns for hashtags.
    count : int
        Of how many something is known.
    owners : dict
        The whole videos, for title, channel and day.
    newest_s : float
        When the newest summary of a whole video was written.
    """

    examples: list[Summarised]
    said: Floats
    count: int
    owners: Mapping[VideoId, Metadata]
    newest_s: float


@dataclass(frozen=True, kw_only=True)
class ClassRows:
    """Examples with what is known of their classes, in the order of their record keys.

    Attributes
    ----------
    names : tuple of str
        The classes that can be judged; `definitions` describes each.
    left_out : dict
        Class -> why it cannot be judged.
    truth : array, shape (n, classes)
        1, 0, or NaN where nobody judged.
    found : int
        Labelled, or with hashtags, whether they were read or not.
    newest_s : float
        When the newest of what was learned from was written or said, seconds since the epoch, UTC.
    digest : str
        Hex digits that change with any label.
    taught_on : mapping
        Versions of the models that made the examples, see `models.taught_on`.
    """

    layout: Layout
    seen: ClassExamples
    names: tuple[str, ...]
    definitions: tuple[ClassDefinition, ...]
    left_out: Mapping[str, str]
    truth: Floats
    groups: Groups
    moments: Floats
    facts: tuple[Fact, ...]
    scopes: tuple[str, ...]
    found: int
    newest_s: float
    digest: str
    taught_on: TaughtOn


def class_rows(source: Source, target: TargetDefined) -> ClassRows:
    """Find the examples of a multilabel target.

    Raises
    ------
    TrainingImpossible
        Too few examples, or none of the classes has enough with it and without it.
    """
    found = _found(source, target)
    if len(found.examples) < MIN_LABELLED:
        raise TrainingImpossible(
            f"expected at least {MIN_LABELLED} {_wanted(target)}, got {len(found.examples)} (of {found.count} known "
            f"of); {_advice(target)}"
        )
    names = tuple(one.name for one in target.classes) or hashtag_classes(target, found.examples)
    truth = _truth(found, target, names)
    left_out = dict(_left_out(names, truth))
    kept = tuple(name for name in names if name not in left_out)
    if not kept:
        raise TrainingImpossible(
            f"no class of {target.name} has {MIN_OF_CLASS} examples with it and {MIN_OF_CLASS} without; {_advice(target)}"
        )
    return _rows(found, source, target, layout=_layout_of(found.examples, target), names=kept, left_out=left_out)


def class_rows_like(source: Source, target: TargetDefined, like: ClassRows) -> ClassRows:
    """Lay out examples that others were learned from: the same columns and classes, none of the same videos.

    Raises
    ------
    TrainingImpossible
        Not one of them can be judged on.
    """
    found = _found(source, target)
    taught = {fact.video_id for fact in like.facts}
    fresh = [place for place, summary in enumerate(found.examples) if summary.video_id not in taught]
    if not fresh:
        raise TrainingImpossible(f"none of the {found.count} examples of {target.name} was not learned from")
    kept = replace(found, examples=[found.examples[place] for place in fresh], said=found.said[fresh])
    return _rows(kept, source, target, layout=like.layout, names=like.names, left_out=like.left_out)


def reads_words(target: TargetDefined) -> bool:
    """Hashtags follow from words; what is seen in a scene from what a segment was found to say, show and sound like."""
    return not target.classes


def _rows(
    found: _Found,
    source: Source,
    target: TargetDefined,
    *,
    layout: Layout,
    names: tuple[str, ...],
    left_out: Mapping[str, str],
) -> ClassRows:
    sizes = {block.name: block.size for block in layout.blocks}
    described = {one.name: one.definition for one in target.classes}
    owners = [found.owners.get(one.video_id, one.metadata) for one in found.examples]
    makers = [maker_of(owner) or one.video_id for owner, one in zip(owners, found.examples, strict=True)]
    truth = _truth(found, target, names)
    return ClassRows(
        layout=layout,
        seen=class_examples([_only(one, sizes) for one in found.examples], layout, reads_words=reads_words(target)),
        names=names,
        definitions=tuple(ClassDefinition(words_of(name), described.get(name, "")) for name in names),
        left_out=left_out,
        truth=truth,
        groups=np.unique(makers, return_inverse=True)[1].astype(np.int64),
        moments=np.array([np.nan if o.uploaded_at_s is None else o.uploaded_at_s for o in owners], np.float64),
        facts=tuple(map(_fact, owners, found.examples)),
        scopes=tuple(one.scope for one in found.examples),
        found=found.count,
        newest_s=max([found.newest_s, *(one.given_at_s for one in source.labels if one.given_at_s is not None)]),
        digest=_digest(found.examples, truth),
        taught_on=taught_on((made_by(_only(one, sizes)) for one in found.examples), sizes),
    )


def _found(source: Source, target: TargetDefined) -> _Found:
    if not target.classes:
        last, newest_s = _last_with_hashtags(source)
        tagged = _thinned(_summaries(source, last))
        owners = {one.video_id: one.metadata for one in tagged}
        return _Found(tagged, np.zeros((len(tagged), 0)), len(tagged), owners, newest_s)
    said, owners = label_truth(target, source.labels), {}
    known = {video_id for video_id, _ in said}

    def labelled() -> Iterator[Summarised]:
        for summary in source.segments():
            if summary.scope == WHOLE_VIDEO and summary.video_id in known:
                owners[summary.video_id] = summary.metadata
            if (summary.video_id, summary.scope) in said:
                yield summary

    found = _thinned(labelled())
    shares = np.array([said[s.video_id, s.scope] for s in found]).reshape(len(found), len(target.classes))
    truth = np.where(np.isnan(shares), np.nan, (shares > 0.5).astype(np.float64))
    newest_s = max((change.written_s for change in source.changes()), default=0.0)
    return _Found(found, truth, len(said), owners, newest_s)


def _truth(found: _Found, target: TargetDefined, names: Sequence[str]) -> Floats:
    """Yes or no for these classes, shape (n, names)."""
    if not target.classes:
        return hashtag_truth(names, found.examples)
    own = [one.name for one in target.classes]
    return found.said[:, [own.index(name) for name in names]]


def _last_with_hashtags(source: Source) -> tuple[dict[VideoId, str], float]:
    """The id of each video's last summary, empty without hashtags; and when the newest of all was written."""
    last, newest_s = dict[VideoId, str](), 0.0
    for change in source.changes():
        bears = change.summary is not None and change.summary.metadata.hashtags
        last[change.video_id] = change.summary.event_id if change.summary is not None and bears else ""
        newest_s = max(newest_s, change.written_s)
    return last, newest_s


def _summaries(source: Source, last: Mapping[VideoId, str]) -> Iterator[Summarised]:
    """Read again, now that it is known which summary of each video is wanted; none is kept on the way."""
    found = (c.summary for c in source.changes() if c.summary and last.get(c.video_id) == c.summary.event_id)
    seen: set[str] = set()
    for summary in found:
        if summary.event_id not in seen:
            seen.add(summary.event_id)
            yield summary


def _thinned(found: Iterable[Summarised]) -> list[Summarised]:
    """The same part whatever the order of arrival: those with the smallest hashes, in the order of their keys."""
    kept = nsmallest(MOST_LABELLED, found, key=lambda one: hashlib.sha256(one.record_key.encode()).digest())
    return sorted(kept, key=lambda one: one.record_key)


def _wanted(target: TargetDefined) -> str:
    return "labelled videos or segments that have been read" if target.classes else "videos that bear hashtags"


def _advice(target: TargetDefined) -> str:
    if target.classes:
        return (
            f"`groundswell label {target.name}` asks for the most useful labels, and `groundswell import labels FILE "
            f"--target {target.name}` brings them in"
        )
    return "`groundswell import outcomes FILE` brings videos in with their titles, descriptions and hashtags"


def _left_out(names: Sequence[str], truth: Floats) -> Iterable[tuple[str, str]]:
    for place, name in enumerate(names):
        known = truth[~np.isnan(truth[:, place]), place]
        yes = int(known.sum())
        if min(yes, len(known) - yes) < MIN_OF_CLASS:
            yield name, f"{yes} examples with it and {len(known) - yes} without; {MIN_OF_CLASS} of each are needed"


def _layout_of(found: Sequence[Summarised], target: TargetDefined) -> Layout:
    """Every vector that some of them have, of the size that most have; for hashtags none that was made of hashtags."""
    counts = Counter((name, pooled.dim) for summary in found for name, pooled in summary.pooled.items())
    sizes = {name: size for (name, size), _ in sorted(counts.items(), key=lambda item: (item[1], item[0]))}
    if not target.classes:
        sizes.pop(TELLS_HASHTAGS, None)
    elif not sizes:
        raise TrainingImpossible("not one of the labelled videos or segments has been seen, heard or read")
    return Layout(tuple(Block(name, sizes[name]) for name in sorted(sizes)))


def _only(summary: Summarised, sizes: Mapping[str, int]) -> Summarised:
    pooled = {name: vector for name, vector in summary.pooled.items() if sizes.get(name) == vector.dim}
    return msgspec.structs.replace(summary, pooled=pooled)


def _fact(owner: Metadata, summary: Summarised) -> Fact:
    title = owner.title or summary.video_id
    words = title if summary.scope == WHOLE_VIDEO else f"{title}, from {summary.start_s:.0f} s"
    return Fact(summary.video_id, words, owner.channel or owner.channel_id)


def _digest(found: Sequence[Summarised], truth: Floats) -> str:
    """Labels may come without a moment: two releases of other labels must not share a name."""
    digest = hashlib.sha256(np.ascontiguousarray(np.nan_to_num(truth, nan=-1.0)).tobytes())
    for summary in found:
        digest.update(summary.event_id.encode())
    return digest.hexdigest()[:6]
