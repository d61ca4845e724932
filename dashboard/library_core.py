"""What the library keeps of a video to list it, and how that becomes a row: pure functions of what was heard."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import msgspec

from dashboard.rows import Facet, Facets, PredictionBrief, StageBrief, VideoQuery, VideoRow, VideoState
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted
from schemas.links import LinkSubmitted
from schemas.media import MediaFetched, Metadata
from schemas.predictions import VideoScored
from schemas.progress import StageProgressed
from schemas.summaries import Summarised
from streams.board import Seen, VideoView
from streams.topology import STAGES, writers

MOST_LABELS = 8
LONGEST_KEY = 80
"""Titles that begin alike for so many characters are sorted by their ids."""

MOST_WORDS = 60
LONGEST_WORD = 40
PERSON = "person:"

HeardOf: TypeAlias = LinkSubmitted | MediaFetched | StageProgressed | VideoScored | Summarised | FeatureExtracted

_WORD = re.compile(r"[^\W_]+")
_AT_WORK = writers("progress")
_ENDED = ("done", "known", "duplicate")


class Item(msgspec.Struct, frozen=True, array_like=True):
    """The last event under one record key, without what no row shows.

    Attributes
    ----------
    first_ms, at_ms : int
        When the key was first and last written since it was last taken back, milliseconds since the epoch.
    moments : int
        Of a prediction: how often it has changed.
    """

    first_ms: int
    at_ms: int
    event: HeardOf
    moments: int = 0


class Core(msgspec.Struct, frozen=True, array_like=True):
    """What rows are made of, by ``topic/rest of the record key``."""

    video_id: str
    items: dict[str, Item] = msgspec.field(default_factory=dict)

    def with_item(self, name: str, item: Item) -> "Core":
        """The same with one more item, or another one in its place."""
        return Core(self.video_id, {**self.items, name: item})

    def without(self, name: str) -> "Core":
        """The same without an item."""
        return Core(self.video_id, {known: item for known, item in self.items.items() if known != name})

    def since(self, erased_ms: int) -> "Core":
        """Only what was written after the video was erased."""
        return Core(self.video_id, {name: item for name, item in self.items.items() if item.at_ms > erased_ms})

    def events(self, topic: str) -> Iterator[tuple[Item, HeardOf]]:
        """All items of a topic, by their keys."""
        for name in sorted(self.items):
            if name.startswith(f"{topic}/"):
                yield self.items[name], self.items[name].event


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """By what a video is sorted and found.

    Attributes
    ----------
    tags : tuple of (kind, value)
        ``state``, ``target``, ``channel``, ``label`` and ``person``, sorted.
    values : dict
        The predicted value of each target.
    words : tuple of str
        What a search may find, sorted.
    """

    changed: float
    submitted: float
    uploaded: float
    duration: float
    title: str
    channel: str
    tags: tuple[tuple[str, str], ...]
    values: dict[str, float]
    words: tuple[str, ...]


def shortened(event: Event) -> HeardOf | None:
    """Leave out what no row shows; None for events that are not part of a row."""
    match event:
        case MediaFetched():
            metadata = msgspec.structs.replace(event.metadata, description="", tags=(), hashtags=())
            return msgspec.structs.replace(event, event_id="", metadata=metadata, transcript="", subtitles=())
        case VideoScored():
            return msgspec.structs.replace(
                event, event_id="", reasons=(), suggestions=(), modalities_used=(), modalities_missing={}, caveats=()
            )
        case Summarised(scope=scope) if scope == WHOLE_VIDEO:
            return msgspec.structs.replace(
                event, event_id="", pooled={}, words="", numbers={}, metadata=Metadata(), outcomes=(), missing={}
            )
        case FeatureExtracted(modality="identity", scope=scope) if scope == WHOLE_VIDEO:
            return msgspec.structs.replace(event, event_id="", vector=None, numbers={}, transcript=None)
        case StageProgressed() | LinkSubmitted():
            return msgspec.structs.replace(event, event_id="")
    return None


def view_of(core: Core) -> VideoView:
    """What the terminal's board would know of the video."""
    fetched, described = core.items.get("media/"), core.items.get("media/described")
    media = fetched or described
    view = VideoView(core.video_id)
    view.media = media.event if media and isinstance(media.event, MediaFetched) else None
    for item, event in core.events("progress"):
        if isinstance(event, StageProgressed):
            view.stages[event.stage] = Seen(event, item.first_ms / 1000, item.at_ms / 1000)
    for _, event in core.events("predictions"):
        if isinstance(event, VideoScored):
            view.predictions[event.target] = event
    return view


def is_listed(core: Core) -> bool:
    """Whether enough is known for a row: a submission, a fetch, some work or a prediction."""
    return any(name.startswith(("links/", "media/", "progress/", "predictions/")) for name in core.items)


def row_of(core: Core) -> VideoRow:
    """Make the row of a video that is listed."""
    view, link = view_of(core), _link(core)
    metadata = view.media.metadata if view.media else Metadata()
    return VideoRow(
        video_id=core.video_id,
        state=_state(core, view),
        submitted_at_s=min(item.first_ms for item in core.items.values()) / 1000,
        changed_at_s=max(item.at_ms for item in core.items.values()) / 1000,
        title=view.title or (link.title or link.upload_name if link else ""),
        channel=metadata.channel,
        channel_id=metadata.channel_id,
        url=(view.media.url if view.media else None) or (link.url if link else None) or "",
        thumbnail_ref=view.media.thumbnail_ref if view.media else None,
        duration_s=view.media.duration_s if view.media else 0.0,
        uploaded_at_s=metadata.uploaded_at_s,
        share=_share(view),
        problem=view.problem,
        warnings=view.warnings,
        stages=tuple(_brief_stage(view.stages[s.name]) for s in STAGES if s.name in view.stages),
        predictions=tuple(_brief_prediction(item, event) for item, event in core.events("predictions")),
        labels=tuple(_labels(core)),
        people=tuple(_people(core)),
        duplicate_of=view.media.duplicate_of if view.media else None,
        targets=(view.media.targets if view.media else ()) or (link.targets if link else ()),
    )


