"""``groundswell targets``: what can be predicted, and how to add to it without code."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import BrokerUnavailable
from schemas.targets import TargetDefined
from streams import settings as settings_module

if TYPE_CHECKING:
    from streams.target_shelf import Shelf

app = typer.Typer(help="What can be predicted: definitions as TOML files.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A definition: TOML.")]


@app.command("list")
def list_targets(as_json: AsJson = False) -> None:
    """List the newest definition of every target.

    groundswell targets list
    """
    from rich.console import Console
    from rich.table import Table

    newest = _shelf().newest()
    if as_json:
        for target in newest:
            typer.echo(msgspec.json.encode(target))
        return
    table = Table("name", "version", "kind", "of", "sees", "measured by", box=None, pad_edge=False)
    for t in newest:
        sees = t.sees.replace("_", " ")
        table.add_row(t.name, str(t.version), t.kind, t.scope, sees, ", ".join(m.name for m in t.measures))
    Console().print(table)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A target.")],
    version: Annotated[int | None, typer.Option(help="By default the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a definition as TOML: change a copy of it and `add` that.

    groundswell targets show scenes > my_scenes.toml
    """
    from streams.target_files import as_toml

    target = _shelf().find(name, version)
    typer.echo(msgspec.json.encode(target) if as_json else as_toml(target), nl=as_json)


@app.command("check")
def check(file: File) -> None:
    """Read a definition and name every mistake in it; publish nothing.

    groundswell targets check my_scenes.toml
    """
    from streams.target_files import read_definition

    target = read_definition(file)
    typer.echo(f"{target.name} version {target.version} can be used: {_in_words(target)}")


@app.command("add")
def add(file: File, as_json: AsJson = False) -> None:
    """Publish a definition. A version never changes; a changed definition is a new version.

    groundswell targets add my_scenes.toml
    """
    from streams.kafka.connection import bootstrap_of
    from streams.target_files import read_definition
    from streams.target_shelf import publish

    target, settings = read_definition(file), settings_module.load()
    is_new = bool(publish(settings, bootstrap_of(settings), [target]))
    if as_json:
        typer.echo(msgspec.json.encode({"target": target.name, "version": target.version, "new": is_new}))
        return
    typer.echo(f"{target.name} version {target.version} {'is published' if is_new else 'was there already'}")
    if target.classes:
        typer.echo(f"label some segments: groundswell label {target.name}")


def _shelf() -> "Shelf":
    """All definitions; those that ship alone while no Kafka answers."""
    from streams.kafka.connection import bootstrap_of
    from streams.target_shelf import Shelf, read_shelf

    settings = settings_module.load()
    try:
        return read_shelf(settings, bootstrap_of(settings))
    except BrokerUnavailable as error:
        typer.echo(f"only the targets that ship are shown: {error}", err=True)
        return Shelf()


def _in_words(target: TargetDefined) -> str:
    measures = ", ".join(f"{m.name} ({m.formula})" for m in target.measures)
    classes = f", {len(target.classes)} classes" if target.classes else ""
    return f"a {target.kind} of a {target.scope}, measured by {measures}{classes}, split by {target.group_by}"
