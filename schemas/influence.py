"""Who is in a video, told to whoever sums a channel's or a person's videos up; and what those did before."""

from typing import Annotated

import msgspec

from schemas.event import Event, Revision, VideoEvent, VideoId
from schemas.outcomes import OutcomeObserved

CreatorId = Annotated[str, msgspec.Meta(pattern=r"^(person|channel):[0-9a-f]{16}$(?!\n)")]
"""An identity of the gallery, or a channel by a digest of its platform and id."""


class AppearanceRecorded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody is in a video, and this is how that did so far. Lies in the creator's partition.

    Attributes
    ----------
    creator : str
        A person or a channel.
    share : float
        Of the video's time in [0, 1], a channel has all of its own; 0 takes the appearance back.
    published_at_s : float
        Seconds since the epoch, UTC; what is not dated can neither be earlier nor later.
    """

    video_id: VideoId
    revision: Revision
    creator: CreatorId
    share: float
    published_at_s: float
    outcomes: tuple[OutcomeObserved, ...] = ()

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/appearance/{self.creator}"

    @property
    def partition_key(self) -> str:
        return self.creator


class InfluenceComputed(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """How a creator's earlier videos did, as it could be known when this one was published.

    Attributes
    ----------
    numbers : dict
        See `models.influence.numbers_of`; empty when nothing is known any more.
    """

    revision: Revision
    creator: CreatorId
    numbers: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/influence/{self.creator}"


class Appeared(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One video of a creator, and what was last said about the ones before it."""

    revision: Revision
    share: float
    published_at_s: float
    outcomes: tuple[OutcomeObserved, ...] = ()
    said: dict[str, float] = msgspec.field(default_factory=dict)


class CreatorState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All of a creator's videos; lives in the influence stage's table, never on a topic."""

    creator: CreatorId
    videos: dict[VideoId, Appeared] = msgspec.field(default_factory=dict)
