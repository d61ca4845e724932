"""The part of `assemble` that joins one segment's modalities."""

import math
from collections.abc import Iterator

from msgspec.structs import replace

from processors.answers import answer_of, is_better, is_failure
from processors.content_id import with_content_id
from processors.ports import Options
from schemas.assembly import Answer, Cut, SegmentState
from schemas.event import Event
from schemas.features import FeatureExtracted, Label
from schemas.segments import SegmentCut
from schemas.summaries import Summarised
from schemas.ticks import TimePassed

STAGE = "assemble"
VERSION = "3"
"""A new version makes new event ids; change it when the same input gives another summary."""

Stepped = tuple[SegmentState, list[Event]]


def silence(stage: str, deadline_s: float) -> str:
    """Say that a stage did not answer in time."""
    return f"no answer from {stage} within {deadline_s:g} s"


def take_cut(state: SegmentState, event: SegmentCut, *, options: Options) -> Stepped:
    """Learn where the segment lies and what is said in it."""
    cut = Cut(start_s=event.start_s, end_s=event.end_s, words=event.text)
    if state.settled or cut == state.cut:
        return state, []
    return _emit_if_due(replace(state, cut=cut, waiting_since_s=None), options)


def take_answer(state: SegmentState, event: FeatureExtracted, *, options: Options) -> Stepped:
    """Learn what one modality says; a real answer replaces a failed one.

    Raises
    ------
    Unreadable, PoolingOverflow
        See `answer_of`.
    """
    answer = answer_of(event)
    is_news = is_better(answer, state.answers.get(event.modality))
    if state.settled or not (is_news or event.edition > state.edition):
        return state, []
    answers = {**state.answers, event.modality: answer} if is_news else state.answers
    edition = max(state.edition, event.edition)
    return _emit_if_due(replace(state, answers=answers, edition=edition, waiting_since_s=None), options)


def take_time(state: SegmentState, event: TimePassed, *, options: Options) -> Stepped:
    """Start waiting at the first tick after the last news; stop waiting at the deadline."""
    if not waits(state, options):
        return state, []
    if state.waiting_since_s is None:
        return replace(state, waiting_since_s=event.at_s), []
    if event.at_s < wakes_at_s(state, options):
        return state, []
    return _emit_if_due(replace(state, expired=True), options)


def waits(state: SegmentState, options: Options) -> bool:
    """Whether an answer is still expected."""
    return not (state.settled or state.expired or _is_ready(state, options))


def wakes_at_s(state: SegmentState, options: Options) -> float:
    """From when on time means something to a segment that waits: at once, or at its deadline."""
    return -math.inf if state.waiting_since_s is None else state.waiting_since_s + options.deadline_s


def _is_ready(state: SegmentState, options: Options) -> bool:
    return state.cut is not None and state.answers.keys() >= set(options.modalities)


def _emit_if_due(state: SegmentState, options: Options) -> Stepped:
    ready = _is_ready(state, options)
    if not ready and not state.expired:
        return state, []
    summary = _summary(state, options, complete=ready)
    outputs: list[Event] = [summary] if summary.event_id != state.summary_id else []
    if ready and _can_settle(state):
        return replace(state, summary_id=summary.event_id, settled=True, cut=None, answers={}), outputs
    return replace(state, summary_id=summary.event_id), outputs


def _can_settle(state: SegmentState) -> bool:
    """Whether to let go of the vectors: nothing better can come.

    Without any vector there is nothing to let go of, and a real answer may still come (subtitles that were added later).
    """
    answers = state.answers.values()
    return any(a.pooled for a in answers) and not any(is_failure(a) for a in answers)


def _summary(state: SegmentState, options: Options, *, complete: bool) -> Summarised:
    cut = state.cut or Cut(start_s=0.0, end_s=0.0)
    words = _heard_words(state.answers) or cut.words
    summary = Summarised(
        event_id="",
        video_id=state.video_id,
        revision=state.revision,
        scope=str(state.index),
        complete=complete,
        final=True,
        start_s=cut.start_s,
        end_s=cut.end_s,
        pooled={f"segments/{m}": a.pooled for m, a in state.answers.items() if a.pooled},
        numbers={"words": float(len(words.split()))} | dict(_numbers(state.answers)),
        labels=_labels(state.answers),
        words=words,
        missing=dict(_missing(state, options)),
        edition=state.edition,
        made_by={f"segments/{m}": (a.model_version,) for m, a in state.answers.items() if a.model_version},
    )
    return with_content_id(summary, STAGE, VERSION)


def _heard_words(answers: dict[str, Answer]) -> str:
    """The words a modality heard where nobody had written them down."""
    return next((answer.words for _, answer in sorted(answers.items()) if answer.words), "")


def _numbers(answers: dict[str, Answer]) -> Iterator[tuple[str, float]]:
    for modality, answer in answers.items():
        for name, value in answer.numbers.items():
            yield f"{modality}/{name}", value


def _labels(answers: dict[str, Answer]) -> tuple[Label, ...]:
    """Everything recognised; who is in it says the gallery, for the video as a whole."""
    if not any(answer.labels for answer in answers.values()):
        return ()
    return tuple(label for _, answer in sorted(answers.items()) for label in answer.labels)


def _missing(state: SegmentState, options: Options) -> Iterator[tuple[str, str]]:
    if state.cut is None:
        yield "segments", silence("segment", options.deadline_s)
    for modality in options.modalities:
        answer = state.answers.get(modality)
        if answer is None:
            yield f"segments/{modality}", silence(modality, options.deadline_s)
        elif answer.absent_reason is not None:
            yield f"segments/{modality}", answer.absent_reason
