"""What the words around a video look like, in numbers; only what is known before publication."""

import math
import re
from datetime import UTC, datetime

from schemas.media import Metadata

_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
_WORD = re.compile(r"\w+(?:'\w+)?")
_YOU = frozenset({"you", "your", "yours", "you're", "you'll"})
_I = frozenset({"i", "me", "my", "mine", "i'm", "we", "our", "us"})
_DAY_H, _WEEK_D = 24, 7

LATEST_S = 2.5e11
"""The end of the calendar (year 9892); a date beyond it, or before 1970, is not known."""


def metadata_numbers(metadata: Metadata, duration_s: float | None) -> dict[str, float]:
    """Describe title, description, tags, length and time of publication.

    What the source did not say has no entry: a missing number is never a zero.

    Parameters
    ----------
    duration_s : float or None
        Length in seconds, if known.

    >>> metadata_numbers(Metadata(title="WHY you?"), None)["title_questions"]
    1.0
    """
    numbers = _of_title(metadata.title) if metadata.title else {}
    if metadata.description:
        numbers |= _of_description(metadata.description)
    if metadata.tags:
        numbers["tags"] = float(len(metadata.tags))
        numbers["tags_log_characters"] = math.log1p(sum(map(len, metadata.tags)))
    if metadata.hashtags:
        numbers["hashtags"] = float(len(metadata.hashtags))
    if metadata.uploaded_at_s is not None and 0 < metadata.uploaded_at_s < LATEST_S:
        numbers |= _of_time(metadata.uploaded_at_s)
    if duration_s and duration_s > 0:
        numbers["log_duration"] = math.log(duration_s)
    return numbers


def _of_title(title: str) -> dict[str, float]:
    words = _WORD.findall(title)
    lowered = [word.lower() for word in words]
    letters = sum(map(str.isalpha, title))
    return {
        "title_characters": float(len(title)),
        "title_words": float(len(words)),
        "title_capitals": sum(map(str.isupper, title)) / max(letters, 1),
        "title_shouted_words": float(sum(len(word) > 1 and word.isupper() for word in words)),
        "title_digits": float(sum(map(str.isdigit, title))),
        "title_questions": float(title.count("?")),
        "title_exclamations": float(title.count("!")),
        "title_separators": float(sum(map(title.count, "|:-("))),
        "title_quotes": float(title.count('"') + title.count("\u201c")),
        "title_emoji": float(len(_EMOJI.findall(title))),
        "title_you": float(sum(word in _YOU for word in lowered)),
        "title_i": float(sum(word in _I for word in lowered)),
    }


def _of_description(description: str) -> dict[str, float]:
    lowered = [word.lower() for word in _WORD.findall(description)]
    letters = sum(map(str.isalpha, description))
    return {
        "description_log_characters": math.log1p(len(description)),
        "description_links": float(description.count("http")),
        "description_words": float(len(lowered)),
        "description_capitals": sum(map(str.isupper, description)) / max(letters, 1),
        "description_digits": float(sum(map(str.isdigit, description))),
        "description_questions": float(description.count("?")),
        "description_exclamations": float(description.count("!")),
        "description_emoji": float(len(_EMOJI.findall(description))),
        "description_hashtags": float(description.count("#")),
        "description_mentions": float(description.count("@")),
        "description_ascii": sum(map(str.isascii, description)) / len(description),
        "description_you": float(sum(word in _YOU for word in lowered)),
        "description_i": float(sum(word in _I for word in lowered)),
    }


def _of_time(uploaded_at_s: float) -> dict[str, float]:
    moment = datetime.fromtimestamp(uploaded_at_s, UTC)
    hour = 2 * math.pi * (moment.hour + moment.minute / 60) / _DAY_H
    weekday = 2 * math.pi * moment.weekday() / _WEEK_D
    return {
        "hour_sine": math.sin(hour),
        "hour_cosine": math.cos(hour),
        "weekday_sine": math.sin(weekday),
        "weekday_cosine": math.cos(weekday),
        "weekend": float(moment.weekday() >= 5),
    }
