"""What a fetch brought back."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from schemas.event import Ref, Revision, VideoEvent, VideoId

SubtitleKind = Literal["manual", "automatic", "embedded", "uploaded"]


class SubtitleTrack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One subtitle track: a file in the media store, or a stream inside the media file.

    `language` is a BCP 47 tag as the source spells it, or ``und``.
    """

    language: str
    kind: SubtitleKind
    ref: Ref | None = None
    stream_index: int | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the source says about a video. None means the source did not say.

    Attributes
    ----------
    uploaded_at_s : float
        When it was published, seconds since the epoch, UTC.
    views, likes, comments, subscribers : int
        Counts at the time of the fetch.
    """

    title: str = ""
    description: str = ""
    channel: str = ""
    channel_id: str = ""
    category: str = ""
    language: str = ""
    uploaded_at_s: float | None = None
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    subscribers: int | None = None
    hashtags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class MediaFetched(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The bytes are in the media store; this is what they are.

    Attributes
    ----------
    revision : str
        First 16 hex digits of `sha256`.
    media_ref : str or None
        None for a row that is known by its metadata only, and for a duplicate.
    transcript : str
        What is said in it, of a row that is known by its words only; the segment stage cuts it into pieces.
    width_px, height_px : int
        As displayed (after rotation); 0 without a picture.
    fps : float
        Average frames a second; 0 without a picture.
    duplicate_of : str or None
        The first video with the same bytes; nothing else is computed for this one.
    """

    submission_id: str
    revision: Revision
    sha256: str
    media_ref: Ref | None = None
    size_bytes: int = 0
    duration_s: float = 0.0
    width_px: int = 0
    height_px: int = 0
    fps: float = 0.0
    has_video: bool = False
    has_audio: bool = False
    url: str | None = None
    thumbnail_ref: Ref | None = None
    subtitles: tuple[SubtitleTrack, ...] = ()
    metadata: Metadata = Metadata()
    targets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    duplicate_of: VideoId | None = None
    transcript: str = ""

    @staticmethod
    def that_counts(found: Iterable["MediaFetched"]) -> "MediaFetched | None":
        """Choose among what is known of one video: what was fetched beats a row of a table."""
        return min(found, key=lambda event: event.is_described, default=None)

    @property
    def is_described(self) -> bool:
        """Whether this is a row of a table: nothing was fetched, there are only words about it."""
        return self.media_ref is None and self.duplicate_of is None

    @property
    def record_key(self) -> str:
        """A row of a table lies beside what was fetched, and never takes its place."""
        return f"{self.video_id}/described" if self.is_described else self.video_id


class MediaDuplicated(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """`duplicate_id` has the same bytes as this video and shall get its predictions too."""

    duplicate_id: VideoId
    revision: Revision

    @property
    def record_key(self) -> str:
        return f"{self.video_id}/duplicate/{self.duplicate_id}"
