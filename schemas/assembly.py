"""What the assemble stage remembers between events; lives in its table, never on a topic."""

import msgspec

from schemas.event import Revision, VideoId
from schemas.features import Label
from schemas.media import Metadata
from schemas.outcomes import OutcomeObserved
from schemas.summaries import PooledVector


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one modality said about one scope, ready to be added; `words` only where it heard some itself.

    `model_version` is that of the model that made the vector.
    """

    pooled: PooledVector | None = None
    labels: tuple[Label, ...] = ()
    numbers: dict[str, float] = msgspec.field(default_factory=dict)
    absent_reason: str | None = None
    words: str = ""
    model_version: str = ""


class Cut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a segment lies and what is said in it."""

    start_s: float
    end_s: float
    words: str = ""


class SegmentState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Answers about one segment.

    Attributes
    ----------
    summary_id : str
        Event id of the summary last emitted; empty before the first.
    settled : bool
        Complete without a failure: vectors are gone, nothing more is expected.
    waiting_since_s : float or None
        The first tick after the last news.
    expired : bool
        The deadline has passed without all answers.
    edition : int
        The highest of its answers'.
    """

    video_id: VideoId
    revision: Revision
    index: int
    cut: Cut | None = None
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    summary_id: str = ""
    settled: bool = False
    waiting_since_s: float | None = None
    expired: bool = False
    edition: int = 0


class MediaFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the fetch said, as far as a summary repeats it.

    Attributes
    ----------
    is_described : bool
        It is a row of a table; what is fetched counts more, whichever came first.
    """

    duration_s: float
    metadata: Metadata
    targets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_described: bool = False


class SegmentCount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many segments there are to wait for."""

    count: int
    duration_s: float = 0.0
    warnings: tuple[str, ...] = ()


class VectorSum(msgspec.Struct, frozen=True, kw_only=True):
    """A sum and the set of segment indexes in it (a bit mask)."""

    pooled: PooledVector
    counted: bytes


class NumberSum(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed-point sum of a named number and the set of segment indexes in it (a bit mask)."""

    total: int
    counted: bytes


class SpokenWords(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One segment's words; `words` is empty beyond what a summary repeats, `count` is always true."""

    index: int
    count: int
    words: str = ""


class RevisionState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything pooled about one revision (one content) of a video.

    Attributes
    ----------
    seen, incomplete : bytes
        Bit masks of the segments whose summary is in, and of those whose summary lacks an answer.
    absent : dict
        Modality -> reason -> bit mask of the segments.
    answers : dict
        The whole video's own answers by modality (``video/...``).
    influence : dict
        What is known of the earlier videos of each creator, by the creator's id.
    changed : bool
        Something came in since the last summary.
    edition : int
        Of the segments that are in the sums; those of an earlier one are not added any more.
    made_by : dict
        Modality -> versions of the models whose vectors are in the sums, sorted.
    """

    revision: Revision
    media: MediaFacts | None = None
    segments: SegmentCount | None = None
    duplicates: tuple[VideoId, ...] = ()
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    seen: bytes = b""
    incomplete: bytes = b""
    vectors: dict[str, VectorSum] = msgspec.field(default_factory=dict)
    absent: dict[str, dict[str, bytes]] = msgspec.field(default_factory=dict)
    numbers: dict[str, NumberSum] = msgspec.field(default_factory=dict)
    words: tuple[SpokenWords, ...] = ()
    word_count: int = 0
    labels: tuple[Label, ...] = ()
    influence: dict[str, dict[str, float]] = msgspec.field(default_factory=dict)
    changed: bool = False
    waiting_since_s: float | None = None
    expired: bool = False
    edition: int = 0
    made_by: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


class VideoState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A video's revisions and its outcomes.

    Attributes
    ----------
    current : str
        The revision fetched last, empty before the first fetch.
    told : dict
        By creator the event id of the appearance last told.
    """

    video_id: VideoId
    current: str = ""
    revisions: tuple[RevisionState, ...] = ()
    outcomes: tuple[OutcomeObserved, ...] = ()
    told: dict[str, str] = msgspec.field(default_factory=dict)


class AssemblyState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the assemble stage's table: a segment or a video, never both."""

    segment: SegmentState | None = None
    video: VideoState | None = None
