"""How a video did, as far as somebody counted."""

import msgspec

from schemas.event import VideoEvent
from schemas.releases import TargetName

HOUR_S = 3600


class OutcomeObserved(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Counts at one moment. None means not counted.

    Attributes
    ----------
    observed_at_s : float or None
        Seconds since the epoch, UTC; None where a table does not say.
    age_h : int or None
        Whole hours since publication; part of the record key. None where nobody knows when it was published.
    scores : dict
        Figures that somebody worked out elsewhere, by name, in their own unit: ``virality`` of a study, say.
    """

    observed_at_s: float | None = None
    age_h: int | None = None
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    subscribers: int | None = None
    scores: dict[TargetName, float] = msgspec.field(default_factory=dict)

    @property
    def record_key(self) -> str:
        """By age; without one by the hour of counting; without that by which scores there are.

        So two studies that say no dates do not overwrite each other's figures.
        """
        if self.age_h is not None:
            return f"{self.video_id}/{self.age_h}"
        if self.observed_at_s is not None:
            return f"{self.video_id}/at-{int(self.observed_at_s // HOUR_S)}"
        return "+".join((f"{self.video_id}/once", *sorted(self.scores)))

    @property
    def moment(self) -> tuple[bool, int, float]:
        """Sorts a video's outcomes by age; those of unknown age come last, by when they were counted."""
        return (self.age_h is None, self.age_h or 0, self.observed_at_s or 0.0)
