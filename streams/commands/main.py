"""The command line: ``groundswell VERB``. Errors are one clear line; ``--debug`` shows the traceback."""

import os
import signal
import sys
from enum import StrEnum
from importlib import metadata
from typing import Annotated, cast

import typer
from click.exceptions import ClickException

from schemas.errors import GroundswellError
from streams import progress_lines
from streams.commands import (
    deadletters,
    demo,
    erase,
    faces,
    imports,
    label,
    people,
    releases,
    replay,
    settings,
    show,
    status,
    submit,
    targets,
    topics,
    train,
    up,
    watch,
    weights,
    worker,
)

DEBUG_VARIABLE = "GROUNDSWELL_DEBUG"

MISUSED = tuple(
    kind for kind in typer.BadParameter.__mro__ if issubclass(kind, Exception) and kind.__name__ == "ClickException"
)
"""What is raised for an option that does not exist; newer typers bring a click of their own, with classes of its own."""


class Shown(StrEnum):
    """How commands that take minutes show how far they are."""

    bars = "bars"
    json = "json"


app = typer.Typer(
    name="groundswell",
    help="Says how a video will do, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"groundswell {metadata.version('groundswell')}")
        raise typer.Exit


@app.callback()
def main_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    progress: Annotated[Shown, typer.Option("--progress", help="Bars, or JSON lines on standard error.")] = Shown.bars,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Says how a video will do, and why."""
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"
    if progress is Shown.json:
        os.environ[progress_lines.VARIABLE] = progress.value


app.command("demo")(demo.demo)
app.command("up")(up.up)
app.command("submit")(submit.submit)
app.command("watch")(watch.watch)
app.command("status")(status.status)
app.command("show")(show.show)
app.command("erase")(erase.erase)
app.command("train")(train.train)
app.command("replay")(replay.replay)
app.command("topics")(topics.topics)
app.command("settings")(settings.settings)
app.command("worker")(worker.worker)
app.add_typer(deadletters.app, name="dead-letters")
app.add_typer(faces.app, name="faces")
app.add_typer(imports.app, name="import")
app.add_typer(label.app, name="label")
app.add_typer(people.app, name="people")
app.add_typer(releases.app, name="releases")
app.add_typer(targets.app, name="targets")
app.add_typer(weights.app, name="weights")


def main() -> None:
    """Run the command line; exits 0 only on success."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background jobs start without
    try:
        code = app(standalone_mode=False)
    except MISUSED as error:
        misuse = cast(ClickException, error)
        misuse.show()
        sys.exit(misuse.exit_code)
    except GroundswellError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        sys.exit(f"groundswell: {error}")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit finds an ear
        sys.exit(141)
    sys.exit(code if isinstance(code, int) else 0)


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
