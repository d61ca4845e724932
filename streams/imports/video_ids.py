"""Which video a row is about: by its link, by its platform's id, else by channel and title."""

import hashlib
import re
from collections.abc import Mapping

from schemas.errors import Refused, UsageError
from schemas.event import VideoId
from streams.imports.cells import SPOILT, BadCell
from streams.sources.urls import clean

SHORTEST_TELLING_ID = 6
"""A shorter one is the row's number in its table, and another table has a video of the same number."""

LARGEST_EXACT = 2**53
"""Spreadsheets keep larger numbers with their last digits lost."""

_PLATFORMS: Mapping[str, re.Pattern[str]] = {
    "tiktok": re.compile(r"[0-9]{15,20}"),
    "youtube": re.compile(r"(?=.*[A-Za-z_\-])[A-Za-z0-9_\-]{11}"),
}
"""Ids that can be told by their look. Instagram's and Vimeo's cannot."""

_PLATFORM = re.compile(r"[a-z]{1,32}")
_NAMED = re.compile(r"[a-z]+:[A-Za-z0-9_\-]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")


class VideoIds:
    """Names the videos of one table.

    Parameters
    ----------
    fetched : mapping
        Videos that were fetched, by `title_key`.
    platform : str
        Where all ids of the table are from; empty to tell by their look.

    Raises
    ------
    UsageError
        `platform` cannot be one.
    """

    def __init__(self, fetched: Mapping[str, VideoId], platform: str = "") -> None:
        if platform and not _PLATFORM.fullmatch(platform):
            raise UsageError(f"--platform {platform}: expected a name in small letters, such as youtube or vimeo")
        self._fetched = fetched
        self._platform = platform

    def find(self, *, url: str, own_id: str, channel: str, title: str) -> VideoId:
        """Name a row's video.

        Raises
        ------
        BadCell
            Nothing in the row says which video it is.
        """
        by_address = self._by_link(url, has_others=bool(own_id or (channel and title))) or self._by_platform(own_id)
        if by_address:
            return by_address
        if channel and title:
            return self._fetched.get(title_key(channel, title)) or _named_by("title", channel, title)
        if own_id and own_id.lower() not in SPOILT:
            return _named_by("id", own_id, "" if len(own_id) >= SHORTEST_TELLING_ID else title)
        raise BadCell("nothing says which video it is; expected a link, an id, or a channel and a title")

    def _by_link(self, url: str, *, has_others: bool) -> VideoId:
        if not url:
            return ""
        try:
            return clean(url).video_id
        except Refused as error:
            if has_others:
                return ""
            raise BadCell(f"{error}, got {url[:80]!r}") from error

    def _by_platform(self, own_id: str) -> VideoId:
        if _NAMED.fullmatch(own_id):
            return own_id
        if self._platform:
            return f"{self._platform}:{own_id}" if _ID.fullmatch(own_id) else ""
        return next((f"{name}:{own_id}" for name, look in _PLATFORMS.items() if look.fullmatch(own_id)), "")


def title_key(channel: str, title: str) -> str:
    """What two spellings of one channel and title have in common."""
    return f"{' '.join(channel.split()).casefold()}\x1f{' '.join(title.split()).casefold()}"


def exact_id(cell: object, text: str) -> str:
    """The id in a cell; a number too large for a spreadsheet is spoilt and no id."""
    is_rounded = isinstance(cell, int | float) and abs(cell) >= LARGEST_EXACT
    return "" if is_rounded else text


def _named_by(what: str, one: str, two: str) -> VideoId:
    key = title_key(one, two) if what == "title" else f"{what}\x1f{one}\x1f{two}"
    return f"row:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
