"""How far a stage is with a video."""

from typing import Literal

from schemas.event import VideoEvent

State = Literal["waiting", "running", "done", "failed", "refused", "known", "duplicate"]


class StageProgressed(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """`done` of `total` units (bytes, seconds, segments) of one stage's work on one video.

    Informational: the last one of each key counts, one may be lost or repeated.
    """

    stage: str
    state: State
    done: float = 0.0
    total: float | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    submission_id: str = ""

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.stage}"
