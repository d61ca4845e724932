"""Which column of a table says what: guessed from its names and first rows, and open to correction."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from schemas.errors import UsageError

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "url": ("url", "video_url", "link", "video_link", "webpage_url", "permalink"),
    "id": ("video_id", "videoid", "yt_id", "youtube_id", "post_id", "id", "slug"),
    "title": ("title", "video_title", "name", "title_file"),
    "description": ("description", "video_description", "desc", "caption", "text"),
    "transcript": ("transcript", "video_transcription_text", "transcription", "subtitles", "words"),
    "tags": ("tags", "video_tags", "keywords"),
    "hashtags": ("hashtags", "hash_tags"),
    "channel": ("channel_title", "channel", "channel_name", "author", "author_name", "username", "uploader", "speaker"),
    "channel_id": ("channel_id", "author_id"),
    "category": ("category", "category_name", "category_id"),
    "language": ("default_audio_language", "default_language", "language"),
    "views": ("views", "view_count", "video_view_count", "plays", "play_count"),
    "likes": ("likes", "like_count", "video_like_count", "digg_count"),
    "comments": ("comment_total", "comments", "comment_count", "video_comment_count"),
    "shares": ("shares", "share_count", "video_share_count"),
    "subscribers": ("subscribers", "subscriber_count", "channel_subscribers", "followers", "channel_follower_count"),
    "uploaded": (
        "uploaded_at", "published_at", "publish_time", "publish_date", "publishedat", "upload_date", "create_time",
        "posted_time",
    ),
    "observed": ("observed_at", "fetch_time", "fetched_at", "trending_date", "scraped_at", "collected_at"),
    "age_days": ("age_days", "days_since_upload", "days_since_publication"),
    "duration": ("duration_s", "duration", "length_s", "video_duration_sec", "video_duration"),
}  # fmt: skip
"""What a row can say of a video, and names that columns bear for it. Several may be there: the first that is
filled counts, because tables that were put together have one half in each."""

LABEL_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "labels": ("labels", "classes", "tags"),
    "label": ("label", "class", "class_name"),
    "value": ("value", "judgement", "answer", "is_class"),
    "scope": ("scope", "segment", "segment_index"),
    "by": ("by", "labelled_by", "annotator", "worker_id", "user"),
    "given": ("given_at", "labelled_at", "timestamp"),
}
"""The same for tables of labels, beside what says which video it is."""

DATE = "date"
"""Publication or counting? Trending tables write the day of counting, and without a year."""

SCORE = "score."
"""A column that maps to ``score.NAME`` is a figure that somebody worked out."""

FILE_TITLE = "title_file"
"""A title that was made from a file's name; it bears the speaker's name somewhere, which no live title does."""

_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SCORE = re.compile(r"(virality|engagement)_score(?:_percent)?|(performance)")
_YEAR = re.compile(r"(19|20)\d\d")

Names = dict[str, tuple[str, ...]]
"""Our name -> the table's headings, the preferred one first."""


def normal(heading: str) -> str:
    """Compare headings without capitals, humps and signs.

    >>> normal("Video URL"), normal("channelTitle"), normal("virality_score_%")
    ('video_url', 'channel_title', 'virality_score_percent')
    """
    return _NOT_A_NAME.sub("_", _HUMP.sub("_", heading.replace("%", "percent")).lower()).strip("_")


def guess(
    headings: Iterable[str], first: Sequence[Mapping[str, object]], known: Mapping[str, tuple[str, ...]] = COLUMNS
) -> Names:
    """Say which headings mean what.

    Parameters
    ----------
    headings : iterable of str
        As the table spells them.
    first : sequence of mapping
        Some rows; they tell what a column called ``date`` holds.
    """
    by_name: dict[str, list[str]] = {}
    for heading in headings:
        by_name.setdefault(normal(heading), []).append(heading)
    found = {ours: tuple(h for name in names for h in by_name.get(name, ())) for ours, names in known.items()}
    if DATE in by_name and "uploaded" in known:
        ours = _meaning_of_date(by_name[DATE][0], first, found)
        found[ours] = (*found[ours], by_name[DATE][0])
    if "views" in known:
        found |= {f"{SCORE}{score}": tuple(h) for name, h in by_name.items() if (score := _score(name))}
    return {ours: names for ours, names in found.items() if names}


def overridden(mapping: Names, wishes: Iterable[str], headings: Sequence[str], known: Iterable[str]) -> Names:
    """Put a person's wishes (``views=plays,views``; ``date=`` for none) over what was guessed.

    Raises
    ------
    UsageError
        A wish that is none, or names what is not there.
    """
    changed = dict(mapping)
    for wish in wishes:
        ours, sign, theirs = wish.partition("=")
        names = tuple(name.strip() for name in theirs.split(",") if name.strip())
        if not sign or not (ours in known or re.fullmatch(r"score\.[a-z][a-z0-9_]{0,63}", ours)):
            raise UsageError(f"--map {wish}: expected NAME=COLUMN with NAME one of {', '.join(known)}, score.ANYTHING")
        for name in names:
            if name not in headings:
                near = get_close_matches(name, headings, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise UsageError(f"--map {wish}: the table has no column {name!r}{hint}; it has {', '.join(headings)}")
        taken = {n: tuple(h for h in hs if h not in names) for n, hs in changed.items()}
        changed = {n: hs for n, hs in taken.items() if hs and n != ours} | ({ours: names} if names else {})
    return changed


def _meaning_of_date(heading: str, first: Sequence[Mapping[str, object]], found: Names) -> str:
    cells = [str(row.get(heading) or "") for row in first]
    has_years = all(_YEAR.search(cell) for cell in cells if cell)
    return "uploaded" if has_years and not found["uploaded"] else "observed"


def _score(name: str) -> str:
    match = _SCORE.fullmatch(name)
    return (match[1] or match[2]) if match else ""
