"""What a creator can change about a video: each lever reads one number and has a few values to choose from."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.layout import Block, named_numbers, topic_of
from schemas.summaries import Summarised

UNKNOWN = -1
"""The choice of a video that does not tell: nothing is suggested about what nobody saw."""

NO_SUBTITLES = "no subtitles in"
"""How the fetch stage's warning begins that a video has no captions in a wanted language."""

CAPTIONS = "captions"

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Lever:
    """One thing to change.

    Attributes
    ----------
    name : str
        What a suggestion calls it.
    topics : frozenset of str
        Topics (`models.feature_list.Topic.feature`) whose single numbers say the same. What is expected of a
        video must not know them, or the lever's effect would be explained away.
    read : callable
        From named numbers to the lever's own; None when it is not known.
    edges : tuple of float, ascending
        The first value of each choice but the first.
    choices : tuple of str
        Words for each, to follow "those".
    """

    name: str
    topics: frozenset[str]
    read: Callable[[Numbers], float | None]
    edges: tuple[float, ...]
    choices: tuple[str, ...]

    def choice(self, numbers: Numbers) -> int:
        """The number of the choice that the video has made, or `UNKNOWN`."""
        value = self.read(numbers)
        if value is None or math.isnan(value):
            return UNKNOWN
        return int(np.searchsorted(self.edges, value, side="right"))


def _named(name: str) -> Callable[[Numbers], float | None]:
    return lambda numbers: numbers.get(name)


def _length_s(numbers: Numbers) -> float | None:
    log_duration = numbers.get("metadata/log_duration")
    return None if log_duration is None else math.exp(log_duration)


def _first_face_s(numbers: Numbers) -> float | None:
    """Endless where somebody looked for faces and there is none."""
    nobody = math.inf if numbers.get("numbers/faces/face_share") == 0 else None
    return numbers.get("numbers/faces/first_face_after_s", nobody)


def _hashtags(numbers: Numbers) -> float | None:
    """They are read off title and description, so whoever has either and no hashtag has none."""
    written = "metadata/title_words" in numbers or "metadata/description_words" in numbers
    return numbers.get("metadata/hashtags", 0.0 if written else None)


def _hour(numbers: Numbers) -> float | None:
    sine, cosine = numbers.get("metadata/hour_sine"), numbers.get("metadata/hour_cosine")
    if sine is None or cosine is None:
        return None
    minutes = round(math.atan2(sine, cosine) / (2 * math.pi) * 24 * 60)
    return minutes % (24 * 60) / 60


LEVERS: tuple[Lever, ...] = (
    Lever(
        "length",
        frozenset({"length"}),
        _length_s,
        (60.0, 240.0, 600.0, 1200.0),
        (
            "shorter than 1 minute",
            "of 1 to 4 minutes",
            "of 4 to 10 minutes",
            "of 10 to 20 minutes",
            "of 20 minutes or more",
        ),
    ),
    Lever(CAPTIONS, frozenset(), _named(CAPTIONS), (0.5,), ("without captions", "with captions")),
    Lever(
        "first_face",
        frozenset({"faces"}),
        _first_face_s,
        (3.0, 1e6),
        (
            "with a face within 3 s of the start of each part",
            "with a face later than 3 s into each part",
            "without a face",
        ),
    ),
    Lever(
        "music",
        frozenset({"sound_kinds"}),
        _named("numbers/audio/music_share"),
        (0.2, 0.6),
        (
            "with music in less than a fifth of the time",
            "with music in 20 to 60 % of the time",
            "with music most of the time",
        ),
    ),
    Lever(
        "loudness",
        frozenset({"loudness"}),
        _named("numbers/audio/loudness_lufs"),
        (-17.0, -11.0),
        ("quieter than -17 LUFS", "near -14 LUFS", "louder than -11 LUFS"),
    ),
    Lever(
        "brightness",
        frozenset({"look"}),
        _named("numbers/visual/brightness_share"),
        (0.3, 0.5),
        ("with dark pictures", "with pictures of medium brightness", "with bright pictures"),
    ),
    Lever(
        "pace",
        frozenset({"pace"}),
        _named("numbers/visual/cuts_per_minute"),
        (4.0, 12.0, 30.0),
        (
            "with fewer than 4 cuts a minute",
            "with 4 to 12 cuts a minute",
            "with 12 to 30 cuts a minute",
            "with 30 or more cuts a minute",
        ),
    ),
    Lever(
        "title_length",
        frozenset({"title_form"}),
        _named("metadata/title_words"),
        (5.0, 9.0, 13.0),
        (
            "with fewer than 5 words in the title",
            "with 5 to 8 words in the title",
            "with 9 to 12 words in the title",
            "with 13 or more words in the title",
        ),
    ),
    Lever(
        "hashtags",
        frozenset({"tags"}),
        _hashtags,
        (1.0, 4.0, 8.0),
        ("without hashtags", "with 1 to 3 hashtags", "with 4 to 7 hashtags", "with 8 or more hashtags"),
    ),
    Lever(
        "tags",
        frozenset({"tags"}),
        _named("metadata/tags"),
        (10.0, 20.0),
        ("with fewer than 10 tags", "with 10 to 19 tags", "with 20 or more tags"),
    ),
    Lever(
        "hour",
        frozenset({"time"}),
        _hour,
        (6.0, 12.0, 18.0),
        (
            "published from 0 to 6 h UTC",
            "published from 6 to 12 h UTC",
            "published from 12 to 18 h UTC",
            "published from 18 to 24 h UTC",
        ),
    ),
    Lever(
        "weekday",
        frozenset({"time"}),
        _named("metadata/weekend"),
        (0.5,),
        ("published from Monday to Friday", "published at the weekend"),
    ),
)
"""In the order in which a release stores their choices. Edges were set by hand: few choices, each with videos enough."""

SHAPE: tuple[tuple[str, int], ...] = tuple((lever.name, len(lever.choices)) for lever in LEVERS)
"""Names, and how many choices: what a release must agree with."""

_TOPICS = frozenset(topic for lever in LEVERS for topic in lever.topics)


def is_pulled(block: Block) -> bool:
    """Whether a block says what a lever says; pooled vectors and categories are what a video is about.

    >>> is_pulled(Block("metadata/title_words")), is_pulled(Block("video/text", 384))
    (True, False)
    """
    return block.place in ("metadata", "numbers") and topic_of(block).feature in _TOPICS


def choices_of(numbers: Sequence[Numbers]) -> NDArray[np.int8]:
    """Each row's choice for each lever: shape (n, levers)."""
    found = [[lever.choice(row) for lever in LEVERS] for row in numbers]
    return np.array(found, np.int8).reshape(len(numbers), len(LEVERS))


def lever_numbers(summary: Summarised) -> dict[str, float]:
    """Everything about a summary that a lever reads.

    Whether there are captions is known of fetched videos only: a row of a table may have a transcript without any.
    """
    numbers = named_numbers(summary)
    was_fetched = any(name.startswith(("numbers/visual/", "numbers/audio/")) for name in numbers)
    if was_fetched and any(warning.startswith(NO_SUBTITLES) for warning in summary.warnings):
        numbers[CAPTIONS] = 0.0
    elif was_fetched and numbers.get("numbers/words"):
        numbers[CAPTIONS] = 1.0
    return numbers
