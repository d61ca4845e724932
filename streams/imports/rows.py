"""What one row of a table says about a video: its words, and how it did."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from models.hashtags import hashtags
from schemas.event import VideoId, derive_id
from schemas.media import MediaFetched, Metadata
from schemas.outcomes import HOUR_S, OutcomeObserved
from streams.imports import cells
from streams.imports.cells import BadCell
from streams.imports.columns import FILE_TITLE, SCORE, Names, normal
from streams.imports.video_ids import VideoIds, exact_id

STAGE, VERSION = "import", "1"

CATEGORIES: Mapping[str, str] = {
    "1": "Film & Animation",
    "2": "Autos & Vehicles",
    "10": "Music",
    "15": "Pets & Animals",
    "17": "Sports",
    "19": "Travel & Events",
    "20": "Gaming",
    "22": "People & Blogs",
    "23": "Comedy",
    "24": "Entertainment",
    "25": "News & Politics",
    "26": "Howto & Style",
    "27": "Education",
    "28": "Science & Technology",
    "29": "Nonprofits & Activism",
    "43": "Shows",
}
"""YouTube's category numbers, by the names that its pages (and yt-dlp) show."""

COUNTS = ("views", "likes", "comments", "shares", "subscribers")

LONGEST_TITLE_CHARACTERS = 1000
LONGEST_DESCRIPTION_CHARACTERS = 20_000
LONGEST_TRANSCRIPT_CHARACTERS = 500_000
LONGEST_NAME_CHARACTERS = 200
"""Of what a fetch keeps; a transcript of ten hours has 500,000 characters."""

