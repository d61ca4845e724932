"""A prediction as a pure function of one summary and one release."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from models import ridge as linear
from models.estimators.learned import LEVEL
from models.feature_list import Topic
from models.layout import METADATA, Layout, Table, modality_of
from models.release import LearnedManifest, LearnedRelease, Manifest, NumberRelease
from models.suggestions import suggest_to
from models.taught_on import strange
from processors.said import Said, said_by, steps
from schemas.event import VideoId, derive_id
from schemas.predictions import Interval, Reason, VideoScored
from schemas.summaries import Summarised

NumberManifest: TypeAlias = Manifest | LearnedManifest

STAGE = "score"
VERSION = "1"
"""A new version makes new event ids; change it when the same summary and release give another prediction."""

SEES_OR_HEARS = frozenset({"segments/visual", "segments/audio", "segments/faces", "video/identity"})


@dataclass(frozen=True)
class _Parts:
    """One row's parts in fixed point (2**-32): by topic, and what the target's limits took away; and its doubts."""

    value: int
    constant: int
    topics: tuple[int, ...]
    limit: int
    interval: Interval
    chance: float

    @property
    def number(self) -> float:
        """The value in the target's unit."""
        return self.value / linear.TERM_STEPS


@dataclass(frozen=True)
class _Says:
    """A release, and what it says of every video alike."""

    manifest: NumberManifest
    topics: tuple[Topic, ...]
    reads: frozenset[str]
    caveats: tuple[str, ...]
    about_suggestions: tuple[str, ...]


def predict(summaries: Sequence[Summarised], release: NumberRelease) -> list[VideoScored]:
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
    manifest = release.manifest
    said = said_by(release, summaries)
    says = _Says(
        manifest,
        said.topics,
        modalities_read(manifest.layout),
        _lasting_caveats(manifest),
        _about_suggestions(manifest),
    )
    used, rows = modalities_used(said.table, manifest.layout), list(_rows(said, manifest))
    told = _suggested(summaries, rows, release)
    return [
        _scored(summary, says, row=row, used=mine, suggestions=words)
        for summary, row, mine, words in zip(summaries, rows, used, told, strict=True)
    ]


def _suggested(summaries: Sequence[Summarised], rows: list[_Parts], release: NumberRelease) -> list[tuple[str, ...]]:
    """What low scores are told; nothing by a release that carries no past videos to compare with."""
    if not isinstance(release, LearnedRelease) or release.comparables is None:
        return [()] * len(rows)
    told = suggest_to(summaries, np.array([row.number for row in rows]), release.comparables)
    return [tuple(suggestion.words for suggestion in one) for one in told]


def _rows(said: Said, manifest: NumberManifest) -> Iterator[_Parts]:
    columns = (said.parts.tolist(), said.low.tolist(), said.high.tolist(), said.chances.tolist())
    for parts, low, high, chance in zip(*columns, strict=True):
        interval = Interval(low=low, high=high, level=manifest.level)
        yield _limited(tuple(parts), manifest, interval=interval, chance=chance)


def for_duplicate(scored: VideoScored, duplicate_id: VideoId) -> VideoScored:
    """Say the same of a copy of the video."""
    fields = {name: getattr(scored, name) for name in scored.__struct_fields__}
    copy_id = event_id_of(scored.summary_id, scored.target, release_id=scored.release_id, video_id=duplicate_id)
    return VideoScored(**fields | {"event_id": copy_id, "video_id": duplicate_id, "duplicate_of": scored.video_id})


def _limited(topics: tuple[int, ...], manifest: NumberManifest, *, interval: Interval, chance: float) -> _Parts:
    constant = steps(manifest.constant)
    free = constant + sum(topics)
    value = free
    if manifest.limits is not None:
        low, high = map(steps, manifest.limits)
        value = min(max(free, low), high)
    return _Parts(value, constant, topics, value - free, interval, chance)


def modalities_used(table: Table, layout: Layout) -> list[tuple[str, ...]]:
    """Name, for each row, the modalities that something of was there."""
    modalities = list(map(modality_of, layout.blocks))
    names = sorted(set(modalities))
    any_present = [table.present[:, [m == name for m in modalities]].any(axis=1).tolist() for name in names]
    return [tuple(n for n, has in zip(names, row, strict=True) if has) for row in zip(*any_present, strict=True)]


