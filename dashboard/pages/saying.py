"""What the system's words and numbers mean, for people who have never heard of them."""

import re
from collections.abc import Mapping

from dashboard.pages.wording import figure, percent, signed, words

STAGES: Mapping[str, str] = {
    "fetch": "Fetch",
    "segment": "Cut",
    "text": "Words",
    "visual": "Pictures",
    "audio": "Sounds",
    "faces": "Faces",
    "identity": "People",
    "assemble": "Combine",
    "influence": "Influence",
    "score": "Predict",
    "scoreboard": "Check",
}
"""What a stage does, in a word; its own name stands in its title."""

TARGETS: Mapping[str, str] = {
    "virality": "How far a video will spread beyond those who follow its channel anyway.",
    "engagement": "How many of those who watch will like or comment.",
    "final_views": "How many views a video will have after four months, told from its first days.",
    "hashtags": "Which hashtags fit a video.",
    "scenes": "Which kinds of scenes are in a video, and when.",
    "viral_probability": "The chance that a video ends up among the best fifth of those like it.",
}
"""What is foretold, in a sentence; the exact definition is in the target's description."""

LANGUAGES: Mapping[str, str] = {
    "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian", "ja": "Japanese",
    "nl": "Dutch", "pt": "Portuguese", "zh": "Chinese", "eng": "English", "fra": "French", "deu": "German", "ger": "German",
    "spa": "Spanish",
}  # fmt: skip

PARTS: Mapping[str, str] = {
    "metadata": "title, description, channel and length",
    "text": "words",
    "visual": "pictures",
    "audio": "sounds",
    "faces": "faces",
    "identity": "people",
    "influence": "how known the people and the channel are",
    "outcomes": "how it did at first",
}
"""What predictions rest on, by the last part of its name."""

_SUBTITLES = re.compile(r"subtitles in ([a-zA-Z, -]+);")
PERCENTILE, CHANCE = "percentile", "chance"
SHARES = frozenset({"accuracy", "auc", "coverage", "ece", "precision", "recall", "share"})
BASE_RATE = "base_rate"
MINUTE_S, SHORT_S = 60, 10


def stage(name: str) -> str:
    """Say what a stage does.

    >>> stage("assemble"), stage("my_own")
    ('Combine', 'My own')
    """
    return STAGES.get(name) or words(name).capitalize()


def part(name: str) -> str:
    """Say what a prediction rests on.

    >>> part("segments/faces"), part("video/text"), part("metadata")
    ('faces, piece by piece', 'words', 'title, description, channel and length')
    """
    where, slash, what = name.partition("/")
    told_of = what if slash else where
    return PARTS.get(told_of, words(told_of)) + (", piece by piece" if where == "segments" else "")


def sentence(text: str) -> str:
    """Begin with a capital letter.

    >>> sentence("taught on YouTube"), sentence("")
    ('Taught on YouTube', '')
    """
    return text[:1].upper() + text[1:]


def warning(text: str) -> str:
    """Say a warning with the names of languages, not their codes.

    >>> warning("no subtitles in en; words will be missing")
    'No subtitles in English; words will be missing'
    """
    return sentence(_SUBTITLES.sub(lambda found: f"subtitles in {_languages(found[1])};", text))


def target(name: str, description: str) -> str:
    """Say in a sentence what is foretold; of a target of one's own the first sentence about it.

    >>> target("mine", "Whether a cat is there. Counted by hand.")
    'Whether a cat is there.'
    """
    first, dot, _ = " ".join(description.split()).partition(". ")
    return TARGETS.get(name) or first + dot.strip()


def language(code: str) -> str:
    """Name a language.

    >>> language("en-GB"), language("xx")
    ('English', 'xx')
    """
    return LANGUAGES.get(code.partition("-")[0].lower(), code)


def ordinal(value: float) -> str:
    """Write a place in an order.

    >>> ordinal(38.3), ordinal(61.0), ordinal(112), ordinal(1.6)
    ('38th', '61st', '112th', '2nd')
    """
    whole = round(value)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"


def worth(value: float | None, unit: str) -> str:
    """Write a value as its unit wants it, without the unit.

    >>> worth(38.3, "percentile of views"), worth(0.24, "chance, 0 to 1"), worth(4.1, "log10 of views")
    ('38th', '24%', '4.10')
    """
    if value is None:
        return figure(None)
    if unit.startswith(PERCENTILE):
        return ordinal(value)
    return percent(value) if unit.startswith(CHANCE) else figure(value)