DAY_H = 24


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read a table.

    Attributes
    ----------
    names : mapping
        See `columns.guess`.
    year : int or None
        Of dates that have none.
    observed_at_s : float or None
        When all of it was counted, where the table does not say; seconds since the epoch, UTC.
    """

    names: Names
    ids: VideoIds
    year: int | None = None
    observed_at_s: float | None = None


Cells = Mapping[str, object]


def cell_of(row: Cells, headings: Sequence[str]) -> object:
    """The first of several columns that says something."""
    for heading in headings:
        cell = row.get(heading)
        if not cells.is_missing(cell):
            return cell
    return None


class TableRow:
    """One row, read on demand; every property may raise `BadCell`."""

    def __init__(self, row: Cells, reading: Reading) -> None:
        self._row = row
        self._reading = reading

    def cell(self, name: str) -> object:
        """What the row has in the column that means `name`; None when nothing."""
        headings = self._reading.names.get(name)
        return cell_of(self._row, headings) if headings else None

    def text(self, name: str) -> str:
        """The same as words."""
        return cells.text(self.cell(name))

    @cached_property
    def video_id(self) -> VideoId:
        """Say which video it is about."""
        own = self.cell("id")
        return self._reading.ids.find(
            url=self.text("url"),
            own_id=exact_id(own, cells.text(own)),
            channel=self.text("channel"),
            title=self.title,
        )

    @cached_property
    def title(self) -> str:
        """The title; out of a file's name the speaker's words are taken, wherever they stand."""
        title = self.text("title")
        if all(normal(heading) != FILE_TITLE for heading in self._reading.names.get("title", ())):
            return title
        name = {word.casefold() for word in self.text("channel").split()}
        return " ".join(word for word in title.split() if word.casefold() not in name)

    def described(self) -> MediaFetched | None:
        """Say what a fetch would say of a video that is known by its words only; None without words."""
        metadata, transcript = self._metadata(), self.text("transcript")[:LONGEST_TRANSCRIPT_CHARACTERS]
        if not (metadata.title or metadata.description or metadata.tags or metadata.hashtags or transcript):
            return None
        length_s = cells.read(cells.length_s, self.cell("duration"), "duration")
        duration_s = round(length_s or 0.0, 3)
        sha256 = hashlib.sha256(msgspec.json.encode([metadata, transcript, duration_s])).hexdigest()
        video_id = self.video_id
        return MediaFetched(
            event_id=derive_id(STAGE, VERSION, f"{video_id}/{sha256}"),
            video_id=video_id,
            submission_id=STAGE,
            revision=sha256[:16],
            sha256=sha256,
            duration_s=duration_s,
            url=self.text("url") or None,
            metadata=metadata,
            transcript=transcript,
        )

    def outcome(self) -> OutcomeObserved | None:
        """Say how the video did; None without a count or a score."""
        counts = {name: cells.read(cells.count, self.cell(name), name) for name in COUNTS}
        scores = self._scores()
        if not scores and all(counts[name] is None for name in COUNTS[:-1]):
            return None
        unnamed = OutcomeObserved(
            event_id="",
            video_id=self.video_id,
            observed_at_s=self.observed_at_s,
            age_h=self._age_h(),
            scores=scores,
            **counts,
        )
        content = hashlib.sha256(msgspec.json.encode(unnamed, order="deterministic")).hexdigest()
        return msgspec.structs.replace(unnamed, event_id=derive_id(STAGE, VERSION, content))

    def _metadata(self) -> Metadata:
        title = self.title[:LONGEST_TITLE_CHARACTERS]
        description = self.text("description")[:LONGEST_DESCRIPTION_CHARACTERS]
        category = self.text("category")[:LONGEST_NAME_CHARACTERS]
        return Metadata(
            title=title,
            description=description,
            channel=self.text("channel")[:LONGEST_NAME_CHARACTERS],
            channel_id=self.text("channel_id")[:LONGEST_NAME_CHARACTERS],
            category=CATEGORIES.get(category, category),
            language=self.text("language")[:LONGEST_NAME_CHARACTERS],
            uploaded_at_s=self._uploaded_at_s,
            subscribers=cells.read(cells.count, self.cell("subscribers"), "subscribers"),
            hashtags=cells.words_list(self.cell("hashtags")) or hashtags(f"{title}\n{description}"),
            tags=cells.words_list(self.cell("tags")),
        )

    def _scores(self) -> dict[str, float]:
        names = [name for name in self._reading.names if name.startswith(SCORE)]
        found = {name.removeprefix(SCORE): cells.read(cells.number, self.cell(name), name) for name in names}
        return {name: score for name, score in found.items() if score is not None}

    def _moment(self, name: str) -> float | None:
        return cells.read(lambda cell: cells.moment(cell, self._reading.year), self.cell(name), name)

    @cached_property
    def observed_at_s(self) -> float | None:
        """When it was counted, in seconds since the epoch, UTC."""
        seen_s = self._moment("observed")
        return self._reading.observed_at_s if seen_s is None else seen_s

    @cached_property
    def _age_days(self) -> float | None:
        return cells.read(cells.number, self.cell("age_days"), "age_days")

    @cached_property
    def _uploaded_at_s(self) -> float | None:
        uploaded_s, observed_s = self._moment("uploaded"), self.observed_at_s
        if uploaded_s is None and observed_s is not None and self._age_days is not None:
            return observed_s - self._age_days * DAY_H * HOUR_S
        return uploaded_s

    def _age_h(self) -> int | None:
        """A table's own age counts more than two dates, which may lack the hour."""
        uploaded_s, observed_s = self._uploaded_at_s, self.observed_at_s
        if self._age_days is not None:
            age_h = self._age_days * DAY_H
        elif uploaded_s is not None and observed_s is not None:
            age_h = (observed_s - uploaded_s) / HOUR_S
        else:
            return None
        if age_h < -DAY_H:  # less may come from days without an hour
            raise BadCell("was counted before it was published; are the two dates mixed up? (--map uploaded=...)")
        return max(int(age_h), 0)


def nothing_said() -> BadCell:
    """The error for a row that names a video and says nothing of it."""
    return BadCell("has neither counts nor scores nor words; is a column missing? (--map views=...)")
