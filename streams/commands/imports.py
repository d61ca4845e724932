"""``groundswell import``: tables of outcomes and labels onto the topics."""

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import UsageError
from streams import progress_lines
from streams import settings as settings_module
from streams.text_safety import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.event import Event
    from streams.imports.columns import Names
    from streams.imports.importing import Imported, RejectsFile
    from streams.imports.label_rows import Classes
    from streams.imports.tables import Line, Lines, Table
    from streams.imports.whole_tables import Corrections

app = typer.Typer(help="Bring in tables: how videos did, or what is in them.", no_args_is_help=True)

SOME_REJECTED = 3
"""Exit status when rows were taken and others were not; 1 when none was."""

SHOWN_ROWS = 5
LONGEST_CELL = 60

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSON lines, Excel (.xlsx); all but Excel .gz too.")
]
Map = Annotated[list[str] | None, typer.Option("--map", help="views=playCount: which column means what. Repeatable.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what the columns and first rows mean; send nothing.")]
Rejects = Annotated[Path | None, typer.Option(help="Write all rows that were not taken into this CSV.")]
Platform = Annotated[str, typer.Option(help="Where the ids are from: youtube, tiktok, vimeo, instagram.")]
Year = Annotated[int | None, typer.Option(min=1970, max=2200, help="Of dates without one, such as 13.09.")]
AsJson = Annotated[bool, typer.Option("--json", help="The outcome as one JSON object on the last line.")]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for on the command line."""

    file: Path
    said: "Corrections"
    dry_run: bool
    rejects: Path | None
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A table whose columns are understood; its first rows were read for that."""

    table: "Table"
    first: "list[Line]"
    names: "Names"
    classes: "Classes | None"

    def lines(self, on_lines: "Callable[[], None]") -> "Lines":
        """All lines, also the first; `on_lines` hears every now and then."""
        from streams.imports.tables import with_first

        return with_first(self.table, self.first, on_lines)


@app.command("outcomes")
def outcomes(
    file: File,
    mapping: Map = None,
    dry_run: DryRun = False,
    rejects: Rejects = None,
    platform: Platform = "",
    year: Year = None,
    observed: Annotated[str, typer.Option(help="When all of it was counted, if no column says: 2024-05-31.")] = "",
    as_json: AsJson = False,
) -> None:
    """Publish how videos did. Videos not seen yet become examples that are known by their words.

    The same file twice changes nothing, nor does the order of its rows:

        groundswell import outcomes us_videos.csv.gz --year 2017 --dry-run
        groundswell import outcomes tiktok.csv --map views=plays,views --rejects bad.csv
    """
    from streams.imports.cells import moment, read
    from streams.imports.whole_tables import Corrections

    observed_at_s = read(moment, observed, "--observed")
    said = Corrections(mapping=tuple(mapping or ()), platform=platform, year=year, observed_at_s=observed_at_s)
    _import(Wishes(file=file, said=said, dry_run=dry_run, rejects=rejects, as_json=as_json), None)


@app.command("labels")
def labels(
    file: File,
    target: Annotated[str, typer.Option("--target", help="Whose classes they are; see `groundswell targets list`.")],
    mapping: Map = None,
    dry_run: DryRun = False,
    rejects: Rejects = None,
    platform: Platform = "",
    as_json: AsJson = False,
) -> None:
    """Publish what people say is in videos or segments: a list of classes, one a row, or a column for each.

    groundswell import labels labels_final.json --target scenes
    """
    from streams.imports.whole_tables import Corrections

    said = Corrections(mapping=tuple(mapping or ()), platform=platform)
    wishes = Wishes(file=file, said=said, dry_run=dry_run, rejects=rejects, as_json=as_json)
    _import(wishes, _classes(target, is_dry_run=dry_run))


def _classes(name: str, *, is_dry_run: bool) -> "Classes":
    """The target's classes; its definition is put on the topic where it is missing."""
    from streams.imports.label_rows import Classes
    from streams.kafka.connection import bootstrap_of
    from streams.target_shelf import Shelf, publish, read_shelf

    settings = settings_module.load()
    shelf = Shelf() if is_dry_run and settings.kafka is None else read_shelf(settings, bootstrap_of(settings))
    target = shelf.find(name)
    if not target.classes:
        raise UsageError(f"{name} has no classes to label; `groundswell targets show scenes` is one that has")
    if not is_dry_run:
        publish(settings, bootstrap_of(settings), [target])
    return Classes(target)


def _import(wishes: Wishes, classes: "Classes | None") -> None:
    from streams.imports.importing import Imported
    from streams.imports.tables import open_table
    from streams.imports.whole_tables import LOOKED_AT_ROWS, names_of

    counts = Imported()
    with open_table(wishes.file) as table:
        first = list(islice(table.lines, LOOKED_AT_ROWS))
        opened = Opened(table=table, first=first, names=names_of(table, first, wishes.said, classes), classes=classes)
        _show_mapping(opened, wishes)
        if wishes.dry_run:
            _show_rows(opened, wishes, counts)
        else:
            _send(opened, wishes, counts)
    _say(wishes, opened.names, counts)
    if counts.rejected:
        raise typer.Exit(SOME_REJECTED if counts.taken else 1)


