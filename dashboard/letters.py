"""Dead letters as people may look at them: strangers' bytes made harmless, long ones cut."""

import msgspec

from schemas.deadletters import EventRejected
from streams.text_safety import harmless

LONGEST_ERROR = 500
LONGEST_TRACEBACK = 8000
SHOWN_BYTES = 4000
HEX_ROW_BYTES = 16
MOST_HEADERS = 20


class LetterBrief(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter in a list; `can_redrive` is false where there are no bytes to put back."""

    key: str
    stage: str
    source_topic: str
    source_partition: int
    source_offset: int
    error: str
    attempts: int
    rejected_at_s: float
    value_bytes: int
    can_redrive: bool


class Bytes(msgspec.Struct, frozen=True, kw_only=True):
    """Some bytes: as text where they are text, else as rows of hex; `is_cut` when there are more."""

    size_bytes: int
    text: str | None = None
    hex_rows: tuple[str, ...] = ()
    is_cut: bool = False


class LetterShown(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one dead letter."""

    brief: LetterBrief
    traceback: str
    record_key: Bytes | None
    value: Bytes | None
    headers: dict[str, Bytes]


def brief(letter: EventRejected) -> LetterBrief:
    """Say what a list shows."""
    return LetterBrief(
        key=letter.record_key,
        stage=letter.stage,
        source_topic=letter.source_topic,
        source_partition=letter.source_partition,
        source_offset=letter.source_offset,
        error=harmless(letter.error, longest=LONGEST_ERROR),
        attempts=letter.attempts,
        rejected_at_s=letter.rejected_at_s,
        value_bytes=len(letter.value or b""),
        can_redrive=letter.value is not None,
    )


def shown(letter: EventRejected) -> LetterShown:
    """Say everything."""
    return LetterShown(
        brief=brief(letter),
        traceback=_lines(letter.traceback[-LONGEST_TRACEBACK:]),
        record_key=readable(letter.key),
        value=readable(letter.value),
        headers={harmless(name): found for name, value in letter.headers[:MOST_HEADERS] if (found := readable(value))},
    )


def readable(data: bytes | None) -> Bytes | None:
    r"""Show bytes as text, or as hex where they are none.

    >>> readable(b"\x00\xff").hex_rows
    ('00000000  00 ff',)
    """
    if data is None:
        return None
    some, is_cut = data[:SHOWN_BYTES], len(data) > SHOWN_BYTES
    text = _text(some, is_cut=is_cut)
    rows = () if text is not None else _hex_rows(some)
    return Bytes(size_bytes=len(data), text=text, hex_rows=rows, is_cut=is_cut)


def _text(data: bytes, *, is_cut: bool) -> str | None:
    for spare in range(4 if is_cut else 1):  # a cut may go through a letter of four bytes
        try:
            text = data[: len(data) - spare].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else _lines(text)
    return None


def _lines(text: str) -> str:
    return "\n".join(harmless(line, longest=SHOWN_BYTES) for line in text.splitlines())


def _hex_rows(data: bytes) -> tuple[str, ...]:
    starts = range(0, len(data), HEX_ROW_BYTES)
    return tuple(f"{start:08x}  {data[start : start + HEX_ROW_BYTES].hex(' ')}" for start in starts)
