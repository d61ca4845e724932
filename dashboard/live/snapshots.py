"""The truth at one moment, for readers that cannot go on from what they have."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import msgspec

from dashboard.live.frames import Ring, Wish
from dashboard.rows import VideoPage, VideoQuery, VideoRow

MOST_VIDEOS = 500
PAGE = 100
KEPT_S = 1.0


class Rows(Protocol):
    """What is asked of `dashboard.reading.Library`."""

    def rows(self, video_ids: Iterable[str]) -> list[VideoRow]:
        """Look up rows; those that are unknown are left out."""

    def videos(self, query: VideoQuery) -> VideoPage:
        """List videos."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Where things stand. A page shows this, and asks again for what it shows and does not find here.

    Attributes
    ----------
    videos : tuple of VideoRow
        Those that run, the newest first, at most 500. Of a stream of some videos: these, in whatever state.
    more : bool
        More than these run.
    """

    videos: tuple[VideoRow, ...]
    more: bool


class Snapshots:
    """Reads snapshots in a thread. Readers that come together, all of them after a restart, are given the same one."""

    def __init__(self, library: Rows, ring: Ring) -> None:
        self._library, self._ring = library, ring
        self._one_at_a_time = asyncio.Lock()
        self._kept: tuple[bytes, int, float] = (b"", -1, 0.0)

    async def read(self, wish: Wish) -> tuple[bytes, int]:
        """Read where things stand, as JSON, and the place in the ring from which a reader goes on."""
        if wish.videos is not None or not wish.has(("video", "")):
            place = self._ring.last
            return await asyncio.to_thread(self._these, wish.videos or ()), place
        async with self._one_at_a_time:
            now_s = asyncio.get_running_loop().time()
            data, place, read_at_s = self._kept
            if place < self._ring.floor or read_at_s + KEPT_S < now_s:
                place = self._ring.last
                data = await asyncio.to_thread(self._running)
                self._kept = data, place, now_s
            return data, place

    def _these(self, video_ids: Iterable[str]) -> bytes:
        return msgspec.json.encode(Snapshot(videos=tuple(self._library.rows(video_ids)), more=False))

    def _running(self) -> bytes:
        page = self._page("")
        rows = list(page.items)
        while page.next_cursor and len(rows) < MOST_VIDEOS:
            page = self._page(page.next_cursor)
            rows += page.items
        return msgspec.json.encode(Snapshot(videos=tuple(rows[:MOST_VIDEOS]), more=page.total > MOST_VIDEOS))

    def _page(self, cursor: str) -> VideoPage:
        return self._library.videos(VideoQuery(state="running", sort="submitted", cursor=cursor, limit=PAGE))