def _send(opened: Opened, wishes: Wishes, counts: "Imported") -> None:
    """Publish everything, with a bar on the terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from streams.imports.importing import RejectsFile

    with ExitStack() as stack:
        rejects = stack.enter_context(RejectsFile(wishes.rejects, opened.table.headings)) if wishes.rejects else None
        bar = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
        task = bar.add_task("importing", total=1.0)
        told = progress_lines.ProgressLines() if progress_lines.wanted() else None

        def show() -> None:
            bar.update(task, completed=opened.table.done())
            if told:
                told.say("importing", opened.table.done(), 1.0)

        lines = opened.lines(show)
        try:
            _publish(lines, opened, wishes, counts=counts, rejects=rejects)
        except KeyboardInterrupt:
            typer.echo(f"stopped after {counts.rows} rows; the same command again goes on without harm", err=True)
            raise


def _publish(
    lines: "Lines", opened: Opened, wishes: Wishes, *, counts: "Imported", rejects: "RejectsFile | None"
) -> None:
    from streams.imports.importing import bring_in, read_fetched
    from streams.imports.whole_tables import reader_of
    from streams.kafka.bulk import BulkProducer
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    fetched = read_fetched(settings, bootstrap)
    reader = reader_of(opened.names, wishes.said, classes=opened.classes, fetched=fetched)
    write = rejects.write if rejects else lambda line, reason: None
    with BulkProducer(settings, bootstrap) as producer:
        bring_in(lines, reader, producer.send, counts=counts, on_reject=write)


def _show_mapping(opened: Opened, wishes: Wishes) -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(stderr=True)
    grid = Grid("means", "column", "for example", box=None, pad_edge=False)
    for ours, theirs in opened.names.items():
        grid.add_row(ours, harmless(", ".join(theirs)), _example(opened.first, theirs))
    console.print(grid)
    used = {heading for theirs in opened.names.values() for heading in theirs}
    if unused := [heading for heading in opened.table.headings if heading not in used]:
        console.print(f"not used: {harmless(', '.join(unused), longest=500)}", style="dim", markup=False)
    if wishes.said.year is None and _has_dates_without_year(opened):
        console.print("dates without a year are not used; say which with --year", style="yellow")


def _has_dates_without_year(opened: Opened) -> bool:
    from streams.imports.cells import has_no_year

    headings = [heading for name in ("observed", "uploaded") for heading in opened.names.get(name, ())]
    return any(has_no_year(line.cells.get(heading)) for line in opened.first for heading in headings)


def _example(first: "list[Line]", theirs: tuple[str, ...]) -> str:
    from streams.imports.rows import cell_of

    found = (cell_of(line.cells, theirs) for line in first)
    return harmless(str(next((cell for cell in found if cell is not None), "")), longest=LONGEST_CELL)


def _show_rows(opened: Opened, wishes: Wishes, counts: "Imported") -> None:
    """Read the first rows as an import would, and print what they would send."""
    from streams.imports.importing import bring_in
    from streams.imports.whole_tables import reader_of

    reader = reader_of(opened.names, wishes.said, classes=opened.classes)
    shown: list[Event] = []
    bring_in(opened.first, reader, shown.append, counts=counts)
    for event in shown[: SHOWN_ROWS * 2]:
        typer.echo(_in_short(event))


def _in_short(event: "Event") -> str:
    fields: Mapping[str, object] = msgspec.to_builtins(event)
    metadata = fields.get("metadata")
    said = {**fields, **metadata} if isinstance(metadata, dict) else fields
    hidden = ("type", "event_id", "video_id", "submission_id", "revision", "sha256", "metadata")
    words = (f"{name}={harmless(str(v), longest=LONGEST_CELL)}" for name, v in said.items() if name not in hidden)
    return f"{type(event).__name__} {fields['video_id']}  {'  '.join(words)}"


def _say(wishes: Wishes, names: "Names", counts: "Imported") -> None:
    for rejected in counts.examples:
        typer.echo(
            f"groundswell: {wishes.file.name}:{rejected.line}: {harmless(rejected.reason, longest=300)}", err=True
        )
    if more := counts.rejected - len(counts.examples):
        typer.echo(f"groundswell: and {more} more rows; --rejects FILE writes all of them down", err=True)
    if wishes.as_json:
        typer.echo(msgspec.json.encode({"mapping": names, "dry_run": wishes.dry_run, **counts.figures()}))
        return
    verb = "read" if wishes.dry_run else "imported"
    typer.echo(
        f"{verb} {counts.taken} of {counts.rows} rows: {counts.outcomes} outcomes, {counts.labels} labels, "
        f"{counts.videos} videos known by their words; {counts.rejected} rows not taken"
    )
