"""What the library's page is asked for in its address: which videos, in which order, which columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args

from dashboard.pages.rendering import link
from dashboard.problems import Problem
from dashboard.rows import VideoQuery, VideoSort, VideoState

PAGE = 100
PATH = "/videos"

COLUMNS: Mapping[str, str] = {
    "state": "State",
    "channel": "Channel",
    "duration": "Length",
    "value": "Prediction",
    "labels": "Seen and heard",
    "people": "People",
    "uploaded": "Published",
    "submitted": "Submitted",
    "changed": "Last heard of",
}
"""All that may stand beside the title."""

USUAL = ("state", "channel", "duration", "value", "labels", "submitted")
SORTED_BY: Mapping[str, VideoSort] = {
    "channel": "channel",
    "duration": "duration",
    "value": "value",
    "uploaded": "uploaded",
    "submitted": "submitted",
    "changed": "changed",
}
"""Columns that the library can sort by; the title is a column of its own."""

RISING: tuple[VideoSort, ...] = ("title", "channel")
"""What people expect to begin with the first letter."""


@dataclass(frozen=True, kw_only=True)
class LibraryView:
    """The page's whole state: everything is in its address."""

    text: str = ""
    state: VideoState | None = None
    target: str = ""
    channel: str = ""
    person: str = ""
    label: str = ""
    since: str = ""
    until: str = ""
    sort: VideoSort = "submitted"
    order: str = ""
    cursor: str = ""
    columns: tuple[str, ...] = USUAL

    @property
    def is_descending(self) -> bool:
        return self.order != "up" if self.order else self.sort not in RISING

    @property
    def is_narrowed(self) -> bool:
        """Whether some videos are left out."""
        return any((self.text, self.state, self.target, self.channel, self.person, self.label, self.since, self.until))

    def query(self) -> VideoQuery:
        """The question to the library; a day ends when the next one begins.

        Raises
        ------
        Problem
            A date is none.
        """
        return VideoQuery(
            text=self.text, state=self.state, target=self.target, channel=self.channel, person=self.person,
            label=self.label, since_s=_begin_s(self.since), until_s=_begin_s(self.until, days=1), sort=self.sort,
            descending=self.is_descending, cursor=self.cursor, limit=PAGE,
        )  # fmt: skip

    def href(self, **changes: object) -> str:
        """This view with something changed; a change of anything but the page begins at the first page."""
        return link(PATH, **{**self._as_query(), "cursor": "", **changes})

    def sort_href(self, sort: VideoSort) -> str:
        """Sort by this; a second time turns the order round."""
        turned = ("up" if self.is_descending else "down") if sort == self.sort else ""
        return self.href(sort=sort, order=turned)

    def direction(self, sort: VideoSort) -> str:
        """For ``aria-sort``."""
        return "" if sort != self.sort else "descending" if self.is_descending else "ascending"

    def api_href(self) -> str:
        """The same question to the API."""
        return link("/v1/videos", **self._narrowed(), **self._sorted(), limit=PAGE)

    def export_href(self, ending: str) -> str:
        """All predictions of this view, in its order."""
        return link(f"/v1/predictions.{ending}", **self._narrowed(), **self._sorted())

    def retries_href(self) -> str:
        """What fetches the failed ones of this view again."""
        return link("/v1/retries", **{**self._narrowed(), "state": ""})

    def _narrowed(self) -> dict[str, object]:
        """Which videos, as the API asks for them."""
        query = self.query()
        return {
            "text": query.text, "state": query.state, "target": query.target, "channel": query.channel,
            "person": query.person, "label": query.label, "since_s": query.since_s, "until_s": query.until_s,
        }  # fmt: skip

    def _sorted(self) -> dict[str, object]:
        return {"sort": self.sort, "descending": str(self.is_descending).lower()}

    def _as_query(self) -> dict[str, object]:
        columns = "" if self.columns == USUAL else ",".join(self.columns)
        return {
            "text": self.text, "state": self.state, "target": self.target, "channel": self.channel,
            "person": self.person, "label": self.label, "since": self.since, "until": self.until,
            "sort": self.sort if self.sort != "submitted" else "", "order": self.order, "columns": columns,
        }  # fmt: skip


def view_of(params: Mapping[str, str], columns: list[str]) -> LibraryView:
    """Read the address. Unknown values of it are as if they were not there: an old link still shows something."""
    wanted = [name for part in columns for name in part.split(",")]
    kept = tuple(name for name in COLUMNS if name in wanted)
    texts = {name: params.get(name, "")[:300].strip() for name in _TEXTS}
    state, sort = params.get("state", ""), params.get("sort", "")
    sorts = [s for s in get_args(VideoSort) if s != "value" or texts["target"]]  # a value is that of one target
    return LibraryView(
        **texts,
        state=next((s for s in get_args(VideoState) if s == state), None),
        sort=next((s for s in sorts if s == sort), "submitted"),
        cursor=params.get("cursor", "")[:2000],
        columns=kept or USUAL,
    )


_TEXTS = ("text", "target", "channel", "person", "label", "since", "until", "order")


def _begin_s(day: str, *, days: int = 0) -> float | None:
    if not day:
        return None
    try:
        begin = datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=days)
    except (ValueError, OverflowError):
        detail = f"expected a day as 2026-05-31, got {day[:40]!r}"
        raise Problem(422, "no-date", "That is no date", detail=detail) from None
    return begin.timestamp()
