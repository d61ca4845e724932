"""``groundswell submit``: links, files, and lists of either."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UsageError
from schemas.links import LinkSubmitted
from streams import settings as settings_module

if TYPE_CHECKING:
    from processors.ports import MediaStore
    from streams.settings import Settings
    from streams.submitting import BadEntry


def submit(
    sources: Annotated[list[str], typer.Argument(metavar="URL|FILE|LIST...", help="Links, videos, CSV or text files.")],
    title: Annotated[str, typer.Option(help="Title of a file, or instead of the source's.")] = "",
    description: Annotated[str, typer.Option(help="Description of a file.")] = "",
    targets: Annotated[list[str] | None, typer.Option("--target", help="Predict only this; may be repeated.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch it even if it is known.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow them to their predictions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Publish videos to the `links` topic and print their ids.

    groundswell submit https://youtu.be/dQw4w9WgXcQ --watch
    groundswell submit talk.mp4 --title "Water for a village"
    groundswell submit links.csv
    """
    from streams.following import IDLE_S, TOPICS
    from streams.kafka.bulk import follow
    from streams.kafka.connection import bootstrap_of
    from streams.submitting import BadEntry, Wishes, entries, submission
    from streams.world import open_media

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    store = open_media(settings)
    wanted = list(entries(sources, title=title, description=description))
    records = follow(settings, bootstrap, TOPICS, start="end" if again else "beginning", idle_s=IDLE_S)
    wishes = Wishes(targets=tuple(targets or ()), again=again)
    sent, bad = [], 0
    for made in _publish((submission(e, wishes, store, settings) for e in wanted), settings, bootstrap, len(wanted)):
        if isinstance(made, BadEntry):
            bad += 1
            typer.echo(f"groundswell: {made.where}: {made.reason}", err=True)
        else:
            sent.append(made)
            _print(made, known=not again and _is_known(made, store), as_json=as_json)
    if watch and sent:
        _watch(sent, records, as_json=as_json)
    if bad:
        raise UsageError(f"{bad} of {len(wanted)} were not submitted; {len(sent)} were")


def _publish(
    made: "Iterator[LinkSubmitted | BadEntry]", settings: "Settings", bootstrap: str, count: int
) -> "Iterator[LinkSubmitted | BadEntry]":
    """Send what can be sent, with a progress bar when there are many, and pass everything on."""
    from rich.console import Console
    from rich.progress import track

    from streams.kafka.bulk import BulkProducer

    console = Console(stderr=True)
    with BulkProducer(settings, bootstrap) as producer:
        for event in track(made, "submitting", total=count, console=console, disable=count < 20, transient=True):
            if isinstance(event, LinkSubmitted):
                producer.send(event)
            yield event


def _is_known(event: LinkSubmitted, store: "MediaStore") -> bool:
    from processors.fetch_record import read_record

    return read_record(store, event.video_id) is not None


def _print(event: LinkSubmitted, *, known: bool, as_json: bool) -> None:
    if as_json:
        fields = {"submission_id": event.submission_id, "video_id": event.video_id, "known": known}
        typer.echo(json.dumps(fields | {"source": event.url or event.upload_name}))
        return
    note = "   already known; its predictions stand (--again fetches it anew)" if known else ""
    typer.echo(f"{event.submission_id}  {event.video_id}{note}")


def _watch(sent: "Iterable[LinkSubmitted]", records: "Iterator[object]", *, as_json: bool) -> None:
    from rich.console import Console

    from streams import showing
    from streams.board import Board
    from streams.following import print_lines, show_live

    board = Board(event.video_id for event in sent)
    if as_json:
        print_lines(records, board, write=lambda line: print(line, flush=True))  # type: ignore[arg-type]
        return
    console = Console()
    show_live(records, board, console)  # type: ignore[arg-type]
    for view in board.videos.values():
        console.print(showing.panel(view))
