"""The tables that prediction quality is measured on, as rows of what was known before publication."""

import ast
import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.media import Metadata
from streams.imports.rows import CATEGORIES

Floats = NDArray[np.float64]

NEIGHBOURS = 300
"""Views are compared with those of so many videos of about the same age."""

LAST_SEEN_S = datetime(2017, 9, 22, tzinfo=UTC).timestamp()
"""When TED's counts were taken: the day the table's newest talk came out."""

TIKTOK_SEEN_S = datetime(2025, 5, 25, 12, tzinfo=UTC).timestamp()
"""When TikTok's counts were taken, by the five rows that say so."""

_DAY_S = 86_400.0
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Example:
    """One video: what it says of itself, what is said in it, who made it."""

    metadata: Metadata
    group: str
    spoken: str = ""
    duration_s: float = 0.0
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Examples, and the truth about each: shape (n,).

    Attributes
    ----------
    embeds_speech : bool
        Whether what is said becomes a vector too; its words are counted in any case. For a talk of a quarter of
        an hour the vector of its first minute made the ridge worse (R2 .275 instead of .292).
    """

    examples: Sequence[Example]
    truth: Floats
    embeds_speech: bool = True

    @property
    def groups(self) -> NDArray[np.int64]:
        """Each example's maker as a number from 0."""
        return np.unique([example.group for example in self.examples], return_inverse=True)[1].astype(np.int64)


def us_views(folder: Path) -> Subject:
    """Log10 of the views of trending videos."""
    examples, views, _ = _us(folder)
    return Subject(examples=examples, truth=np.log10(np.maximum(views, 1.0)))


def us_engagement(folder: Path) -> Subject:
    """Log10 of likes a view of trending videos."""
    examples, views, likes = _us(folder)
    return Subject(examples=examples, truth=np.log10((likes + 1) / (views + 100)))


def _us(folder: Path) -> tuple[list[Example], Floats, Floats]:
    """Each video as on the first day it trended; ids that a spreadsheet spoilt are known by channel and title."""
    first: dict[str, dict[str, str]] = {}
    for row in read_rows(folder / "youtube_us_2017" / "us_videos.csv.gz"):
        spoilt = row["video_id"].startswith("#")
        first.setdefault(row["channel_title"] + row["title"] if spoilt else row["video_id"], row)
    rows = list(first.values())
    examples = [Example(metadata=_without_channel(_us_metadata(row)), group=row["channel_title"]) for row in rows]
    views, likes = (np.array([float(row[name]) for row in rows]) for name in ("views", "likes"))
    return examples, views, likes


def _us_metadata(row: dict[str, str]) -> Metadata:
    tags = () if row["tags"] == "[none]" else tuple(row["tags"].split("|"))
    category = CATEGORIES.get(row["category_id"], row["category_id"])
    return Metadata(title=row["title"], tags=tags, category=category, channel=row["channel_title"])


def _without_channel(metadata: Metadata) -> Metadata:
    """Take the channel's name out, also where it is written together."""
    name = metadata.channel.strip()
    if len(name) < 3:
        return metadata
    found = re.compile("|".join(re.escape(form) for form in (name, name.replace(" ", ""))), re.IGNORECASE)
    tags = (found.sub(" ", tag).strip() for tag in metadata.tags)
    return Metadata(
        title=found.sub(" ", metadata.title), tags=tuple(tag for tag in tags if tag), category=metadata.category
    )


def tiktok_plays(folder: Path) -> Subject:
    """Log10 of plays; the age when they were counted is among the features, and what it explains is not foresight."""
    rows, plays, age_s = _tiktok(folder)
    return Subject(examples=_aged_tiktoks(rows, age_s), truth=plays)


def tiktok_given_age(folder: Path) -> Subject:
    """Log10 of plays beside those of videos of the same age; what the mean of many leaves of age is a feature."""
    rows, plays, age_s = _tiktok(folder)
    examples = _aged_tiktoks(rows, age_s)
    makers = np.array([example.group for example in examples])
    return Subject(examples=examples, truth=plays - expected_at(np.log(age_s), plays, makers))


def _aged_tiktoks(rows: Sequence[dict[str, str]], age_s: Floats) -> list[Example]:
    return [_tiktok_example(row, log_age=float(np.log(age))) for row, age in zip(rows, age_s, strict=True)]


def _tiktok(folder: Path) -> tuple[list[dict[str, str]], Floats, Floats]:
    """Rows without repeats; plays and views are one thing under two names."""
    unique = {row["video_id"]: row for row in read_rows(folder / "tiktok" / "tiktok.csv.gz")}
    rows = [row for row in unique.values() if _moment_s(row["create_time"] or row["posted_time"])]
    plays = np.array([float(row["plays"] or row["views"]) for row in rows])
    made_s = np.array([_moment_s(row["create_time"] or row["posted_time"]) for row in rows])
    return rows, np.log10(np.maximum(plays, 1.0)), np.maximum(TIKTOK_SEEN_S - made_s, 3600.0)


def _tiktok_example(row: dict[str, str], *, log_age: float) -> Example:
    tags = tuple(tag for part in row["hashtags"].split(",") if (tag := part.strip()))
    own = {
        "log_age": log_age,
        "original_sound": float("origin" in row["music"].lower()),
        "music_characters": float(len(row["music"])),
    }
    metadata = Metadata(
        description=row["description"],
        tags=(row["music"], *tags),
        hashtags=tags,
        uploaded_at_s=_moment_s(row["create_time"] or row["posted_time"]),
    )
    return Example(metadata=metadata, group=row["author"].lstrip("@"), numbers=own)


