"""A prediction as a pure function of one summary and one release."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import ridge as linear
from models.conformal import probability_above
from models.feature_list import Topic
from models.layout import METADATA, Layout, Table, modality_of, topic_of, vectorise
from models.release import Manifest, Release
from schemas.event import VideoId, derive_id
from schemas.predictions import Interval, Reason, VideoScored
from schemas.summaries import Summarised

STAGE = "score"
VERSION = "1"
"""A new version makes new event ids; change it when the same summary and release give another prediction."""

_SEES_OR_HEARS = frozenset({"segments/visual", "segments/audio", "segments/faces", "video/identity"})


@dataclass(frozen=True)
class _Parts:
    """One row's parts in fixed point (2**-32): by topic, and what the target's limits took away."""

    value: int
    constant: int
    topics: tuple[int, ...]
    limit: int


@dataclass(frozen=True)
class _Says:
    """A release, and what it says of every video alike."""

    release: Release
    topics: tuple[Topic, ...]
    reads: frozenset[str]
    caveats: tuple[str, ...]


def predict(summaries: Sequence[Summarised], release: Release) -> list[VideoScored]:
    """Predict for each summary; the rest of the batch does not change a byte of it.

    Raises
    ------
    ReleaseInvalid
        A vector comes from another model than the release was taught on.
    Unreadable
        A pooled vector's bytes are not what it promises.
    """
    if not summaries:
        return []
    layout = release.manifest.layout
    table = vectorise(summaries, layout)
    topics = topics_of(layout)
    says = _Says(release, topics, _modalities(layout), _lasting_caveats(release.manifest))
    rows = _parts(table, release, _membership(layout, topics))
    values = np.array([row.value for row in rows]) / linear.TERM_STEPS
    chances = probability_above(values, release.manifest.threshold, release.errors)
    return [
        _scored(summary, says, row=row, chance=chance, used=used)
        for summary, row, chance, used in zip(summaries, rows, chances.tolist(), _used(table, layout), strict=True)
    ]


def for_duplicate(scored: VideoScored, duplicate_id: VideoId) -> VideoScored:
    """Say the same of a copy of the video."""
    fields = {name: getattr(scored, name) for name in scored.__struct_fields__}
    copy_id = _event_id(scored.summary_id, scored.target, release_id=scored.release_id, video_id=duplicate_id)
    return VideoScored(**fields | {"event_id": copy_id, "video_id": duplicate_id, "duplicate_of": scored.video_id})


def topics_of(layout: Layout) -> tuple[Topic, ...]:
    """What the layout's columns are about, each topic once, in order of appearance."""
    return tuple(dict.fromkeys(topic_of(block) for block in layout.blocks))


def _membership(layout: Layout, topics: tuple[Topic, ...]) -> NDArray[np.int64]:
    """For each column the number of its topic: shape (columns,)."""
    numbers = np.array([topics.index(topic_of(block)) for block in layout.blocks])
    columns: NDArray[np.int64] = numbers[layout.owners]
    return columns


def _parts(table: Table, release: Release, membership: NDArray[np.int64]) -> list[_Parts]:
    terms = linear.terms(table, release.ridge, release.manifest.layout)
    topics = np.stack([terms[:, membership == t].sum(axis=1) for t in range(membership.max() + 1)], axis=1)
    return [_limited(tuple(row), release.manifest) for row in topics.tolist()]


def _limited(topics: tuple[int, ...], manifest: Manifest) -> _Parts:
    constant = round(manifest.constant * linear.TERM_STEPS)
    free = constant + sum(topics)
    value = free
    if manifest.limits is not None:
        low, high = (round(end * linear.TERM_STEPS) for end in manifest.limits)
        value = min(max(free, low), high)
    return _Parts(value, constant, topics, value - free)


def _used(table: Table, layout: Layout) -> list[tuple[str, ...]]:
    modalities = list(map(modality_of, layout.blocks))
    names = sorted(set(modalities))
    any_present = [table.present[:, [m == name for m in modalities]].any(axis=1).tolist() for name in names]
    return [tuple(n for n, has in zip(names, row, strict=True) if has) for row in zip(*any_present, strict=True)]


def _scored(summary: Summarised, says: _Says, *, row: _Parts, chance: float, used: tuple[str, ...]) -> VideoScored:
    manifest = says.release.manifest
    value = row.value / linear.TERM_STEPS
    return VideoScored(
        event_id=_event_id(
            summary.event_id, manifest.target, release_id=manifest.release_id, video_id=summary.video_id
        ),
        video_id=summary.video_id,
        revision=summary.revision,
        summary_id=summary.event_id,
        target=manifest.target,
        release_id=manifest.release_id,
        stage="final" if summary.final else "partial",
        value=value,
        unit=manifest.unit,
        interval=_interval(value, says.release),
        constant=row.constant / linear.TERM_STEPS,
        beats_constant=manifest.beats_constant,
        probability=chance if manifest.probability_of else None,
        probability_of=manifest.probability_of,
        reasons=_reasons(row, says.topics),
        modalities_used=used,
        modalities_missing=dict.fromkeys(sorted(says.reads.difference(used)), "not in the summary") | summary.missing,
        caveats=says.caveats + _passing_caveats(summary, says.reads, used),
    )


def _event_id(summary_id: str, target: str, *, release_id: str, video_id: str) -> str:
    return derive_id(STAGE, VERSION, summary_id, f"{target}/{release_id}/{video_id}")


def _interval(value: float, release: Release) -> Interval:
    lowest, highest = release.manifest.limits or (-np.inf, np.inf)
    low, high = value + release.errors.low, value + release.errors.high
    return Interval(low=max(low, lowest), high=min(high, highest), level=release.errors.level)


def _reasons(row: _Parts, topics: tuple[Topic, ...]) -> tuple[Reason, ...]:
    """Name the parts, largest first; with `constant` they add up to `value` exactly."""
    reasons = [
        Reason(feature=topic.feature, words=topic.words, contribution=part / linear.TERM_STEPS)
        for topic, part in zip(topics, row.topics, strict=True)
        if part
    ]
    if row.limit:
        words = "nothing lies beyond the ends of the scale"
        reasons.append(Reason(feature="limit", words=words, contribution=row.limit / linear.TERM_STEPS))
    return tuple(sorted(reasons, key=lambda reason: (-abs(reason.contribution), reason.feature)))


def _modalities(layout: Layout) -> frozenset[str]:
    """What the release reads besides metadata; whatever of it a summary lacks is named as missing."""
    return frozenset(map(modality_of, layout.blocks)) - {METADATA}


def _lasting_caveats(manifest: Manifest) -> tuple[str, ...]:
    caveats = list(manifest.caveats)
    if not manifest.beats_constant:
        caveats.append("on unseen groups this release does no better than saying the same for every video")
    if not _SEES_OR_HEARS & _modalities(manifest.layout):
        caveats.append("the release never saw pictures or heard sound: it only read words and metadata")
    return tuple(caveats)


def _passing_caveats(summary: Summarised, reads: frozenset[str], used: tuple[str, ...]) -> tuple[str, ...]:
    caveats = []
    if not summary.final:
        caveats.append("the video is still being processed")
    elif not summary.complete:
        caveats.append("some stages gave no answer in time")
    if reads & _SEES_OR_HEARS and not _SEES_OR_HEARS.intersection(used):
        caveats.append("nothing of this video was seen or heard: only its words and metadata count here")
    return tuple(caveats)
