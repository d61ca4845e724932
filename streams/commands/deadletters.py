"""``groundswell dead-letters``: what failed, why, and back again."""

from typing import TYPE_CHECKING, Annotated

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
def list_letters(stage: StageOption = None, as_json: JsonOption = False) -> None:
    """List the dead letters that wait, oldest first.

    groundswell dead-letters list --stage fetch
    """
    waiting = _waiting(stage)[2]
    if as_json:
        typer.echo(msgspec.json.encode(waiting))
        return
    _print_table(waiting)


@app.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="Id, or how it begins.")], as_json: JsonOption = False
) -> None:
    """Show everything about one dead letter: place, error, traceback, original bytes.

    groundswell dead-letters show 1b9d6bcd
    """
    from streams.deadletters import find

    letter = find(_waiting(None)[2], letter_id)
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
    from streams.deadletters import find
    from streams.deadletters import redrive as put_back

    if sum((letter_id is not None, stage is not None, everything)) != 1:
        raise UsageError("say which: an ID, --stage STAGE, or --all")
    settings, bootstrap, waiting = _waiting(stage)
    chosen = [find(waiting, letter_id)] if letter_id else waiting
    typer.echo(f"redriven: {put_back(settings, bootstrap, chosen)}")


def _waiting(stage: str | None) -> "tuple[Settings, str, list[EventRejected]]":
    from streams.deadletters import waiting
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    found = waiting(settings, bootstrap)
    return settings, bootstrap, [letter for letter in found if stage in (None, letter.stage)]


def _print_table(waiting: "list[EventRejected]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not waiting:
        typer.echo("no dead letters wait")
        return
    table = Table("id", "stage", "from", "tries", "error", box=None, pad_edge=False)
    for letter in waiting:
        place = f"{letter.source_topic}/{letter.source_partition}/{letter.source_offset}"
        table.add_row(
            letter.event_id[:SHORT_ID], letter.stage, place, str(letter.attempts), Text(harmless(letter.error))
        )
    Console().print(table)


def _readable(data: bytes | None) -> str:
    if data is None:
        return "(none)"
    text = harmless(data[:VALUE_SHOWN].decode("utf-8", "backslashreplace"), longest=VALUE_SHOWN)
    return f"{text} ({len(data)} bytes)"
