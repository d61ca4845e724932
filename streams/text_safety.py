"""Strangers' words on a terminal: no escape sequences, no turned-round text, no endless lines."""

import unicodedata

LONGEST = 200
_KEPT = {" "}


def harmless(text: str, *, longest: int = LONGEST) -> str:
    r"""Make a title safe to print: control, bidi and other invisible characters become spaces.

    >>> harmless("a\x1b[31mb")
    'a [31mb'
    """
    kept = "".join(c if c in _KEPT or unicodedata.category(c)[0] not in "CZ" else " " for c in text[: longest + 1])
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"
