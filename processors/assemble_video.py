"""The part of `assemble` that lets a video's summary grow, become final, and improve."""

import math

from msgspec.structs import replace

from processors.answers import answer_of, is_better
from processors.assemble_people import PEOPLE, announce
from processors.assemble_pool import add_segment
from processors.assemble_summary import is_ready, progress_of, summarise
from processors.ports import Options
from schemas.assembly import MediaFacts, RevisionState, SegmentCount, VideoState
from schemas.event import Event
from schemas.features import FeatureExtracted
from schemas.influence import InfluenceComputed
from schemas.media import MediaDuplicated, MediaFetched
from schemas.outcomes import OutcomeObserved
from schemas.segments import VideoSegmented
from schemas.summaries import Summarised
from schemas.ticks import TimePassed

MAX_REVISIONS = 4
"""Contents of one video that are remembered: enough that a redelivered older fetch loses nothing of the newest."""

_LASTING = ("revision", "media", "segments", "duplicates", "answers", "influence")
"""What is known of a revision beside what its segments add up to."""

Stepped = tuple[VideoState, list[Event]]


def take_media(state: VideoState, event: MediaFetched, *, options: Options) -> Stepped:
    """Learn what was fetched; its revision is the one that counts from now on.

    A row of a table counts only as long as nothing was fetched.
    """
    facts = MediaFacts(
        duration_s=event.duration_s,
        metadata=event.metadata,
        targets=event.targets,
        warnings=event.warnings,
        is_described=event.is_described,
    )
    if facts.is_described and _is_fetched(state):
        return state, []
    current = replace(state, current=event.revision)
    part = revision_of(state, event.revision)
    if state.current == event.revision and part.media == facts:
        return state, []
    return _after_news(current, replace(part, media=facts), options)


def take_part(state: VideoState, event: Event, *, options: Options) -> Stepped:
    """Learn something about one revision: its count of segments, a segment's summary, an answer, a duplicate.

    Raises
    ------
    PoolingOverflow, Unreadable
        A vector or number that cannot be added.
    """
    part = revision_of(state, event.revision)  # type: ignore[attr-defined]  # all of these events have one
    grown = _grown(part, event)
    return (state, []) if grown == part else _after_news(state, grown, options)


def take_outcome(state: VideoState, event: OutcomeObserved, *, options: Options) -> Stepped:
    """Learn how the video did at one age; the last count of an age stands."""
    others = tuple(o for o in state.outcomes if o.record_key != event.record_key)
    outcomes = tuple(sorted((*others, event), key=lambda outcome: outcome.moment))
    if outcomes == state.outcomes:
        return state, []
    observed = replace(state, outcomes=outcomes)
    part = _current(observed)
    return (observed, []) if part is None else _after_news(observed, part, options)


def take_time(state: VideoState, event: TimePassed, *, options: Options) -> Stepped:
    """Say what has changed, at most once a tick; stop waiting at the deadline."""
    part = _current(state)
    if part is None or not _waits(part, options):
        return state, []
    if part.waiting_since_s is None:
        part = replace(part, waiting_since_s=event.at_s)
    if not part.expired and event.at_s >= _deadline_s(part, options):
        part = replace(part, expired=True, changed=True)
    if _has_news(part):
        return _emit(state, part, options)
    return _with(state, part), []


def waits(state: VideoState, options: Options) -> bool:
    """Whether the current revision is unfinished, or has something to say at the next tick."""
    part = _current(state)
    return part is not None and _waits(part, options)


def wakes_at_s(state: VideoState, options: Options) -> float:
    """From when on time means something to a video that waits: at once where it has news, otherwise at its deadline."""
    part = _current(state)
    return -math.inf if part is None or _has_news(part) else _deadline_s(part, options)


def revision_of(state: VideoState, revision: str) -> RevisionState:
    """Give what is known of one revision; an empty state when it is new."""
    for known in state.revisions:
        if known.revision == revision:
            return known
    return RevisionState(revision=revision)


