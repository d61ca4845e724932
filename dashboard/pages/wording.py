"""Numbers, times and strangers' words as people read them; the filters of all templates."""

import math
import unicodedata
from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
_STEPS = ((MINUTE_S, 1, "s"), (HOUR_S, MINUTE_S, "min"), (DAY_S, HOUR_S, "h"), (30 * DAY_S, DAY_S, "d"))
_SIZES = ("B", "kB", "MB", "GB")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MINUS, NOTHING = "\u2212", "\u2013"
_JOINING = frozenset("\u200c\u200d")
"""Zero-width joiners make emoji and are part of the writing of several languages."""


def duration(seconds: float | None) -> str:
    """Say a length of time as players do.

    >>> duration(65.4), duration(3725), duration(None)
    ('1:05', '1:02:05', '')
    """
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // HOUR_S, whole % HOUR_S // MINUTE_S, whole % MINUTE_S
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ago(at_s: float | None, now_s: float) -> str:
    """Say how long ago something was; the day, when that is more than a month.

    >>> ago(100, 102), ago(100, 1000), ago(None, 5)
    ('just now', '15 min ago', '')
    """
    if at_s is None:
        return ""
    past_s = now_s - at_s
    if past_s < 5:
        return "just now"
    for below_s, unit_s, word in _STEPS:
        if past_s < below_s:
            return f"{int(past_s // unit_s)} {word} ago"
    return day(at_s)


def day(at_s: float | None) -> str:
    """Say a day, in UTC.

    >>> day(0.0)
    '1 Jan 1970'
    """
    if at_s is None:
        return ""
    then = datetime.fromtimestamp(at_s, UTC)
    return f"{then.day} {then:%b %Y}"


def moment(at_s: float | None) -> str:
    """Say day and time, in UTC.

    >>> moment(0.0)
    '1 Jan 1970, 00:00 UTC'
    """
    return "" if at_s is None else f"{day(at_s)}, {datetime.fromtimestamp(at_s, UTC):%H:%M} UTC"


def stamp(at_s: float | None) -> str:
    """Write a time for machines (RFC 3339)."""
    return "" if at_s is None else datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: float | None, digits: int = 0) -> str:
    """Write a number in groups of three digits, with a true minus sign.

    >>> number(12345.6), number(-0.25, 2) == MINUS + "0.25"
    ('12,346', True)
    """
    if value is None:
        return NOTHING
    return f"{value:,.{digits}f}".replace("-", MINUS)


def figure(value: float | None) -> str:
    """Write a number with as many digits as tell something.

    >>> figure(57.31), figure(3.14159), figure(0.0123), figure(48210.4)
    ('57.3', '3.14', '0.012', '48,210')
    """
    if value is None:
        return NOTHING
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return number(value, digits)


def signed(value: float) -> str:
    """Write a difference with its sign.

    >>> signed(1.5), signed(0.0)
    ('+1.50', '0')
    """
    return ("+" if value > 0 else "") + figure(value)


def percent(share: float | None, digits: int = 0) -> str:
    """Write a share in hundredths.

    >>> percent(0.834)
    '83%'
    """
    return NOTHING if share is None else f"{share * 100:.{digits}f}%"


def size(count_bytes: float | None) -> str:
    """Write a number of bytes.

    >>> size(999), size(1_500_000)
    ('999 B', '1.5 MB')
    """
    if count_bytes is None:
        return NOTHING
    step = min(len(_SIZES) - 1, int(math.log10(max(count_bytes, 1)) // 3))
    scaled = count_bytes / 1000**step
    return f"{scaled:.{1 if step and scaled < 100 else 0}f} {_SIZES[step]}"


def words(name: str) -> str:
    """Turn a name of the system into words.

    >>> words("viral_probability")
    'viral probability'
    """
    return name.replace("_", " ")


def plain(text: str, most: int = 300) -> str:
    r"""Take what turns or hides text out of a stranger's words, and cut them; the template escapes them.

    >>> plain("a\u202eb\x00c"), plain("abcdef", 4)
    ('abc', 'abc…')
    """
    some = text[: 4 * most]
    kept = (some if some.isprintable() else "".join(c for c in some if _is_seen(c))).strip()
    return kept if len(kept) <= most else kept[: most - 1].rstrip() + "…"


def _is_seen(char: str) -> bool:
    if char in _TURNING:
        return False
    return char in _JOINING or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co") or char in "\n\t"
