"""The pipeline on one page: every topic, every stage, and how they hang together."""

from dataclasses import dataclass
from typing import Literal

from processors.ports import Options
from schemas.commands import (
    CommandAnswered,
    CommandTaken,
    CommandUndone,
    EraseRequested,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityForgotten,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
)
from schemas.deadletters import EventRedriven, EventRejected
from schemas.erased import VideoErased
from schemas.event import Event
from schemas.faces import FacesCounted, FaceTracked
from schemas.features import FeatureExtracted, FeatureReextracted
from schemas.identities import IdentityRecorded
from schemas.influence import AppearanceRecorded, InfluenceComputed
from schemas.labels import LabelGiven
from schemas.links import LinkSubmitted
from schemas.media import MediaDuplicated, MediaFetched
from schemas.outcomes import OutcomeObserved
from schemas.predictions import SegmentScored, VideoScored
from schemas.progress import StageProgressed
from schemas.promotions import RoleGiven, ShadowScored
from schemas.releases import ReleasePublished
from schemas.scoreboard import PredictionJudged, ScoreKept
from schemas.segments import SegmentCut, VideoSegmented
from schemas.summaries import Summarised
from schemas.targets import TargetDefined
from schemas.ticks import TimePassed

DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A Kafka topic: what it carries and how long.

    `key` is how the record key reads; the partition is murmur2 of its first part, but for appearances, which meet at their creator.
    `retention_s` None keeps records for ever (compacted). `partitions` None: as many as the settings say.
    """

    name: str
    key: str
    events: tuple[type[Event], ...]
    cleanup: Literal["compact", "delete", "compact,delete"]
    retention_s: int | None = None
    max_message_bytes: int = 8 * 2**20
    partitions: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One processor on Kafka: an app id, a consumer group and a process of its own.

    Attributes
    ----------
    processor : str
        ``module:Class`` of a `Transform` or a `Fold`, imported only by its own worker.
    reads, writes : tuple of str
        Topic names.
    is_fold : bool
        It keeps state and hears `TimePassed`.
    hears : tuple of str
        Broadcast topics: every worker reads all of them.
    batch : int
        At most so many events a step.
    longest_step_s : float
        A step may take so long before its worker is taken for dead.
    weights : tuple of str
        Networks that must be on disk before the worker starts; settings may choose others, see `weights_of`.
    standbys : int
        Workers that keep a fold's tables up to date, ready to take over.
    """

    name: str
    processor: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    is_fold: bool = False
    hears: tuple[str, ...] = ()
    batch: int = 1
    longest_step_s: float = 60.0
    weights: tuple[str, ...] = ()
    standbys: int = 0


TOPICS: tuple[Topic, ...] = (
    Topic(name="links", key="video_id", events=(LinkSubmitted,), cleanup="delete", retention_s=30 * DAY_S),
    Topic(name="media", key="video_id", events=(MediaFetched, MediaDuplicated, VideoErased), cleanup="compact"),
    Topic(name="segments", key="video_id/index", events=(SegmentCut, VideoSegmented), cleanup="compact"),
    Topic(name="features", key="video_id/scope/modality", events=(FeatureExtracted,), cleanup="compact"),
    Topic(
        name="feature-versions",
        key="video_id/scope/modality/model_version",
        events=(FeatureReextracted,),
        cleanup="compact",
    ),
    Topic(
        name="faces",
        key="video_id/segment/track",
        events=(FaceTracked, FacesCounted, CommandTaken),
        cleanup="compact",
        partitions=1,
    ),
    Topic(name="identities", key="identity_id", events=(IdentityRecorded,), cleanup="compact", partitions=1),
    Topic(
        name="commands",
        key="command_id",
        events=(
            IdentityNamed,
            IdentityEnrolled,
            IdentitiesMerged,
            IdentitySplit,
            IdentityNot,
            IdentityForgotten,
            EraseRequested,
            CommandUndone,
            CommandAnswered,
        ),
        cleanup="compact,delete",
        retention_s=30 * DAY_S,
        partitions=1,
    ),
    Topic(name="summaries", key="video_id/scope", events=(Summarised,), cleanup="compact"),
    Topic(
        name="predictions",
        key="video_id/target[/scope]",
        events=(VideoScored, SegmentScored),
        cleanup="compact",
    ),
    Topic(name="shadows", key="video_id/target/release_id", events=(ShadowScored,), cleanup="compact"),
    Topic(
        name="progress",
        key="video_id/stage",
        events=(StageProgressed,),
        cleanup="compact,delete",
        retention_s=7 * DAY_S,
    ),
    Topic(name="outcomes", key="video_id/age", events=(OutcomeObserved,), cleanup="compact"),
    Topic(
        name="influence",
        key="video_id/kind/creator",
        events=(AppearanceRecorded, InfluenceComputed),
        cleanup="compact",
    ),
    Topic(name="labels", key="video_id/scope/target/label/by", events=(LabelGiven,), cleanup="compact"),
    Topic(name="targets", key="target/version", events=(TargetDefined,), cleanup="compact"),
    Topic(name="releases", key="target/release_id", events=(ReleasePublished, RoleGiven), cleanup="compact"),
    Topic(
        name="scoreboard",
        key="target/release_id/week/part",
        events=(ScoreKept, PredictionJudged),
        cleanup="compact",
    ),
    Topic(name="ticks", key="stage/partition", events=(TimePassed,), cleanup="delete", retention_s=3600),
    Topic(
        name="dead-letters",
        key="stage/topic/partition/offset",
        events=(EventRejected, EventRedriven),
        cleanup="delete",
        retention_s=30 * DAY_S,
        max_message_bytes=16 * 2**20,
    ),
)

