"""Which releases score, and how: said by people, heard by every scorer."""

from typing import Literal

from schemas.event import Event, VideoEvent
from schemas.predictions import VideoScored
from schemas.releases import ReleaseId, TargetName

Role = Literal["promoted", "shadow", "retired"]


class RoleGiven(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A release has a part to play from now on; the last word on each release counts.

    A published release of which nobody has said anything is promoted by being published. Of all promoted
    releases of a target the one that was promoted last serves.

    Attributes
    ----------
    role : str
        ``promoted``: it serves, until another one is promoted. ``shadow``: it scores beside the one that serves, on a
        topic of its own. ``retired``: it scores nothing.
    given_at_s : float
        Seconds since the epoch, UTC; later than whatever was said before of the target's releases.
    """

    target: TargetName
    release_id: ReleaseId
    role: Role
    given_at_s: float

    @property
    def record_key(self) -> str:
        return f"{self.target}/{self.release_id}/role"

    @property
    def partition_key(self) -> str:
        return self.target


class ShadowScored(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """What a release in the shadow would have said of a video.

    Attributes
    ----------
    prediction : VideoScored
        Byte for byte what lies on ``predictions`` when the release serves.
    """

    prediction: VideoScored

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.prediction.target}/{self.prediction.release_id}"