def amount(value: float | None, unit: str) -> str:
    """Write a value beside others of its unit, as on a scale.

    >>> amount(38.3, "percentile of views"), amount(0.24, "chance, 0 to 1")
    ('38.3', '24%')
    """
    return percent(value) if unit.startswith(CHANCE) else figure(value)


def moved(difference: float, unit: str) -> str:
    """Write by how much something moves a value, counted as `step_word` says.

    >>> moved(1.5, "percentile of views"), moved(0.024, "chance, 0 to 1")
    ('+1.50', '+2.40')
    """
    return signed(100 * difference if unit.startswith(CHANCE) else difference)


def is_share(name: str) -> bool:
    """Tell by the name of a figure whether it is a share, from 0 to 1.

    >>> [is_share(name) for name in ("speech_share", "scenes/ece", "base_rate", "shares", "words_per_minute")]
    [True, True, True, False, False]
    """
    last = name.rpartition("/")[2]
    return last == BASE_RATE or not SHARES.isdisjoint(last.split("_"))


def measured(value: float | None, name: str) -> str:
    """Write a figure as its name wants it.

    >>> measured(0.912, "coverage_90"), measured(0.912, "mae")
    ('91.2%', '0.91')
    """
    return percent(value, 1) if is_share(name) else figure(value)


def unit_word(unit: str) -> str:
    """What follows a value in a sentence.

    >>> unit_word("percentile of views"), unit_word("chance, 0 to 1"), unit_word("viral score, 0 to 100")
    ('percentile of views', '', 'viral score, 0 to 100')
    """
    return "" if unit.startswith(CHANCE) else unit


def step_word(unit: str) -> str:
    """In what a difference of two values is counted.

    >>> step_word("percentile of views"), step_word("likes and comments in 100 views")
    ('points', 'likes and comments in 100 views')
    """
    return "points" if unit.startswith(PERCENTILE) or ", 0 to" in unit else unit


def told(value: float | None, unit: str) -> str:
    """Write a value so that it can be read alone, in a list.

    >>> told(38.3, "percentile of views"), told(3.2, "likes and comments in 100 views")
    ('38th percentile', '3.20')
    """
    ending = f" {PERCENTILE}" if unit.startswith(PERCENTILE) and value is not None else ""
    return worth(value, unit) + ending


def lasting(seconds: float) -> str:
    """Say how long something was, the short exactly.

    >>> lasting(0.7), lasting(12.4), lasting(125)
    ('0.7 s', '12 s', '2 min 5 s')
    """
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s" if 0 < seconds < SHORT_S else f"{int(seconds)} s"
    return f"{int(seconds // MINUTE_S)} min {int(seconds % MINUTE_S)} s"


def _languages(codes: str) -> str:
    return ", ".join(language(code) for code in codes.split(", "))


def meaning(value: float, unit: str) -> str:
    """Say what a prediction is in a sentence; empty where the number says it all.

    >>> meaning(38.3, "percentile of views")
    'Likely to be watched more than 38 of 100 videos like those it learned from.'
    """
    if unit.startswith(PERCENTILE):
        return f"Likely to be watched more than {round(value)} of 100 videos like those it learned from."
    if unit.startswith("viral score"):
        return "0 means that only those who follow the channel watch it, 100 that it goes around the world."
    if unit == "likes and comments in 100 views":
        return f"Of 100 who watch, about {figure(value)} like or comment."
    return ""


def beside(value: float, constant: float, unit: str) -> str:
    """Hold a prediction against what would be said of any video.

    >>> beside(38.3, 50.0, "percentile of views")
    '11.7 points below the constant, 50th: what it says of a video of which it knows nothing.'
    """
    explained = f"the constant, {worth(constant, unit)}: what it says of a video of which it knows nothing."
    apart = abs(value - constant)
    if worth(value, unit) == worth(constant, unit):
        return f"The same as {explained}"
    counted = f"{figure(100 * apart)} points" if unit.startswith(CHANCE) else f"{figure(apart)} {step_word(unit)}"
    return f"{counted} {'above' if value > constant else 'below'} {explained}"
