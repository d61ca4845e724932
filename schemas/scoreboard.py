"""How good predictions turned out to be: a running count by release and week, in whole numbers."""

from datetime import UTC, datetime
from typing import Annotated
from zlib import crc32

import msgspec

from schemas.event import Event, VideoId
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.releases import ReleaseId, TargetName

Week = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-W[0-9]{2}$(?!\n)")]
"""A week by ISO 8601, in UTC."""

STEPS = 10**6
"""Errors are summed in millionths of the target's unit: whole numbers add up to the same in any order."""

SHARDS = 16
"""A week's videos are counted in so many parts, so that no state grows large."""


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one video adds to a week. Errors are in millionths of the target's unit.

    Attributes
    ----------
    error, constant_error : int
        Prediction less truth; what the constant would have missed, without sign.
    side : int
        -1: the truth lies below the interval, 1: above it, 0: inside.
    why_not : str
        Why the prediction cannot be compared; empty when it can.
    chance, base_chance : int or None
        How likely it was said to be among the best, and how many are, both in millionths; None where nothing was said,
        or nobody can tell whether it came so.
    came : bool
        Whether it is.
    """

    error: int = 0
    constant_error: int = 0
    side: int = 0
    why_not: str = ""
    chance: int | None = None
    base_chance: int | None = None
    came: bool = False


class ChanceBin(msgspec.Struct, frozen=True, kw_only=True):
    """Videos that were given about the same chance.

    Attributes
    ----------
    tenth : int
        0 for chances below 10 %, 9 for 90 % and more.
    videos, came : int
        How many were given it, and how many of these came out among the best.
    chance_sum : int
        In millionths.
    """

    tenth: int
    videos: int
    came: int
    chance_sum: int


class PredictionJudged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a video that a release has scored. Lies in the partition of its week's part.

    Attributes
    ----------
    week : str
        In which the last outcome that counts was observed.
    level : float
        Of the interval.
    judged : Judged or None
        None takes back what was said before: the video belongs to another week, or was erased.
    """

    video_id: VideoId
    target: TargetName
    release_id: ReleaseId
    week: Week
    unit: str
    level: float
    judged: Judged | None = None

    @property
    def board(self) -> str:
        """Key of the part of the week that the video is counted in."""
        return f"{self.target}/{self.release_id}/{self.week}/{crc32(self.video_id.encode()) % SHARDS}"

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/judged/{self.target}/{self.release_id}/{self.week}"

    @property
    def partition_key(self) -> str:
        return self.board


class ScoreKept(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a release's week; whoever reads adds the parts up.

    Attributes
    ----------
    part : int
        From 0 to 15.
    compared : int
        Videos with a prediction and a truth to hold it against.
    inside, below, above : int
        Where the truth of these lies: inside the interval, below it, above it.
    error_sum, absolute_error_sum, constant_error_sum : int
        Over these, in millionths of `unit`: prediction less truth, the same without sign, and what always saying the
        constant would have missed.
    not_comparable : dict
        Videos with outcomes that say nothing of the prediction, by reason.
    chances : tuple of ChanceBin
        Those of which it is known whether they are among the best, by the chance that was given.
    brier_sum, base_brier_sum : int
        Over these, in millionths: squared distance of the chance from what came, and of the share that is among the best.
    """

    target: TargetName
    release_id: ReleaseId
    week: Week
    part: int
    unit: str
    level: float
    compared: int = 0
    inside: int = 0
    below: int = 0
    above: int = 0
    error_sum: int = 0
    absolute_error_sum: int = 0
    constant_error_sum: int = 0
    not_comparable: dict[str, int] = msgspec.field(default_factory=dict)
    chances: tuple[ChanceBin, ...] = ()
    brier_sum: int = 0
    base_brier_sum: int = 0

    @property
    def record_key(self) -> str:
        return f"{self.target}/{self.release_id}/{self.week}/{self.part}"


class ScoreboardState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A video's predictions and outcomes, or a part of a week; lives in the stage's table, never on a topic.

    Attributes
    ----------
    predictions : dict
        The last final one of each release, by ``target/release``, without reasons.
    outcomes : dict
        By record key.
    said : dict
        What was said of each prediction, by ``target/release``.
    is_early : bool
        A prediction came before the news of its release.
    counted : dict
        Of a part of a week: what each of its videos adds.
    category : str
        The video's, as its newest fetch says, or a row of a table where nothing was fetched.
    is_fetched : bool
        A fetch said so.
    """

    predictions: dict[str, VideoScored] = msgspec.field(default_factory=dict)
    outcomes: dict[str, OutcomeObserved] = msgspec.field(default_factory=dict)
    said: dict[str, PredictionJudged] = msgspec.field(default_factory=dict)
    is_early: bool = False
    counted: dict[VideoId, Judged] = msgspec.field(default_factory=dict)
    category: str = ""
    is_fetched: bool = False


def week_of(at_s: float) -> Week:
    """Name the week of a moment in seconds since the epoch.

    >>> week_of(0.0)
    '1970-W01'
    """
    year, week, _ = datetime.fromtimestamp(at_s, UTC).isocalendar()
    return f"{year:04d}-W{week:02d}"
