"""Cards of releases: the little Markdown that they are written in, as blocks that a template draws."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

MOST_CHARACTERS = 20_000
_MARKS = re.compile(r"\*\*|__|`")
_RULE = re.compile(r"^\|?[\s:|-]+\|?$")


@dataclass(frozen=True)
class Block:
    """A heading, a paragraph, a list or a table; `rows` are its lines, each with its cells."""

    kind: Literal["heading", "paragraph", "list", "table"]
    rows: tuple[tuple[str, ...], ...]


def blocks_of(card: str) -> list[Block]:
    """Read a card; what is not understood stays text.

    >>> [block.kind for block in blocks_of("# A\\n\\nsome words\\n\\n- one\\n- two")]
    ['heading', 'paragraph', 'list']
    """
    lines = [line.strip() for line in card[:MOST_CHARACTERS].splitlines()]
    return [block for kind, some in groupby(lines, _kind) if kind for block in _blocks(kind, list(some))]


def _kind(line: str) -> Literal["heading", "paragraph", "list", "table"] | None:
    if not line:
        return None
    if line.startswith("#"):
        return "heading"
    if line.startswith(("- ", "* ")):
        return "list"
    return "table" if line.startswith("|") else "paragraph"


def _blocks(kind: Literal["heading", "paragraph", "list", "table"], lines: list[str]) -> Iterator[Block]:
    if kind == "heading":
        yield from (Block(kind, ((_plain(line.lstrip("#")),),)) for line in lines)
    elif kind == "list":
        yield Block(kind, tuple((_plain(line[2:]),) for line in lines))
    elif kind == "table":
        yield Block(kind, tuple(_cells(line) for line in lines if not _RULE.match(line)))
    else:
        yield Block(kind, ((_plain(" ".join(lines)),),))


def _cells(line: str) -> tuple[str, ...]:
    cells: Iterable[str] = line.strip("|").split("|")
    return tuple(_plain(cell) for cell in cells)


def _plain(words: str) -> str:
    return _MARKS.sub("", words).strip()