def _scored(
    summary: Summarised, says: _Says, *, row: _Parts, used: tuple[str, ...], suggestions: tuple[str, ...]
) -> VideoScored:
    manifest = says.manifest
    return VideoScored(
        event_id=event_id_of(
            summary.event_id, manifest.target, release_id=manifest.release_id, video_id=summary.video_id
        ),
        video_id=summary.video_id,
        revision=summary.revision,
        summary_id=summary.event_id,
        target=manifest.target,
        release_id=manifest.release_id,
        stage="final" if summary.final else "partial",
        value=row.number,
        unit=manifest.unit,
        interval=row.interval,
        constant=row.constant / linear.TERM_STEPS,
        beats_constant=manifest.beats_constant,
        probability=row.chance if manifest.probability_of else None,
        probability_of=manifest.probability_of,
        coverage=_held_out(manifest, "coverage_90"),
        calibration_error=_held_out(manifest, "ece") if manifest.probability_of else None,
        reasons=_reasons(row, says.topics),
        suggestions=suggestions,
        modalities_used=used,
        modalities_missing=dict.fromkeys(sorted(says.reads.difference(used)), "not in the summary") | summary.missing,
        caveats=says.caveats
        + (says.about_suggestions if suggestions else ())
        + passing_caveats(summary, says.reads, used)
        + strange(summary.made_by, manifest.taught_on),
    )


def _held_out(manifest: NumberManifest, metric: str) -> float | None:
    """A figure that goes with every prediction; a ridge's predictions keep the bytes they always had."""
    return manifest.metrics.get(metric) if isinstance(manifest, LearnedManifest) else None


def event_id_of(summary_id: str, target: str, *, release_id: str, video_id: str) -> str:
    """Name a prediction by what it was made from."""
    return derive_id(STAGE, VERSION, summary_id, f"{target}/{release_id}/{video_id}")


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


def modalities_read(layout: Layout) -> frozenset[str]:
    """What a release reads besides metadata; whatever of it a summary lacks is named as missing."""
    return frozenset(map(modality_of, layout.blocks)) - {METADATA}


def _lasting_caveats(manifest: NumberManifest) -> tuple[str, ...]:
    caveats = list(manifest.caveats)
    if isinstance(manifest, LearnedManifest) and _knows_little(manifest):
        caveats.append(f"taught on {manifest.groups} groups only: {_doubt(manifest)}")
    if not manifest.beats_constant:
        caveats.append("on unseen groups this release does no better than saying the same for every video")
    if not SEES_OR_HEARS & modalities_read(manifest.layout):
        caveats.append("the release never saw pictures or heard sound: it only read words and metadata")
    return tuple(caveats)


def _about_suggestions(manifest: NumberManifest) -> tuple[str, ...]:
    compared = manifest.compared if isinstance(manifest, LearnedManifest) else None
    return (compared.caveat,) if compared and compared.caveat else ()


def _knows_little(manifest: LearnedManifest) -> bool:
    return manifest.level < LEVEL or manifest.interval_low is None or manifest.interval_high is None


def _doubt(manifest: LearnedManifest) -> str:
    if manifest.level < LEVEL:
        share = f"{manifest.level * 100:.0f} %"
        return f"the interval is that of all errors seen, and should hold the truth in {share} of cases only"
    return "too few to say how wrong a prediction may be, so the interval reaches to the end of the scale"


def passing_caveats(summary: Summarised, reads: frozenset[str], used: tuple[str, ...]) -> tuple[str, ...]:
    """What to know of a prediction of just this summary."""
    caveats = []
    if not summary.final:
        caveats.append("the video is still being processed")
    elif not summary.complete:
        caveats.append("some stages gave no answer in time")
    if reads & SEES_OR_HEARS and not SEES_OR_HEARS.intersection(used):
        caveats.append("nothing of this video was seen or heard: only its words and metadata count here")
    return tuple(caveats)
