"""What `assemble` says about a whole video, from what it has pooled."""

from collections.abc import Iterator

from models import index_set
from models.pooling import mean_number
from processors.assemble_people import PEOPLE, influence_numbers, people_in
from processors.assemble_pool import MAX_WORDS, best_labels
from processors.assemble_segment import STAGE, VERSION, silence
from processors.content_id import with_content_id
from processors.ports import Options
from schemas.assembly import MediaFacts, RevisionState, VideoState
from schemas.event import WHOLE_VIDEO
from schemas.features import Label
from schemas.media import Metadata
from schemas.progress import StageProgressed
from schemas.summaries import PooledVector, Summarised

VIDEO_MODALITIES = ("text",)
"""Modalities that also answer for the video as a whole (title and description)."""

UNKNOWN_MEDIA = MediaFacts(duration_s=0.0, metadata=Metadata())


def is_ready(part: RevisionState, options: Options) -> bool:
    """Whether everything that can be expected about this revision is in."""
    if part.media is None or part.segments is None:
        return False
    if index_set.size_below(part.seen, part.segments.count) < part.segments.count:
        return False
    return all(m in part.answers for m in _of_video(options))


def summarise(state: VideoState, part: RevisionState, *, options: Options) -> Summarised:
    """Write the video's summary: the same bytes for the same content, whatever came first."""
    media, ready = part.media or UNKNOWN_MEDIA, is_ready(part, options)
    summary = Summarised(
        event_id="",
        video_id=state.video_id,
        revision=part.revision,
        scope=WHOLE_VIDEO,
        complete=ready and not index_set.size(part.incomplete),
        final=ready or part.expired,
        segments_done=segments_done(part),
        segments_total=part.segments.count if part.segments else None,
        end_s=_duration_s(part),
        pooled=_pooled(part),
        numbers=dict(_numbers(part)) | dict(influence_numbers(part, state.video_id)),
        labels=_labels(part),
        words=_words(part),
        missing=dict(_missing(part, options)),
        metadata=media.metadata,
        targets=media.targets,
        outcomes=state.outcomes,
        duplicates=part.duplicates,
        people=people_in(part),
        warnings=media.warnings + (part.segments.warnings if part.segments else ()),
        made_by=_made_by(part),
    )
    return with_content_id(summary, STAGE, VERSION)


def progress_of(summary: Summarised) -> StageProgressed:
    """Say how far the video is."""
    gave_up = summary.final and not summary.complete
    progress = StageProgressed(
        event_id="",
        video_id=summary.video_id,
        stage=STAGE,
        state="done" if summary.final else "running",
        done=float(summary.segments_done),
        total=None if summary.segments_total is None else float(summary.segments_total),
        message="; ".join(f"{k}: {why}" for k, why in sorted(summary.missing.items())) if gave_up else "",
    )
    return with_content_id(progress, STAGE, VERSION)


def segments_done(part: RevisionState) -> int:
    """How many of the segments have a summary."""
    return index_set.size_below(part.seen, part.segments.count) if part.segments else index_set.size(part.seen)


def _of_video(options: Options) -> tuple[str, ...]:
    return tuple(m for m in options.modalities if m in VIDEO_MODALITIES)


def _duration_s(part: RevisionState) -> float:
    from_segments = part.segments.duration_s if part.segments else 0.0
    return from_segments or (part.media.duration_s if part.media else 0.0)


def _pooled(part: RevisionState) -> dict[str, PooledVector]:
    segments = {f"segments/{m}": v.pooled for m, v in part.vectors.items()}
    return segments | {f"video/{m}": a.pooled for m, a in part.answers.items() if a.pooled and m != PEOPLE}


def _made_by(part: RevisionState) -> dict[str, tuple[str, ...]]:
    of_video = {m: a.model_version for m, a in part.answers.items() if m != PEOPLE}
    return {f"segments/{m}": versions for m, versions in part.made_by.items()} | {
        f"video/{m}": (version,) for m, version in of_video.items() if version
    }


def _numbers(part: RevisionState) -> Iterator[tuple[str, float]]:
    """Give the video's numbers; what is not known is left out, never zero."""
    words, duration_s = part.word_count, _duration_s(part)
    if segments_done(part):
        yield "segments", float(segments_done(part))
        yield "words", float(words)
    if duration_s > 0:
        yield "duration_s", duration_s
    if duration_s > 0 and segments_done(part):
        yield "words_per_minute", words / duration_s * 60
    for name, number in part.numbers.items():
        yield name, mean_number(number.total, index_set.size(number.counted))
    for modality, answer in part.answers.items():
        for name, value in answer.numbers.items():
            yield f"video/{modality}/{name}", value


def _labels(part: RevisionState) -> tuple[Label, ...]:
    labels = part.labels
    for answer in (answer for modality, answer in part.answers.items() if modality != PEOPLE):
        labels = best_labels(labels, answer.labels)
    return labels


def _words(part: RevisionState) -> str:
    text = " ".join(spoken.words for spoken in part.words if spoken.words)
    words = text.split()
    return text if len(words) <= MAX_WORDS else " ".join(words[:MAX_WORDS])


def _missing(part: RevisionState, options: Options) -> Iterator[tuple[str, str]]:
    if part.media is None:
        yield "media", _silence(part, "fetch", options)
    if part.segments is None:
        yield "segments", _silence(part, "segment", options)
    for modality in options.modalities:
        reason = _missing_in_segments(part, modality, options=options)
        if reason:
            yield f"segments/{modality}", reason
    for modality in _of_video(options):
        answer = part.answers.get(modality)
        if answer is None:
            yield f"video/{modality}", _silence(part, modality, options)
        elif answer.absent_reason is not None:
            yield f"video/{modality}", answer.absent_reason
    people = part.answers.get(PEOPLE)
    if people is not None and people.absent_reason is not None:
        yield f"video/{PEOPLE}", people.absent_reason


def _missing_in_segments(part: RevisionState, modality: str, *, options: Options) -> str:
    if part.segments is None:
        return ""
    total = part.segments.count
    if total == 0:
        return "no segments"
    counts = {why: index_set.size_below(mask, total) for why, mask in part.absent.get(modality, {}).items()}
    vectors = part.vectors.get(modality)
    present = index_set.size_below(vectors.counted, total) if vectors else 0
    silent = total - present - sum(counts.values())
    why_silent = _silence(part, modality, options)
    counts[why_silent] = counts.get(why_silent, 0) + silent
    return "; ".join(f"{why} ({n} of {total})" for why, n in sorted(counts.items()) if n)


def _silence(part: RevisionState, stage: str, options: Options) -> str:
    return silence(stage, options.deadline_s) if part.expired else f"waiting for {stage}"
