"""Subtitle files and streams become cues, cues become words in segments. All text is a stranger's."""

import html
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from models.media.segments import Span
from schemas.media import SubtitleKind, SubtitleTrack

LARGEST_FILE_BYTES = 10 * 2**20
"""Two hours of speech with every word timed take about 3 MB."""

LONGEST_CUE_MS = 20_000
"""Nobody reads one caption longer; a later end is a broken one."""

TOUCHING_MS = 100
"""Cues of a rolling track follow each other without a pause."""

ROLLING_SHARE = 1 / 3
"""A track is rolling when so many of its cues repeat what stood there just before, and go on."""

HISTORY_WORDS = 60
"""What may be repeated: two lines of a caption are about 20 words."""

RELATED_LANGUAGE = 20
"""langcodes' distance up to which a language serves for another: en-GB for en is 5, Danish for Norwegian 12."""

KINDS: tuple[SubtitleKind, ...] = ("manual", "uploaded", "embedded", "automatic")
"""Best first: who wrote it for this video, who sent it along, what lay in the file, what a machine heard."""

UNKNOWN_LANGUAGES = ("", "und", "mul", "zxx", "mis")

_VTT_TIMING = re.compile(r"((?:\d+:)?\d{1,2}:\d{2}\.\d{3})[ \t]+-->[ \t]+((?:\d+:)?\d{1,2}:\d{2}\.\d{3})")
_TAGS = re.compile(r"</?[A-Za-z0-9][^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_SOUNDS = re.compile(r"\[[^\[\]]{0,80}\]|[♪♫]")


class Cue(NamedTuple):
    """Words that stand on the screen from `start_ms` to `end_ms`, without any markup."""

    start_ms: int
    end_ms: int
    words: tuple[str, ...]


def parse(data: bytes) -> list[Cue]:
    """Read an SRT, WebVTT or ASS file; what cannot be understood is left out.

    Parameters
    ----------
    data : bytes
        UTF-8, or UTF-16 with its mark; anything else is read as Western European.

    >>> parse(b"1\\n00:00:01,000 --> 00:00:02,500\\n<i>Hello</i> there\\n")
    [Cue(start_ms=1000, end_ms=2500, words=('Hello', 'there'))]

    Source: WebVTT (W3C); SRT and ASS by pysubs2.
    """
    text = _decode(_bounded(data)).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    # Thousands of empty lines in a row would cost pysubs2's patterns quadratic time.
    text = re.sub(r"\n{3,}", "\n\n", text)
    raw = _vtt(text) if text.startswith("WEBVTT") else _other(text)
    return tidy(raw)


def tidy(raw: Iterable[tuple[int, int, str]]) -> list[Cue]:
    """Order cues, strip their markup, and keep only the new words of rolling captions.

    Parameters
    ----------
    raw : (start_ms, end_ms, text with markup)
    """
    cues = [Cue(start_ms, _believed_end_ms(start_ms, end_ms), words(text)) for start_ms, end_ms, text in raw]
    cues = sorted((cue for cue in cues if cue.words and cue.start_ms >= 0), key=lambda cue: cue[:2])
    return unroll(cues) if is_rolling(cues) else cues


def words(text: str) -> tuple[str, ...]:
    """Strip tags, notes of sounds (``[Music]``) and music signs; give what is said, word by word.

    >>> words("<v Ann>It's <00:01.000><c>fine</c> &amp; [Applause] good")
    ("It's", 'fine', '&', 'good')
    """
    plain = _TAGS.sub("", text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))
    return tuple(_SOUNDS.sub(" ", html.unescape(plain)).split())


def is_rolling(cues: Sequence[Cue]) -> bool:
    """Whether cues scroll, each repeating the line before, as automatic captions do."""
    touching = [(a, b) for a, b in pairwise(cues) if b.start_ms - a.end_ms <= TOUCHING_MS]
    # One word may be repeated by chance, a whole cue in a refrain; what rolls repeats a line and goes on.
    rolled = [2 <= _overlap(a.words, b.words) < len(b.words) for a, b in touching]
    return len(rolled) >= 2 and sum(rolled) >= ROLLING_SHARE * len(rolled)


def unroll(cues: Iterable[Cue]) -> list[Cue]:
    """Keep the new words of each cue of a rolling track."""
    shown: tuple[str, ...] = ()
    fresh = []
    for cue in cues:
        new = cue.words[_overlap(shown, cue.words) :]
        shown = (*shown, *new)[-HISTORY_WORDS:]
        if new:
            fresh.append(cue._replace(words=new))
    return fresh