def _grown(part: RevisionState, event: Event) -> RevisionState:
    match event:
        case Summarised():
            return part if event.edition < part.edition else add_segment(_of_edition(part, event.edition), event)
        case VideoSegmented():
            count = SegmentCount(count=event.count, duration_s=event.duration_s, warnings=event.warnings)
            return replace(part, segments=count)
        case MediaDuplicated():
            return replace(part, duplicates=tuple(sorted({*part.duplicates, event.duplicate_id})))
        case InfluenceComputed():
            return _influenced(part, event)
        case FeatureExtracted():
            return _answered(part, event)
    raise TypeError(f"a video has no use for {type(event).__name__}; see AssembleProcessor.key")


def _of_edition(part: RevisionState, edition: int) -> RevisionState:
    """Begin the sums anew for answers that were replaced: what is in a sum cannot be taken out of it again."""
    if edition <= part.edition:
        return part
    known = {name: getattr(part, name) for name in _LASTING}
    return RevisionState(**known, edition=edition, changed=True)


def _answered(earlier: RevisionState, event: FeatureExtracted) -> RevisionState:
    part, answer = _of_edition(earlier, event.edition), answer_of(event)
    if not is_better(answer, part.answers.get(event.modality)):
        return part
    return replace(part, answers={**part.answers, event.modality: answer})


def _influenced(part: RevisionState, event: InfluenceComputed) -> RevisionState:
    others = {creator: numbers for creator, numbers in part.influence.items() if creator != event.creator}
    return replace(part, influence=others | {event.creator: event.numbers} if event.numbers else others)


def _after_news(state: VideoState, part: RevisionState, options: Options) -> Stepped:
    is_known = part.changed and part.waiting_since_s is None
    news = part if is_known else replace(part, changed=True, waiting_since_s=None)
    if part.revision == state.current and is_ready(part, options):
        return _emit(state, news, options)
    return _with(state, news), []


def _emit(state: VideoState, part: RevisionState, options: Options) -> Stepped:
    summary = summarise(state, part, options=options)
    told, news = announce(state.told, summary)
    return _with(replace(state, told=told), replace(part, changed=False)), [summary, progress_of(summary), *news]


def _with(state: VideoState, part: RevisionState) -> VideoState:
    if len(state.revisions) == 1 and state.revisions[0].revision == part.revision:  # nearly always
        return state if state.revisions[0] is part else replace(state, revisions=(part,))
    if all(known.revision != part.revision for known in state.revisions):
        return replace(state, revisions=(*_newest(state), part))
    revisions = tuple(part if known.revision == part.revision else known for known in state.revisions)
    return replace(state, revisions=revisions)


def _newest(state: VideoState) -> tuple[RevisionState, ...]:
    if len(state.revisions) < MAX_REVISIONS:
        return state.revisions
    oldest = next(known for known in state.revisions if known.revision != state.current)
    return tuple(known for known in state.revisions if known is not oldest)


def _current(state: VideoState) -> RevisionState | None:
    if not state.current:
        return state.revisions[0] if state.revisions else None
    return revision_of(state, state.current)


def _is_fetched(state: VideoState) -> bool:
    media = revision_of(state, state.current).media
    return media is not None and not media.is_described


def _waits(part: RevisionState, options: Options) -> bool:
    return not _is_hearsay(part) and (part.changed or not (part.expired or is_ready(part, options)))


def _has_news(part: RevisionState) -> bool:
    """Whether there is something to say at the next tick."""
    return part.changed and bool(part.media or part.expired)


def _deadline_s(part: RevisionState, options: Options) -> float:
    """When its waiting ends; before it has begun: at any time."""
    return -math.inf if part.waiting_since_s is None else part.waiting_since_s + options.deadline_s


def _is_hearsay(part: RevisionState) -> bool:
    """Whether only other stages' words about people came: they make no video, nor an erased one again."""
    facts = (part.media, part.segments, part.duplicates, part.seen, part.answers.keys() - {PEOPLE})
    return bool(part.influence or part.answers) and not any(facts)
