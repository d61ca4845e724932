"""Which past videos a replay is about."""

import re
from datetime import UTC, datetime

import msgspec

from schemas.errors import UsageError
from schemas.event import VideoId
from schemas.media import MediaFetched
from schemas.summaries import Summarised
from streams.kafka.partitioning import partition_of
from streams.sources.urls import clean


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Videos by date, channel or id; without any of these, all. Of several channels or ids, any.

    Attributes
    ----------
    since_s : float or None
        Published at this time or later, seconds since the epoch, UTC; a video without a date is not taken.
    channels : tuple of str
        Names or ids of channels, in lower case.
    videos : tuple of str
        Video ids.
    """

    since_s: float | None = None
    channels: tuple[str, ...] = ()
    videos: tuple[VideoId, ...] = ()

    @property
    def is_all(self) -> bool:
        return self == Selection()

    def takes(self, video: Summarised | MediaFetched) -> bool:
        """Whether a video is among those wanted."""
        metadata = video.metadata
        if self.since_s is not None and (metadata.uploaded_at_s is None or metadata.uploaded_at_s < self.since_s):
            return False
        if self.channels and not {metadata.channel.lower(), metadata.channel_id.lower()} & set(self.channels):
            return False
        return self.may_be(video.video_id)

    def may_be(self, video_id: str) -> bool:
        """Whether a video can be among those wanted, as far as its id tells."""
        return not self.videos or video_id in self.videos

    def partitions(self, count: int) -> tuple[int, ...]:
        """Name the partitions, of `count`, that the videos lie in."""
        if self.videos:
            return tuple(sorted({partition_of(video_id, count) for video_id in self.videos}))
        return tuple(range(count))


def selection(since: str, channels: list[str], videos: list[str]) -> Selection:
    """Read what was typed: ``2024-05-31``, names of channels, ids of videos or their links.

    Raises
    ------
    UsageError
        What should be a date is none.
    Refused
        A link is none of a video.
    """
    ids = tuple(sorted({clean(video).video_id if "://" in video else video for video in videos}))
    names = tuple(sorted({name.strip().lower() for name in channels}))
    return Selection(since_s=_moment(since), channels=names, videos=ids)


def numbers(text: str, count: int) -> tuple[int, ...]:
    """Read numbers of partitions: ``0-3,6``; all of `count` for an empty text.

    Raises
    ------
    UsageError
        Not numbers, or not of partitions that there are.

    >>> numbers("0-2,5", 8)
    (0, 1, 2, 5)
    """
    if not text:
        return tuple(range(count))
    found: set[int] = set()
    for part in text.split(","):
        ends = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part.strip())
        if ends is None:
            raise UsageError(f"expected partitions as in 0-3,6 and got {text!r}")
        found.update(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    if not found or max(found) >= count:
        raise UsageError(f"there are partitions 0 to {count - 1}; asked for {text!r}")
    return tuple(sorted(found))


def _moment(since: str) -> float | None:
    if not since:
        return None
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise UsageError(f"--since expects a date such as 2024-05-31, got {since!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