def assign(cues: Iterable[Cue], spans: Sequence[Span]) -> list[str]:
    """Give each segment the words spoken in it, each word to exactly one.

    The words of a cue are spread evenly over its time; a cue that begins before the end but runs over it
    ends with the last segment. Cues that begin after the end are never seen and not counted.

    Parameters
    ----------
    spans : adjoining, in order of time

    Returns
    -------
    list of str, one for each span
    """
    spoken: list[list[str]] = [[] for _ in spans]
    starts_ms = [span.start_ms for span in spans]
    for cue in cues:
        if spans and cue.start_ms < spans[-1].end_ms:
            for at_ms, word in _timed(cue, spans[-1].end_ms):
                spoken[_index_at(starts_ms, at_ms)].append(word)
    return [" ".join(said) for said in spoken]


def rank(tracks: Iterable[SubtitleTrack], languages: Sequence[str]) -> list[SubtitleTrack]:
    """Order the tracks that serve the wanted languages, best first.

    The language counts first, then who made the words (`KINDS`), then how near the variety is. Tracks
    without a language serve when nothing better does, unless a machine made them.

    Parameters
    ----------
    languages : BCP 47 tags, best first
    """
    ranked = [(_rank(track, languages), track) for track in tracks]
    return [track for place, track in sorted(ranked, key=lambda pair: pair[0] or ()) if place is not None]


def _rank(track: SubtitleTrack, languages: Sequence[str]) -> tuple[int, int, int] | None:
    kind = KINDS.index(track.kind)
    if track.language.lower() in UNKNOWN_LANGUAGES:
        return None if track.kind == "automatic" else (len(languages), kind, 0)
    distances = [_language_distance(wanted, track.language) for wanted in languages]
    near = [i for i, distance in enumerate(distances) if distance <= RELATED_LANGUAGE]
    return (near[0], kind, distances[near[0]]) if near else None


def _language_distance(wanted: str, spoken: str) -> int:
    """langcodes' distance; sources add words of their own ("en-orig"), so the first part decides if all does not."""
    import langcodes  # 60 ms, and most of this module does without

    distances: list[int] = []
    for tag in (spoken, re.split(r"[-_]", spoken)[0]):
        try:
            distances.append(langcodes.tag_distance(wanted, tag) + len(distances))
        except (ValueError, LookupError):
            continue
    return min(distances, default=1000)


def _bounded(data: bytes) -> bytes:
    # Cut between lines: a letter may take several bytes.
    return data if len(data) <= LARGEST_FILE_BYTES else data[: data.rfind(b"\n", 0, LARGEST_FILE_BYTES) + 1]


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _vtt(text: str) -> list[tuple[int, int, str]]:
    """Read blocks divided by empty lines; those without a timing line are notes, styles and headers."""
    cues = []
    for block in re.split(r"\n\n+", text):
        lines = block.split("\n")
        for number, line in enumerate(lines[:2]):
            if timing := _VTT_TIMING.match(line.lstrip()):
                said = "\n".join(lines[number + 1 :])
                cues.append((_vtt_ms(timing[1]), _vtt_ms(timing[2]), said))
                break
    return cues


def _vtt_ms(timestamp: str) -> int:
    *hours, minutes, seconds = timestamp.split(":")
    return round((int("".join(hours) or 0) * 3600 + int(minutes) * 60) * 1000 + float(seconds) * 1000)


def _other(text: str) -> list[tuple[int, int, str]]:
    import pysubs2  # 70 ms, and embedded and WebVTT tracks do without

    kind = "ass" if "[Script Info]" in text[:4096] else "srt"
    try:
        # Its own stripping of tags knows fewer of them than ours.
        parsed = pysubs2.SSAFile.from_string(text, format_=kind, **({"keep_html_tags": True} if kind == "srt" else {}))
    except (pysubs2.Pysubs2Error, ValueError, LookupError):
        return []
    return [(event.start, event.end, event.text) for event in parsed if not event.is_comment]


def _believed_end_ms(start_ms: int, end_ms: int) -> int:
    return min(max(end_ms, start_ms), start_ms + LONGEST_CUE_MS)


def _overlap(shown: Sequence[str], coming: Sequence[str]) -> int:
    """How many words at the start of `coming` are the last ones of `shown`."""
    longest = min(len(shown), len(coming), HISTORY_WORDS)
    return next((n for n in range(longest, 0, -1) if tuple(shown[-n:]) == tuple(coming[:n])), 0)


def _timed(cue: Cue, limit_ms: int) -> list[tuple[float, str]]:
    length_ms = min(cue.end_ms, limit_ms) - cue.start_ms
    return [(cue.start_ms + length_ms * (i + 0.5) / len(cue.words), word) for i, word in enumerate(cue.words)]


def _index_at(starts_ms: Sequence[int], at_ms: float) -> int:
    return max(0, bisect_right(starts_ms, at_ms) - 1)
