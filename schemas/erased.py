"""A video that was erased: folds forget what they kept of it."""

from schemas.event import VideoEvent


class VideoErased(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing of this video is to be kept. Stays on ``media``, so that a stage that was away hears it too.

    Attributes
    ----------
    erased_at_s : float
        Seconds since the epoch, UTC.
    """

    erased_at_s: float

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/erased"
