"""Shot-aligned pieces of a video."""

from typing import Literal

from schemas.event import Ref, Revision, VideoEvent

Sampling = Literal["regular", "keyframes", "none"]


class SegmentCut(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """One segment of 2-10 s, ready for every modality.

    Attributes
    ----------
    start_s, end_s : float
        Presentation time in seconds from the start of the picture (or of the sound).
    count : int
        How many segments the video has.
    frames_ref : str or None
        An uncompressed zip of JPEGs named by time in milliseconds (``000001500.jpg``).
    audio_ref : str or None
        16 kHz mono 16-bit WAV.
    text : str
        The subtitle words spoken in this segment.
    text_source : str
        Where the video's words are from: ``manual``, ``automatic``, ``embedded``, ``uploaded``; empty for a video
        without subtitles in a wanted language. A segment in which nothing is said has a source and no text.
    shot_starts_s : tuple of float
        Times inside the segment at which a new shot begins.
    """

    revision: Revision
    index: int
    count: int
    start_s: float
    end_s: float
    frames_ref: Ref | None = None
    audio_ref: Ref | None = None
    text: str = ""
    text_source: str = ""
    text_language: str = ""
    shot_starts_s: tuple[float, ...] = ()

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/{self.index}"


class VideoSegmented(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """All segments of a video are out; `count` may be 0 for a row without media."""

    revision: Revision
    count: int
    duration_s: float = 0.0
    sampling: Sampling = "regular"
    shot_count: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/count"
