"""Strangers' words on a terminal: no escape sequences, no turned-round text, no endless lines; and in spreadsheets."""

import unicodedata

LONGEST = 200
_KEPT = {" "}
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str, *, longest: int = LONGEST) -> str:
    r"""Make a title safe to print: control, bidi and other invisible characters become spaces.

    >>> harmless("a\x1b[31mb")
    'a [31mb'
    """
    kept = "".join(c if c in _KEPT or unicodedata.category(c)[0] not in "CZ" else " " for c in text[: longest + 1])
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def harmless_cell(cell: object) -> object:
    """Put an apostrophe before text that a spreadsheet would take for a formula.

    Source: OWASP, CSV injection.

    >>> harmless_cell("=1+1"), harmless_cell(-1.5)
    ("'=1+1", -1.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _BEGINS_FORMULA else cell
