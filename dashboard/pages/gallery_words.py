"""Commands to the gallery in words."""

from dataclasses import dataclass
from functools import singledispatch

from dashboard.rows import CommandRow
from schemas.commands import (
    Command,
    CommandUndone,
    EraseRequested,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityForgotten,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
)
from streams.people import NOT_UNDOABLE


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command, for people to read; `state` is ``waiting``, ``done``, ``refused`` or ``taken back``."""

    command_id: str
    words: str
    by: str
    at_s: float
    state: str
    message: str
    identity_id: str
    can_undo: bool


def done_of(row: CommandRow) -> Done:
    """Say what was asked, and what became of it."""
    state = "taken back" if row.undone else row.answer.state if row.answer else "waiting"
    return Done(
        command_id=row.command.event_id,
        words=told(row.command),
        by=row.command.by,
        at_s=row.at_s,
        state=state,
        message=row.answer.message if row.answer else "",
        identity_id=(row.answer.identity_id or "") if row.answer else "",
        can_undo=state == "done" and not isinstance(row.command, NOT_UNDOABLE),
    )


def short(identity_id: str) -> str:
    """As much of an id as people look at.

    >>> short("person:3fa94c0d51b2e786")
    '3fa94c0d'
    """
    return identity_id.partition(":")[2][:8]


@singledispatch
def told(command: Command) -> str:
    """Say what a command asks for."""
    return type(command).__name__


@told.register
def _named(command: IdentityNamed) -> str:
    who = short(command.identity_id)
    return f"named {who} “{command.name}”" if command.name else f"took the name of {who} away"


@told.register
def _enrolled(command: IdentityEnrolled) -> str:
    return f"enrolled “{command.name}” from photos"


@told.register
def _merged(command: IdentitiesMerged) -> str:
    return f"merged {short(command.from_id)} into {short(command.into_id)}"


@told.register
def _split(command: IdentitySplit) -> str:
    count = len(command.tracks)
    return f"split {count} {'face' if count == 1 else 'faces'} off {short(command.identity_id)}"


@told.register
def _not(command: IdentityNot) -> str:
    return f"said that a face in {command.track.partition('/')[0]} is not {short(command.identity_id)}"


@told.register
def _forgotten(command: IdentityForgotten) -> str:
    return "forgot somebody"


@told.register
def _erased(command: EraseRequested) -> str:
    return f"erased {command.video_id}"


@told.register
def _undone(command: CommandUndone) -> str:
    return "took a change back"