def entry_of(row: VideoRow) -> Entry:
    """Say by what a row is sorted and found."""
    tags: set[tuple[str, str]] = {("state", row.state)}
    tags |= {("channel", row.channel)} if row.channel else set()
    tags |= {("target", prediction.target) for prediction in row.predictions}
    tags |= {("label", label) for label in row.labels} | {("person", person) for person in row.people}
    return Entry(
        changed=row.changed_at_s,
        submitted=row.submitted_at_s,
        uploaded=row.uploaded_at_s or 0.0,
        duration=row.duration_s,
        title=sort_key(row.title),
        channel=sort_key(row.channel),
        tags=tuple(sorted(tags)),
        values={prediction.target: prediction.value for prediction in row.predictions},
        words=tuple(sorted(set(words_of(row.title, row.channel, row.video_id)))),
    )


def tags_wanted(query: VideoQuery) -> list[tuple[str, str]]:
    """Tags that the videos of a query have, as (kind, value)."""
    wanted = (
        ("state", query.state),
        ("target", query.target),
        ("channel", query.channel),
        ("person", query.person),
        ("label", query.label),
    )
    return [(kind, value) for kind, value in wanted if value]


def facets_of(counted: Callable[[str], tuple[Facet, ...]]) -> Facets:
    """Put the counts of each kind of tag together."""
    return Facets(
        states=counted("state"),
        targets=counted("target"),
        channels=counted("channel"),
        labels=counted("label"),
        people=counted("person"),
    )


def folded(text: str) -> str:
    """Write text without capitals and accents, so that people find it as they type.

    >>> folded("Éclair")
    'eclair'
    """
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))


def sort_key(text: str) -> str:
    """What a title or a name is sorted by."""
    return " ".join(folded(text[: 2 * LONGEST_KEY]).split())[:LONGEST_KEY].replace("\0", "")


def words_of(*texts: str) -> list[str]:
    """Take texts apart into words, as a search compares them.

    >>> words_of("Rolling out: the Moon-rocket")
    ['rolling', 'out', 'the', 'moon', 'rocket']
    """
    joined = folded(" ".join(text[: MOST_WORDS * LONGEST_WORD] for text in texts))
    return [word[:LONGEST_WORD] for word in _WORD.findall(joined)]


def _link(core: Core) -> LinkSubmitted | None:
    item = core.items.get("links/")
    return item.event if item and isinstance(item.event, LinkSubmitted) else None


def _state(core: Core, view: VideoView) -> VideoState:
    if view.media and view.media.is_described and "links/" not in core.items and "fetch" not in view.stages:
        return "described"
    if view.problem:
        return "failed"
    return "done" if view.is_finished else "running"


def _share(view: VideoView) -> float:
    if view.is_finished and not view.problem:
        return 1.0
    done = [_share_of(view.stages[name].last) for name in _AT_WORK if name in view.stages]
    return round(sum(done) / len(_AT_WORK), 4)


def _share_of(last: StageProgressed) -> float:
    if last.state in _ENDED:
        return 1.0
    return min(1.0, max(0.0, last.done / last.total)) if last.total else 0.0


def _brief_stage(seen: Seen) -> StageBrief:
    return StageBrief(
        stage=seen.last.stage,
        state=seen.last.state,
        done=seen.last.done,
        total=seen.last.total,
        message=seen.last.message,
        first_at_s=seen.first_at_s,
        at_s=seen.last_at_s,
    )


def _brief_prediction(item: Item, event: HeardOf) -> PredictionBrief:
    assert isinstance(event, VideoScored)  # noqa: S101  # `shortened` keeps nothing else of the topic
    return PredictionBrief(
        target=event.target,
        value=event.value,
        unit=event.unit,
        low=event.interval.low,
        high=event.interval.high,
        constant=event.constant,
        beats_constant=event.beats_constant,
        stage=event.stage,
        release_id=event.release_id,
        at_s=item.at_ms / 1000,
        probability=event.probability,
    )


def _labels(core: Core) -> Iterable[str]:
    """The surest labels of the whole video, each name once; people are told apart from things."""
    item = core.items.get("summaries/video")
    found = item.event.labels if item and isinstance(item.event, Summarised) else ()
    surest = sorted(found, key=lambda label: (-label.score, label.name))
    names = dict.fromkeys(label.name for label in surest if not label.name.startswith(PERSON))
    return list(names)[:MOST_LABELS]


def _people(core: Core) -> Iterable[str]:
    """Who is in it, most seen first: by the gallery's last answer, which may be newer than the summary."""
    answer, summary = core.items.get("features/identity/video"), core.items.get("summaries/video")
    if answer and isinstance(answer.event, FeatureExtracted):
        return [label.name for label in answer.event.labels]
    if summary and isinstance(summary.event, Summarised):
        return [person.identity_id for person in summary.event.people]
    return []
