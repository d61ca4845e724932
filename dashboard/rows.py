"""What the library answers: rows of lists and everything known about one thing. Encoded as they are by the API."""

from typing import Annotated, Literal

import msgspec

from schemas.commands import AnyCommand, CommandAnswered, PersonId
from schemas.deadletters import EventRejected
from schemas.event import Ref, VideoId
from schemas.faces import Box
from schemas.features import FeatureExtracted
from schemas.labels import LabelGiven
from schemas.media import MediaFetched
from schemas.outcomes import OutcomeObserved
from schemas.predictions import SegmentScored, VideoScored
from schemas.progress import State
from schemas.releases import ReleasePublished
from schemas.segments import SegmentCut
from schemas.summaries import Summarised

MOST_ROWS = 200

VideoState = Literal["running", "done", "failed", "described"]
"""``described``: only words about it are known, from a table; nothing was fetched."""

VideoSort = Literal["changed", "submitted", "uploaded", "title", "channel", "duration", "value"]

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS)]


class StageBrief(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stage's last word on a video; `first_at_s` and `at_s` are when it was first and last heard."""

    stage: str
    state: State
    done: float = 0.0
    total: float | None = None
    message: str = ""
    first_at_s: float = 0.0
    at_s: float = 0.0


class PredictionBrief(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prediction as a table shows it, in the target's unit."""

    target: str
    value: float
    unit: str
    low: float
    high: float
    constant: float
    beats_constant: bool
    stage: Literal["partial", "final"]
    release_id: str
    at_s: float
    probability: float | None = None


class VideoRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One video in a list.

    Attributes
    ----------
    share : float
        How much of all stages' work is done, in [0, 1].
    submitted_at_s, changed_at_s : float
        Seconds since the epoch, UTC: first heard of, last heard of.
    problem : str
        Why there will be no prediction; empty when there is no reason.
    labels : tuple of str
        What was seen and heard most surely, the surest first; eight at most.
    """

    video_id: VideoId
    state: VideoState
    submitted_at_s: float
    changed_at_s: float
    title: str = ""
    channel: str = ""
    channel_id: str = ""
    url: str = ""
    thumbnail_ref: Ref | None = None
    duration_s: float = 0.0
    uploaded_at_s: float | None = None
    share: float = 0.0
    problem: str = ""
    warnings: tuple[str, ...] = ()
    stages: tuple[StageBrief, ...] = ()
    predictions: tuple[PredictionBrief, ...] = ()
    labels: tuple[str, ...] = ()
    people: tuple[PersonId, ...] = ()
    duplicate_of: VideoId | None = None
    targets: tuple[str, ...] = ()


class VideoQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which videos, in which order. All that is set must hold.

    Attributes
    ----------
    text : str
        Words that title, channel or id must have, in any order; whole words or their beginnings.
    target : str
        Only videos with a prediction of it; also what ``sort="value"`` sorts by.
    since_s, until_s : float
        First heard of in this span.
    cursor : str
        `VideoPage.next_cursor` of the page before.
    """

    text: str = ""
    state: VideoState | None = None
    target: str = ""
    channel: str = ""
    person: str = ""
    label: str = ""
    since_s: float | None = None
    until_s: float | None = None
    sort: VideoSort = "changed"
    descending: bool = True
    cursor: str = ""
    limit: Limit = 50


class VideoPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some videos; `next_cursor` is empty on the last page, `total` counts all that fit the query."""

    items: tuple[VideoRow, ...]
    next_cursor: str
    total: int


class FaceSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A face track without its vector, and who the gallery takes it for."""

    segment: int
    track: int
    start_s: float
    end_s: float
    at_s: float
    box: Box
    quality: float
    crop_ref: Ref | None = None
    identity_id: PersonId | None = None


class PersonBrief(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody, as a video's page or a list names them."""

    identity_id: PersonId
    name: str = ""
    cover_ref: Ref | None = None


class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was predicted at one time: the story of a prediction is a list of these."""

    target: str
    at_s: float
    value: float
    low: float
    high: float
    stage: Literal["partial", "final"]
    release_id: str
    probability: float | None = None


class VideoDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything known about one video, without vectors.

    Attributes
    ----------
    answers : tuple of FeatureExtracted
        What each modality says of each segment; vectors are left out also where there is one.
    summary : Summarised or None
        Of the whole video, without pooled vectors.
    segment_predictions : tuple of SegmentScored
        What releases of classes say of each segment, by target and segment.
    history : tuple of Moment
        How its predictions changed, oldest first; the last 200 of each target.
    """

    row: VideoRow
    media: MediaFetched | None = None
    segments: tuple[SegmentCut, ...] = ()
    answers: tuple[FeatureExtracted, ...] = ()
    faces: tuple[FaceSeen, ...] = ()
    people: tuple[PersonBrief, ...] = ()
    summary: Summarised | None = None
    predictions: tuple[VideoScored, ...] = ()
    segment_predictions: tuple[SegmentScored, ...] = ()
    history: tuple[Moment, ...] = ()
    outcomes: tuple[OutcomeObserved, ...] = ()
    labels: tuple[LabelGiven, ...] = ()


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    """A value one may filter by, and how many videos have it."""

    value: str
    videos: int
    name: str = ""


class Facets(msgspec.Struct, frozen=True, kw_only=True):
    """What the library may be filtered by; the most frequent hundred of each."""

    states: tuple[Facet, ...] = ()
    targets: tuple[Facet, ...] = ()
    channels: tuple[Facet, ...] = ()
    labels: tuple[Facet, ...] = ()
    people: tuple[Facet, ...] = ()


class PersonRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody in the gallery. `views` is the geometric mean, `engagement` the mean of the `observed` videos."""

    identity_id: PersonId
    name: str = ""
    cover_ref: Ref | None = None
    tracks: int = 0
    photos: int = 0
    videos: int = 0
    screen_s: float = 0.0
    cannot_link: tuple[PersonId, ...] = ()
    observed: int = 0
    views: float | None = None
    engagement: float | None = None


class PersonPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some people, most seen first; as `VideoPage`."""

    items: tuple[PersonRow, ...]
    next_cursor: str
    total: int


class FaceOf(msgspec.Struct, frozen=True, kw_only=True):
    """A face track of somebody, with the video it is in."""

    video_id: VideoId
    face: FaceSeen


class PersonDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, the hundred best faces, and the videos they are in (the newest 200)."""

    row: PersonRow
    faces: tuple[FaceOf, ...]
    videos: tuple[VideoRow, ...]


class CommandRow(msgspec.Struct, frozen=True, kw_only=True):
    """A command to the gallery and what it answered; None while it waits."""

    command: AnyCommand
    at_s: float
    answer: CommandAnswered | None = None
    undone: bool = False


class ReleaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A release and its part: ``serving`` makes predictions, ``shadow`` beside it, ``candidate`` and ``retired`` rest."""

    release: ReleasePublished
    role: Literal["serving", "shadow", "candidate", "retired"]
    changed_at_s: float | None = None


class DeadLetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters that wait, newest first; as `VideoPage`."""

    items: tuple[EventRejected, ...]
    next_cursor: str
    total: int


class Change(msgspec.Struct, frozen=True):
    """Something is other than before: `kind` of thing and its id. A job is no part of the library; `dashboard.jobs`."""

    kind: Literal[
        "video", "person", "command", "release", "target", "dead-letter", "label", "outcome", "scoreboard", "job"
    ]
    id: str
