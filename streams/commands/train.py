"""``groundswell train``: learn a target from a table of outcomes."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import UsageError
from streams import settings as settings_module

if TYPE_CHECKING:
    from processors.text import TextProcessor
    from schemas.promotions import Role
    from streams.settings import Settings
    from streams.training import TrainingReport

_WORDS: Mapping[str, str] = {
    "rows": "videos",
    "groups": "channels or authors, never on both sides of a split",
    "columns": "features",
}


def train(
    target: Annotated[str, typer.Argument(help="What to predict: virality, engagement.")],
    table: Annotated[Path, typer.Option("--from", help="CSV or TSV of videos and how they did; .gz too.")],
    source: Annotated[str, typer.Option(help="Where the rows come from, for the card.")] = "",
    release_id: Annotated[str, typer.Option("--release", help="Name of the release; default: today's date.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Publish even if it does not beat a constant.")] = False,
    publish: Annotated[bool, typer.Option(help="Put it on the shelf and tell the scorers.")] = True,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Score in the shadow only, until somebody promotes it.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Also keep the release's folder here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object.")] = False,
) -> None:
    """Fit a release, say how good it is on channels it never met, and publish it.

    Running workers take it up without a restart:

        groundswell train virality --from my_videos.csv
    """
    from streams.training import Order
    from streams.training import train as fit

    settings = settings_module.load()
    if not table.is_file():
        raise UsageError(f"{table} is not a file; expected a table with a title and counts of views")
    now_s = time.time()
    order = Order(
        target=target,
        release_id=release_id or time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_s)),
        source=source or table.name,
        now_s=float(round(now_s)),
    )
    with TemporaryDirectory() as temporary:
        folder = out or Path(temporary) / order.release_id
        report = _with_bar(lambda on_row: fit(order, table, folder, text=_reader(settings), force=force, on_row=on_row))
        _print(report, as_json=as_json)
        if publish:
            _publish(settings, folder, role="shadow" if candidate else "promoted")


def _with_bar(work: "Callable[[Callable[[int, int], None]], TrainingReport]") -> "TrainingReport":
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        return work(lambda done, total: progress.update(task, completed=done, total=total))


def _reader(settings: "Settings") -> "TextProcessor":
    """The live text stage, with its network fetched when it is not here yet."""
    from processors.text import TextProcessor
    from streams.storage.weights import WeightsCache
    from streams.world import LocalWorld

    WeightsCache(settings.cache_folder).fetch("minilm")
    return TextProcessor.build(LocalWorld(settings, report=lambda event: None))


def _print(report: "TrainingReport", *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(report, enc_hook=str))
        return
    typer.echo(f"{report.target}/{report.release_id}")
    for name, words in _WORDS.items():
        typer.echo(f"  {getattr(report, name):>10}  {words}")
    for name, value in sorted(report.metrics.items()):
        typer.echo(f"  {value:>10.4g}  {name.replace('_', ' ')}")
    verdict = "beats" if report.beats_constant else "does NOT beat"
    typer.echo(f"It {verdict} a constant on channels it never met (90 % confidence).")


def _publish(settings: "Settings", folder: Path, *, role: "Role") -> None:
    from streams.kafka.connection import bootstrap_of
    from streams.release_roles import announce
    from streams.storage.releases import ReleaseShelf
    from streams.world import open_media

    event = ReleaseShelf(settings.home, open_media(settings)).publish(folder)
    announce(settings, bootstrap_of(settings), event, role=role)
    if role == "shadow":
        typer.echo(f"published {event.record_key} as a candidate; `groundswell releases promote` makes it serve")
    else:
        typer.echo(f"published {event.record_key}; `groundswell replay --target {event.target}` rescores the past")