STAGES: tuple[Stage, ...] = (
    Stage(
        name="fetch",
        processor="processors.fetch:FetchProcessor",
        reads=("links",),
        writes=("media", "progress"),
        batch=4,
        longest_step_s=2400,
    ),
    Stage(
        name="segment",
        processor="processors.segment:SegmentProcessor",
        reads=("media",),
        writes=("segments", "progress"),
        longest_step_s=2400,
    ),
    Stage(
        name="text",
        processor="processors.text:TextProcessor",
        reads=("segments", "media"),
        writes=("features", "progress"),
        batch=32,
        longest_step_s=300,  # speech recognition takes 2.3 s a segment
        weights=("minilm",),
    ),
    Stage(
        name="visual",
        processor="processors.visual:VisualProcessor",
        reads=("segments",),
        writes=("features", "progress"),
        batch=8,
        weights=("lite0",),
    ),
    Stage(
        name="audio",
        processor="processors.audio:AudioProcessor",
        reads=("segments",),
        writes=("features", "progress"),
        batch=8,
        weights=("yamnet",),
    ),
    Stage(
        name="faces",
        processor="processors.faces:FacesProcessor",
        reads=("segments",),
        writes=("faces", "features", "progress"),
        batch=4,
        weights=("centerface", "dlib-face"),
    ),
    Stage(
        name="identity",
        processor="processors.identity:GalleryFold",
        reads=("faces", "commands"),
        writes=("faces", "identities", "commands", "features", "progress"),
        is_fold=True,
        batch=32,
        longest_step_s=300,  # drawing the cells of a large gallery takes a minute
        standbys=1,
    ),
    Stage(
        name="assemble",
        processor="processors.assemble:AssembleProcessor",
        reads=("segments", "media", "features", "summaries", "outcomes", "influence", "ticks"),
        writes=("summaries", "influence", "progress"),
        is_fold=True,
        batch=64,
    ),
    Stage(
        name="influence",
        processor="processors.influence:InfluenceFold",
        reads=("influence",),
        writes=("influence",),
        is_fold=True,
        batch=64,
    ),
    Stage(
        name="score",
        processor="processors.score:ScoreProcessor",
        reads=("summaries",),
        writes=("predictions", "shadows", "progress"),
        hears=("releases",),
        batch=64,
    ),
    Stage(
        name="scoreboard",
        processor="processors.scoreboard:ScoreboardFold",
        reads=("predictions", "shadows", "outcomes", "scoreboard", "media", "ticks"),
        writes=("scoreboard",),
        is_fold=True,
        batch=64,
        hears=("releases", "targets"),
    ),
)


def topic(name: str) -> Topic:
    """Look a topic up by name; KeyError when there is none."""
    return _TOPICS[name]


def stage(name: str) -> Stage:
    """Look a stage up by name; KeyError when there is none."""
    return {s.name: s for s in STAGES}[name]


def weights_of(stage: Stage, options: Options) -> tuple[str, ...]:
    """Name the networks a stage needs, as the settings choose."""
    return tuple(options.chosen(name) for name in stage.weights)


def topic_of(event: Event) -> Topic:
    """The one topic that carries events of this type."""
    return _TOPIC_OF[type(event)]


def writers(topic_name: str) -> tuple[str, ...]:
    """Names of the stages that write a topic."""
    return tuple(s.name for s in STAGES if topic_name in s.writes)


def modalities() -> tuple[str, ...]:
    """Names of the stages that answer every segment with a feature: a segment is complete when all have."""
    return tuple(s.name for s in STAGES if "segments" in s.reads and "features" in s.writes)


def readers(topic_name: str) -> tuple[str, ...]:
    """Names of the stages that read or hear a topic."""
    return tuple(s.name for s in STAGES if topic_name in s.reads + s.hears)


_TOPICS = {t.name: t for t in TOPICS}
_TOPIC_OF: dict[type[Event], Topic] = {event: t for t in TOPICS for event in t.events}
