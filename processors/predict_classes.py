"""Chances of classes as a pure function of one summary and one release, for videos and for their segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.class_examples import ClassExamples, class_examples
from models.layout import METADATA
from models.release import ClassRelease
from models.release_classes import words_of
from models.release_manifest import ClassManifest
from models.ridge import TERM_STEPS
from models.taught_on import strange
from processors.class_reasons import reasons_of
from processors.predict import event_id_of, modalities_read, modalities_used, passing_caveats
from processors.said import steps
from schemas.predictions import ClassChance, Interval, Reason, SegmentScored, VideoScored
from schemas.summaries import Summarised

UNIT = "chance, 0 to 1"

ANYTHING = Interval(low=0.0, high=1.0, level=1.0)
"""A class is there or it is not: a chance has no other interval."""

MOST_SUGGESTED = 5


@dataclass(frozen=True)
class _Row:
    """One summary, with what was read of it and how likely each class is, the likeliest first."""

    summary: Summarised
    used: tuple[str, ...]
    classes: tuple[ClassChance, ...]


def predict_classes(summaries: Sequence[Summarised], release: ClassRelease) -> list[VideoScored]:
    """Say for each video how likely each class is; the rest of the batch does not change a byte of it.

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
    reads, seen = modalities_read(manifest.layout), _seen(summaries, manifest)
    rows = list(_rows(summaries, seen, release))
    names = [one.name for one in manifest.classes]
    reasons = reasons_of(release, seen, [names.index(row.classes[0].name) for row in rows])
    return [_scored(row, manifest, reads, reasons=why) for row, why in zip(rows, reasons, strict=True)]


def predict_segments(summaries: Sequence[Summarised], release: ClassRelease) -> list[SegmentScored]:
    """Say for each segment how likely each class is; raises as `predict_classes` does."""
    if not summaries:
        return []
    manifest = release.manifest
    return [_segment(row, manifest) for row in _rows(summaries, _seen(summaries, manifest), release)]


def _seen(summaries: Sequence[Summarised], manifest: ClassManifest) -> ClassExamples:
    return class_examples(summaries, manifest.layout, reads_words=manifest.reads_words)


def _rows(summaries: Sequence[Summarised], seen: ClassExamples, release: ClassRelease) -> Iterator[_Row]:
    manifest = release.manifest
    for summary, used, chances in zip(summaries, _used(seen, manifest), release.chances(seen).tolist(), strict=True):
        yield _Row(summary, used, _classes(manifest, chances))


def _used(seen: ClassExamples, manifest: ClassManifest) -> list[tuple[str, ...]]:
    vectors = modalities_used(seen.examples.table, manifest.layout) if manifest.layout.blocks else [()] * len(seen)
    own_words = ((METADATA,) if text.text.strip() else () for text in seen.examples.texts)
    return [(*words, *own) for words, own in zip(own_words, vectors, strict=True)]


def _classes(manifest: ClassManifest, chances: Sequence[float]) -> tuple[ClassChance, ...]:
    found = [
        ClassChance(
            name=one.name,
            probability=chance,
            base_rate=one.base_rate,
            likely_from=one.likely_from,
            beats_base_rate=one.beats_base_rate,
        )
        for one, chance in zip(manifest.classes, chances, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-one.probability, one.name)))


def _scored(row: _Row, manifest: ClassManifest, reads: frozenset[str], *, reasons: tuple[Reason, ...]) -> VideoScored:
    summary, first = row.summary, row.classes[0]
    return VideoScored(
        event_id=_event_id(summary, manifest),
        video_id=summary.video_id,
        revision=summary.revision,
        summary_id=summary.event_id,
        target=manifest.target,
        release_id=manifest.release_id,
        stage="final" if summary.final else "partial",
        value=first.probability,
        unit=UNIT,
        interval=ANYTHING,
        constant=steps(first.base_rate) / TERM_STEPS,
        beats_constant=manifest.beats_constant,
        probability=first.probability,
        probability_of=words_of(first.name),
        calibration_error=manifest.metrics.get("ece"),
        reasons=reasons,
        suggestions=tuple(_suggested(row)) if manifest.suggests else (),
        modalities_used=row.used,
        modalities_missing=dict.fromkeys(sorted(reads.difference(row.used)), "not in the summary") | summary.missing,
        caveats=_lasting_caveats(manifest)
        + passing_caveats(summary, reads, row.used)
        + strange(summary.made_by, manifest.taught_on),
        classes=row.classes,
    )


def _segment(row: _Row, manifest: ClassManifest) -> SegmentScored:
    summary = row.summary
    return SegmentScored(
        event_id=_event_id(summary, manifest),
        video_id=summary.video_id,
        revision=summary.revision,
        scope=summary.scope,
        summary_id=summary.event_id,
        target=manifest.target,
        release_id=manifest.release_id,
        start_s=summary.start_s,
        end_s=summary.end_s,
        chances={one.name: one.probability for one in sorted(row.classes, key=lambda one: one.name)},
    )


def _event_id(summary: Summarised, manifest: ClassManifest) -> str:
    return event_id_of(summary.event_id, manifest.target, release_id=manifest.release_id, video_id=summary.video_id)


def _suggested(row: _Row) -> Iterator[str]:
    """Hashtags that such videos bear, and this one does not, where the release knows more than how common they are."""
    borne = {tag.casefold() for tag in row.summary.metadata.hashtags}
    told = [one for one in row.classes if one.is_likely and one.beats_base_rate and one.name not in borne]
    for one in told[:MOST_SUGGESTED]:
        yield f"#{one.name}: {one.probability:.0%} of videos like this one bear it, {one.base_rate:.1%} of all do"


def _lasting_caveats(manifest: ClassManifest) -> tuple[str, ...]:
    if manifest.beats_constant:
        return manifest.caveats
    return (*manifest.caveats, "on unseen groups this release does no better than the base rates of its classes")
