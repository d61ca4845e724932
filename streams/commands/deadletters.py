"""``groundswell dead-letters``: what failed, why, and back again."""

from typing import TYPE_CHECKING, Annotated, Self

import msgspec
import typer

from schemas.errors import UsageError
from streams import settings as settings_module
from streams.text_safety import harmless

if TYPE_CHECKING:
    from schemas.deadletters import EventRejected
    from streams.settings import Settings

app = typer.Typer(help="Events that a stage could not process: list, show, redrive.", no_args_is_help=True)

SHORT_ID = 8
VALUE_SHOWN = 2000

StageOption = Annotated[str | None, typer.Option("--stage", help="Only those of one stage.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("list")
def list_letters(
    stage: StageOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what was redriven.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the dead letters that wait, oldest first.

    groundswell dead-letters list --stage fetch
    """
    letters = _Letters.read(stage)
    chosen = letters.all if everything else letters.waiting
    if as_json:
        typer.echo(msgspec.json.encode(chosen))
        return
    _print_table(chosen, {letter.event_id for letter in letters.waiting})


@app.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="Id, or how it begins.")], as_json: JsonOption = False
) -> None:
    """Show everything about one dead letter: place, error, traceback, original bytes.

    groundswell dead-letters show 1b9d6bcd
    """
    from streams.deadletters import find

    letter = find(_Letters.read(None).all, letter_id)
    if as_json:
        typer.echo(msgspec.json.encode(letter))
        return
    for name in ("event_id", "stage", "source_topic", "source_partition", "source_offset", "attempts", "error"):
        typer.echo(f"{name:17} {harmless(str(getattr(letter, name)), longest=1000)}")
    typer.echo(f"{'key':17} {_readable(letter.key)}")
    for header, value in letter.headers:
        typer.echo(f"{'header':17} {harmless(header)}: {_readable(value)}")
    typer.echo(f"{'value':17} {_readable(letter.value)}")
    typer.echo("\n".join(harmless(line, longest=1000) for line in letter.traceback.splitlines()))


@app.command("redrive")
def redrive(
    letter_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Id, or how it begins.")] = None,
    stage: StageOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
) -> None:
    """Put dead letters back on their topic, for the stage that gave them up.

    groundswell dead-letters redrive 1b9d6bcd
    groundswell dead-letters redrive --stage text
    """
    from streams.deadletters import find, returnable
    from streams.deadletters import redrive as put_back

    if sum((letter_id is not None, stage is not None, everything)) != 1:
        raise UsageError("say which: an ID, --stage STAGE, or --all")
    letters = _Letters.read(stage)
    chosen = [find(letters.waiting, letter_id)] if letter_id else returnable(letters.waiting)
    typer.echo(f"redriven: {put_back(letters.settings, letters.bootstrap, chosen)}")
    if not letter_id and len(chosen) < len(letters.waiting):
        typer.echo(f"left, because they have no bytes to put back: {len(letters.waiting) - len(chosen)}")


class _Letters(msgspec.Struct, frozen=True, kw_only=True):
    """The dead letters of one stage, or of all."""

    settings: "Settings"
    bootstrap: str
    all: "list[EventRejected]"
    waiting: "list[EventRejected]"

    @classmethod
    def read(cls, stage: str | None) -> Self:
        from schemas.deadletters import EventRejected
        from streams.deadletters import letters, still_waiting
        from streams.kafka.connection import bootstrap_of

        settings = settings_module.load()
        bootstrap = bootstrap_of(settings)
        found = letters(settings, bootstrap)
        mine = [e for e in found if isinstance(e, EventRejected) and stage in (None, e.stage)]
        waiting = [e for e in still_waiting(found) if stage in (None, e.stage)]
        mine.sort(key=lambda e: (e.rejected_at_s, e.event_id))
        return cls(settings=settings, bootstrap=bootstrap, all=mine, waiting=waiting)


def _print_table(shown: "list[EventRejected]", waiting: set[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not shown:
        typer.echo("no dead letters wait")
        return
    table = Table("id", "stage", "from", "tries", "", "error", box=None, pad_edge=False)
    for letter in shown:
        place = f"{letter.source_topic}/{letter.source_partition}/{letter.source_offset}"
        state = "" if letter.event_id in waiting else "redriven"
        row = (letter.event_id[:SHORT_ID], letter.stage, place, str(letter.attempts), state, letter.error)
        table.add_row(*(Text(harmless(cell)) for cell in row))
    Console().print(table)


def _readable(data: bytes | None) -> str:
    if data is None:
        return "(none)"
    text = harmless(data[:VALUE_SHOWN].decode("utf-8", "backslashreplace"), longest=VALUE_SHOWN)
    return f"{text} ({len(data)} bytes)"
