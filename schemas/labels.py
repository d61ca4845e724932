"""What people say is in a video."""

from typing import Annotated, Literal

import msgspec

from schemas.event import Scope, VideoEvent
from schemas.releases import TargetName

ClassName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]
"""One class of a multilabel target."""

GivenBy = Annotated[str, msgspec.Meta(pattern=r"^[^/\x00-\x1f\x7f]{0,100}$(?!\n)")]
"""Who gave a label: a name without slashes, because it is part of a record key."""

Judgement = Literal["yes", "no", "skip"]


class LabelGiven(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody looked at a video, or at one segment of it, and says whether a class fits.

    A person's last word about one class stands; different people's stand beside each other, so that
    agreement can be measured. A tombstone takes a label back.

    Attributes
    ----------
    label : str
        A class of the target.
    value : str
        ``skip``: looked at it and cannot say.
    by : str
        Who said so; empty when a table does not tell.
    given_at_s : float or None
        Seconds since the epoch, UTC; None where a table does not say.
    """

    target: TargetName
    scope: Scope
    label: ClassName
    value: Judgement
    by: GivenBy = ""
    given_at_s: float | None = None

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.scope}/{self.target}/{self.label}/{self.by}"