def ted_given_age(folder: Path) -> Subject:
    """Log10 of views beside those of talks of the same age.

    Titles are file names, and where the speaker's name stands in them tells the outcome, so its words go. The mean of
    many talks is coarse, above all for the newest, so age is a feature as well; alone it explains .012 of R2.
    """
    rows = list(read_rows(folder / "ted" / "talks.csv.gz"))
    made_s = np.array([_moment_s(row["date"]) for row in rows])
    age = np.log((np.maximum(LAST_SEEN_S - made_s, _DAY_S)) / _DAY_S)
    views = np.log10([float(row["views"]) for row in rows])
    makers = np.array([row["speaker"] for row in rows])
    truth = views - expected_at(age, views, makers)
    examples = [_talk(row, log_age=float(own)) for row, own in zip(rows, age, strict=True)]
    return Subject(examples=examples, truth=truth, embeds_speech=False)


def _talk(row: dict[str, str], *, log_age: float) -> Example:
    names = {word.lower() for word in _WORD.findall(row["speaker"])}
    title = " ".join(word for word in row["title_file"].split() if not names & {*_WORD.findall(word.lower())})
    minutes = float(row["duration"]) / 60
    spoken = _without_words(row["transcript"], names)
    metadata = Metadata(title=title, tags=tuple(ast.literal_eval(row["tags"])))
    return Example(
        metadata=metadata,
        group=row["speaker"],
        spoken=spoken,
        duration_s=float(row["duration"]),
        numbers=speech_numbers(row["transcript"], minutes) | {"log_age": log_age},
    )


def _without_words(text: str, words: set[str]) -> str:
    return _WORD.sub(lambda found: "" if found[0].lower() in words else found[0], text)


def speech_numbers(text: str, minutes: float = 0.0) -> dict[str, float]:
    """Count words, and how fast, how varied and how applauded they are, and how they are written down."""
    words = [word.lower() for word in _WORD.findall(text)]
    count = max(len(words), 1)
    lowered = text.lower()
    numbers = {
        "words": float(len(words)),
        "log_words": float(np.log1p(len(words))),
        "word_characters": sum(map(len, words)) / count,
        "varied_words": len(set(words)) / count,
        "you_said": sum(word in ("you", "your") for word in words) / count * 100,
        "i_said": sum(word in ("i", "me", "my") for word in words) / count * 100,
        "capitals": sum(map(str.isupper, text)) / max(len(text), 1) * 100,
        "ascii": sum(map(str.isascii, text)) / max(len(text), 1),
    }
    numbers |= {name: lowered.count(mark) / count * 100 for name, mark in _MARKS.items()}
    return numbers | ({"words_per_minute": len(words) / minutes} if minutes else {})


_MARKS = {
    "laughter": "laughter",
    "applause": "applause",
    "music": "[music]",
    "brackets": "[",
    "questions_said": "?",
    "exclamations_said": "!",
    "commas": ",",
    "stops": ".",
    "speaker_changes": ">>",
    "bleeps": "__",
    "line_ends": "  ",
    "digits": "0",
    "uh": " uh ",
    "like": " like ",
    "know": " know ",
    "bro": " bro ",
    "guys": " guys ",
}
"""What is counted a hundred words."""


@dataclass(frozen=True, kw_only=True)
class ViraNova:
    """The published training and validation rows, in the order of their row numbers.

    Attributes
    ----------
    engagement : array, shape (n,)
        The other score, on a scale of 0 to 1: published errors are the mean over both.
    """

    subject: Subject
    engagement: Floats
    rows: NDArray[np.int64]
    validation: NDArray[np.bool_]


def viranova(folder: Path) -> ViraNova:
    """Virality on a scale of 0 to 1; neighbouring row numbers are of one maker, so splits must keep them together."""
    parts = [list(read_rows(folder / "viranova" / f"{name}_set.csv")) for name in ("train", "validation")]
    lines = [(int(row["Unnamed: 0"]), row, bool(part)) for part, rows in enumerate(parts) for row in rows]
    lines.sort(key=lambda line: line[0])
    examples = [
        Example(
            metadata=Metadata(), group=str(number), spoken=row["transcript"], numbers=speech_numbers(row["transcript"])
        )
        for number, row, _ in lines
    ]
    truth = np.array([float(row["virality_score_%"]) / 100 for _, row, _ in lines])
    return ViraNova(
        subject=Subject(examples=examples, truth=truth),
        engagement=np.array([float(row["engagement_score_%"]) / 100 for _, row, _ in lines]),
        rows=np.array([number for number, _, _ in lines]),
        validation=np.array([held for _, _, held in lines]),
    )


def expected_at(age: Floats, outcome: Floats, makers: NDArray[np.str_]) -> Floats:
    """Mean outcome of the nearest in age, those of the same maker left out: shape (n,)."""
    expected = np.empty(len(age))
    for place in range(len(age)):
        distance = np.where(makers == makers[place], np.inf, np.abs(age - age[place]))
        expected[place] = outcome[np.argpartition(distance, NEIGHBOURS)[:NEIGHBOURS]].mean()
    return expected


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a CSV table, gzipped or not."""
    csv.field_size_limit(10**7)
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)


def _moment_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else 0.0
