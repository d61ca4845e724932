"""``groundswell library``: what pages read, and how to build it anew."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from streams import settings as settings_module

if TYPE_CHECKING:
    from dashboard.library_answers import StoredLibrary
    from streams.settings import Settings

app = typer.Typer(help="The library that pages and the API read; folded from the topics.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What ``groundswell library status`` prints.

    Attributes
    ----------
    waiting : int or None
        Records on the topics that it has not taken in; None when Kafka does not answer.
    unreadable : int
        Records that nobody could read; they were passed over.
    """

    where: str
    videos: int
    people: int
    taken: int
    waiting: int | None
    unreadable: int


@app.command("status")
def status(as_json: AsJson = False) -> None:
    """Say where the library lies, what is in it, and how far behind the topics it is.

    groundswell library status
    """
    from dashboard.library import open_library

    settings = settings_module.load()
    library = open_library(settings)
    try:
        found = _status(settings, library)
    finally:
        library.close()
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    behind = "Kafka does not answer" if found.waiting is None else f"{found.waiting} records behind the topics"
    typer.echo(f"{found.where}\n{found.videos} videos, {found.people} people; {behind}")
    if found.unreadable:
        typer.echo(f"{found.unreadable} records could not be read and were passed over")


@app.command("rebuild")
def rebuild(as_json: AsJson = False) -> None:
    """Build the library anew from the topics; pages go on with the old one until the new one is whole.

    groundswell library rebuild
    """
    from dashboard.library import open_library
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    library = open_library(settings)
    try:
        records = _rebuilt(settings, bootstrap, library)
        found = _status(settings, library)
    finally:
        library.close()
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        typer.echo(f"built from {records} records: {found.videos} videos, {found.people} people")


def _rebuilt(settings: "Settings", bootstrap: str, library: "StoredLibrary") -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from dashboard.library_rebuild import rebuild

    columns = (TextColumn("records"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=None)
        return rebuild(settings, bootstrap, library, lambda done, total: bar.update(task, completed=done, total=total))


def _status(settings: "Settings", library: "StoredLibrary") -> Status:
    from dashboard.library_follow import ranges_of
    from dashboard.library_rebuild import waiting
    from dashboard.rows import VideoQuery
    from schemas.errors import BrokerUnavailable
    from streams.kafka.connection import bootstrap_of

    offsets, behind = library.offsets(), None
    with suppress(BrokerUnavailable):
        behind = waiting(ranges_of(settings, bootstrap_of(settings)), offsets)
    return Status(
        where=library.stores.where,
        videos=library.videos(VideoQuery(limit=1)).total,
        people=library.people(limit=1).total,
        taken=sum(offsets.values()),
        waiting=behind,
        unreadable=int(library.store.meta("unreadable") or "0"),
    )
