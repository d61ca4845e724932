"""How a video did, as far as somebody counted."""

from schemas.event import VideoEvent


class OutcomeObserved(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Counts at one moment. None means not counted.

    Attributes
    ----------
    observed_at_s : float
        Seconds since the epoch, UTC.
    age_h : int
        Whole hours since publication; part of the record key.
    """

    observed_at_s: float
    age_h: int
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    subscribers: int | None = None

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.age_h}"
