"""Answers of somebody who labels: keys of a terminal, or lines of a file."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import typer

from schemas.errors import UsageError

Act = Literal["yes", "no", "skip", "undo", "quit"]
KEYS: dict[str, Act] = {"y": "yes", "n": "no", "s": "skip", "u": "undo", "q": "quit"}
HINT = "y yes, n no, s skip, u undo, q quit"

Answers = Callable[[], Act | None]


def act_of(word: str) -> Act | None:
    """What a key or a word means; None for any other.

    >>> act_of("y"), act_of("Yes "), act_of("maybe")
    ('yes', 'yes', None)
    """
    lowered = word.strip().lower()
    return KEYS.get(lowered) or next((act for act in KEYS.values() if act == lowered), None)


@contextmanager
def acts_of(answers: str) -> Iterator[Answers]:
    """Where answers come from: keys of a terminal, else lines of a file or of standard input; None at their end.

    Parameters
    ----------
    answers : str
        A file, ``-`` for standard input, or empty for a terminal where there is one.

    Raises
    ------
    UsageError
        The file cannot be read, or later: a line is no answer.
    """
    if not answers and sys.stdin.isatty():
        yield _key
        return
    if answers in ("", "-"):
        yield _Lines(sys.stdin, "standard input")
        return
    yield _Lines(_read(Path(answers)).splitlines(), answers)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}; expected answers one a line: {HINT}") from error


class _Lines:
    """Answers one a line; empty lines and comments mean nothing."""

    def __init__(self, lines: Iterable[str], name: str) -> None:
        self._lines = enumerate(lines, 1)
        self._name = name

    def __call__(self) -> Act | None:
        for number, line in self._lines:
            word = line.partition("#")[0].strip()
            if word and (act := act_of(word)) is None:
                raise UsageError(f"{self._name}:{number}: expected one of {HINT}; got {word[:60]!r}")
            if word:
                return act
        return None


def _key() -> Act | None:
    while (act := act_of(key := typer.getchar())) is None:
        if key in ("\x04", "\x1a"):  # end of input
            return None
        typer.echo(f"  ({HINT})")
    return act
