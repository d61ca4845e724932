"""Tables of videos that people have: CSV, TSV, gzipped or not, with whatever names their columns bear."""

import csv
import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from schemas.errors import TrainingImpossible
from schemas.event import VideoId
from schemas.media import Metadata
from streams.imports.rows import CATEGORIES

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("video_id", "id", "videoid"),
    "title": ("title", "video_title", "name"),
    "description": ("description", "desc", "caption", "text"),
    "tags": ("tags", "keywords", "hashtags"),
    "channel": ("channel_title", "channel", "channel_name", "author", "author_name", "username", "uploader"),
    "category": ("category", "category_name", "category_id"),
    "views": ("views", "view_count", "viewcount", "plays", "play_count", "playcount"),
    "likes": ("likes", "like_count", "likecount", "digg_count"),
    "comments": ("comment_total", "comments", "comment_count", "commentcount"),
    "uploaded": ("uploaded_at", "publish_time", "published_at", "upload_date", "create_time"),
    "duration_s": ("duration_s", "duration", "length_s", "video_duration_sec"),
}
"""Names each column may bear, the first that is there counts; compared without case, spaces as ``_``."""

MAX_FIELD_CHARACTERS = 10**7

_SPLIT_TAGS = re.compile(r"[|,;]")


@dataclass(frozen=True, kw_only=True)
class VideoRow:
    """One video of a table: what was known before publication, and how it did."""

    video_id: VideoId
    metadata: Metadata
    group: str
    duration_s: float = 0.0


def read_table(path: Path) -> list[VideoRow]:
    """Read a table, one row a video.

    A video that has many lines (one a day, say) keeps the words of its first line and the largest of
    its counts, which only grow. Lines are of one video when channel and title agree, because
    spreadsheets spoil ids (``#NAME?``); without both, when the id agrees.

    Raises
    ------
    TrainingImpossible
        The file cannot be read, or has no column for titles.
    """
    videos: dict[str, VideoRow] = {}
    for number, line in enumerate(_lines(path), 1):
        row = _row(line, number)
        videos[row.video_id] = _merged(videos.get(row.video_id, row), row)
    return list(videos.values())


def _lines(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        with _open(path) as file:
            separator = "\t" if ".tsv" in path.suffixes else ","
            reader = csv.DictReader(file, delimiter=separator)
            names = _names(reader.fieldnames or (), path)
            for line in reader:
                yield {ours: (line[theirs] or "").strip() for ours, theirs in names.items()}
    except (OSError, EOFError, csv.Error, UnicodeDecodeError) as error:
        raise TrainingImpossible(f"{path} cannot be read as a table: {error}") from error


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _names(headings: Iterable[str], path: Path) -> dict[str, str]:
    """Match our names to the table's headings."""
    theirs = {heading.strip().lower().replace(" ", "_"): heading for heading in headings}
    found = {ours: next((theirs[n] for n in names if n in theirs), "") for ours, names in COLUMNS.items()}
    if not found["title"]:
        raise TrainingImpossible(
            f"{path} has no column for titles; expected one of {', '.join(COLUMNS['title'])}, got {', '.join(theirs)}"
        )
    return {ours: heading for ours, heading in found.items() if heading}


def _row(line: dict[str, str], number: int) -> VideoRow:
    channel, title = line.get("channel", ""), line.get("title", "")
    key = f"{channel}\x1f{title}" if channel and title else line.get("id") or f"line {number}"
    metadata = Metadata(
        title=title,
        description=line.get("description", ""),
        channel=channel,
        category=CATEGORIES.get(line.get("category", ""), line.get("category", "")),
        uploaded_at_s=_seconds(line.get("uploaded", "")),
        views=_count(line.get("views", "")),
        likes=_count(line.get("likes", "")),
        comments=_count(line.get("comments", "")),
        tags=_tags(line.get("tags", "")),
    )
    return VideoRow(
        video_id=f"row:{hashlib.sha256(key.encode()).hexdigest()[:32]}",
        metadata=metadata,
        group=channel or f"line {number}",
        duration_s=_number(line.get("duration_s", "")) or 0.0,
    )


def _merged(first: VideoRow, later: VideoRow) -> VideoRow:
    fields = {name: getattr(first.metadata, name) for name in first.metadata.__struct_fields__}
    for name in ("views", "likes", "comments"):
        counts = [getattr(row.metadata, name) for row in (first, later)]
        fields[name] = max((count for count in counts if count is not None), default=None)
    return VideoRow(
        video_id=first.video_id, metadata=Metadata(**fields), group=first.group, duration_s=first.duration_s
    )


def _tags(text: str) -> tuple[str, ...]:
    if text.lower() in ("", "[none]", "none", "nan"):
        return ()
    return tuple(tag for part in _SPLIT_TAGS.split(text) if (tag := part.strip().strip('"#')))


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return None
    return number if number - number == 0 else None  # neither NaN nor infinite


def _count(text: str) -> int | None:
    number = _number(text)
    return None if number is None or number < 0 else int(number)


def _seconds(text: str) -> float | None:
    """Read a date in ISO form, or seconds since the epoch; anything else is not known."""
    number = _number(text)
    if number is not None:
        return number if number > 10**8 else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
