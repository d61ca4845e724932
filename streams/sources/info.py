"""Reads what yt-dlp found out about a video."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from models.hashtags import hashtags
from models.languages import speaks
from schemas.media import Metadata, SubtitleKind

Info = Mapping[str, Any]  # Any: yt-dlp's info dict promises no types

SUBTITLE_FORMATS = ("vtt", "srt", "ass", "ttml")
"""Formats that the segment stage reads, best first."""

TRACKS_PER_LANGUAGE = 4
"""Manual tracks kept of one language: more are regional copies."""

LONGEST_TITLE_CHARACTERS = 1000
LONGEST_DESCRIPTION_CHARACTERS = 20_000
MOST_TAGS = 200


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A subtitle track to download: yt-dlp's own entry, its language and its kind."""

    language: str
    kind: SubtitleKind
    entry: dict[str, Any]  # Any: as Info


def metadata(info: Info) -> Metadata:
    """Map an info dict to our schema; what the source did not say stays None.

    Source: yt-dlp, docstring of ``extractor.common.InfoExtractor``.
    """
    title = _title(info)[:LONGEST_TITLE_CHARACTERS]
    description = _text(info.get("description"))[:LONGEST_DESCRIPTION_CHARACTERS]
    return Metadata(
        title=title,
        description=description,
        channel=_text(info.get("channel")) or _text(info.get("uploader")),
        channel_id=_text(info.get("channel_id")) or _text(info.get("uploader_id")),
        category=next(iter(_texts(info.get("categories"))), ""),
        language=_text(info.get("language")),
        uploaded_at_s=_uploaded_at_s(info),
        views=_count(info.get("view_count")),
        likes=_count(info.get("like_count")),
        comments=_count(info.get("comment_count")),
        subscribers=_count(info.get("channel_follower_count")),
        hashtags=hashtags(f"{title}\n{description}"),
        tags=tuple(_texts(info.get("tags")))[:MOST_TAGS],
    )


def tracks(info: Info, languages: Sequence[str]) -> list[Track]:
    """Choose the subtitle tracks of the wanted languages: all manual ones, and the best automatic one.

    Automatic tracks of other origin are machine translations of the same words, so one is enough.
    """
    chosen: list[Track] = []
    for language in languages:
        manual = _usable(info.get("subtitles"), language, "manual")
        automatic = sorted(_usable(info.get("automatic_captions"), language, "automatic"), key=_translated)
        chosen += [*manual[:TRACKS_PER_LANGUAGE], *automatic[:1]]
    return list({(track.kind, track.language): track for track in chosen}.values())


def duration_s(info: Info) -> float | None:
    """Length as announced, if it was."""
    value = info.get("duration")
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _usable(found: object, language: str, kind: SubtitleKind) -> list[Track]:
    by_tag = found if isinstance(found, dict) else {}
    return [
        Track(language=tag, kind=kind, entry=entry)
        for tag, entries in by_tag.items()
        if speaks(tag, language) and (entry := _best(entries)) is not None
    ]


def _best(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:  # Any: as Info
    readable = [entry for entry in entries if entry.get("ext") in SUBTITLE_FORMATS]
    return min(readable, key=lambda entry: SUBTITLE_FORMATS.index(entry["ext"]), default=None)


def _translated(track: Track) -> tuple[bool, int]:
    # YouTube marks the language that was spoken with "-orig".
    return not track.language.endswith("-orig"), len(track.language)


def _title(info: Info) -> str:
    title = _text(info.get("title"))
    # The generic extractor numbers the videos of a page even if there is only one.
    return title.removesuffix(" (1)") if info.get("extractor") == "html5" else title


def _uploaded_at_s(info: Info) -> float | None:
    for name in ("timestamp", "release_timestamp"):
        if isinstance(info.get(name), (int, float)):
            return float(info[name])
    day = _text(info.get("upload_date"))
    try:
        return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _text(value: object) -> str:
    # Lone surrogates come out of broken JSON escapes and cannot be written as UTF-8.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _texts(values: object) -> Iterator[str]:
    return (text for value in values if (text := _text(value))) if isinstance(values, (list, tuple)) else iter(())


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        return None
    return int(value)
