"""``groundswell train``: learn a target from how past videos did."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import BrokerUnavailable, TrainingImpossible, UsageError
from schemas.targets import TargetDefined
from streams import progress_lines
from streams import settings as settings_module

if TYPE_CHECKING:
    from models.classification import ClassScores
    from processors.text import TextProcessor
    from schemas.promotions import Role
    from streams.imports.label_rows import Classes
    from streams.imports.whole_tables import Corrections
    from streams.settings import Settings
    from streams.training import Elsewhere, Trained
    from streams.training_source import Source

Map = Annotated[list[str] | None, typer.Option("--map", help="views=playCount: which column means what. Repeatable.")]
Year = Annotated[int | None, typer.Option(min=1970, max=2200, help="Of dates without one, such as 13.09.")]


def train(
    target: Annotated[str, typer.Argument(help="What to predict; see `groundswell targets list`.")],
    table: Annotated[Path | None, typer.Option("--from", help="Learn from this table instead of the topics.")] = None,
    test: Annotated[
        Path | None, typer.Option("--test", help="Judge on this table, of which nothing is learned.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write what was found as one HTML page.")] = None,
    publish: Annotated[bool, typer.Option(help="Put it on the shelf and tell the scorers.")] = True,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Score in the shadow only, until somebody promotes it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Publish even if it does not beat a constant.")] = False,
    release_id: Annotated[str, typer.Option("--release", help="Its name; default: the newest example's moment.")] = "",
    out: Annotated[Path | None, typer.Option(help="Also keep the release's folder here.")] = None,
    mapping: Map = None,
    year: Year = None,
    source: Annotated[str, typer.Option(help="Where the rows come from, for the card.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as one JSON object on the last line.")] = False,
) -> None:
    """Learn from what was imported or observed, say how good it is on channels it never met, and publish it.

    Running workers take a release up without a restart:

        groundswell import outcomes my_videos.csv
        groundswell train virality --report report.html
        groundswell train virality --from past.csv --test newest.csv --no-publish --json
    """
    from streams.imports.whole_tables import Corrections

    settings = settings_module.load()
    said = Corrections(mapping=tuple(mapping or ()), year=year)
    work = _Work(settings, _definition(settings, target), said, words=source)
    if work.target.kind == "multilabel":
        _compare_classes(work, table, as_json=as_json)
        return
    trained = work.train(table, release_id)
    elsewhere = work.judge(trained, test) if test else None
    if report:
        _write_report(trained, elsewhere, report)
    publishes = publish and (trained.learned.beats_constant or force)
    with TemporaryDirectory() as temporary:
        folder = out or Path(temporary) / trained.release_id
        if publishes or out:
            work.write(trained, folder)
        if publishes:
            _publish(settings, folder, role="shadow" if candidate else "promoted")
    _print(trained, elsewhere, is_published=publishes, as_json=as_json)
    if publish and not publishes:
        from streams.training import too_weak

        raise TrainingImpossible(too_weak(trained))


class _Work:
    """The steps of a run, each with its progress shown."""

    def __init__(self, settings: "Settings", target: TargetDefined, said: "Corrections", *, words: str) -> None:
        self._settings = settings
        self.target = target
        self._said = said
        self._words = words
        self._text: TextProcessor | None = None
        self._learned_from: Source | None = None

    def train(self, table: Path | None, release_id: str) -> "Trained":
        from streams.training import Order, train

        order = Order(target=self.target, release_id=release_id)
        with _Bars() as bars:
            self._learned_from = self.source(table, bars)
            return train(order, self._learned_from, on_progress=bars.show)

    def judge(self, trained: "Trained", table: Path) -> "Elsewhere":
        from streams.training import judge_on

        with _Bars() as bars:
            return judge_on(trained, self.source(table, bars), on_progress=bars.show)

    def source(self, table: Path | None, bars: "_Bars") -> "Source":
        """Open what to learn from: a table, or the topics."""
        from streams.training_source import from_table, on_topics
        from streams.training_table import read_table

        if table is None:
            from streams.kafka.connection import bootstrap_of

            return on_topics(self._settings, bootstrap_of(self._settings), self._words or "all videos seen so far")
        if not table.is_file():
            raise UsageError(f"{table} is not a file; expected a table of videos and how they did")
        read = read_table(
            table,
            self._reader(),
            said=self._said,
            classes=_classes(self.target),
            on_video=lambda done, total: bars.show("summarising", done, total),
        )
        if read.counts.rejected:
            first = read.counts.examples[0]
            typer.echo(
                f"{table.name}: {read.counts.rejected} of {read.counts.rows} rows cannot be read, the first in line "
                f"{first.line}: {first.reason}",
                err=True,
            )
        return from_table(read, self._words or table.name, now_s=float(round(time.time())))

    def write(self, trained: "Trained", folder: Path) -> None:
        from processors.assemble import AssembleProcessor
        from streams.training import comparables_from, write_release

        versions = {"assemble": AssembleProcessor.version} | ({"text": self._text.version} if self._text else {})
        with _Bars() as bars:
            source = self._learned_from
            comparables = comparables_from(trained, source, on_progress=bars.show) if source else None
        write_release(trained, folder, stages=versions, comparables=comparables)

    def _reader(self) -> "TextProcessor":
        """The live text stage, with its network fetched when it is not here yet."""
        from processors.text import TextProcessor
        from streams.storage.weights import WeightsCache
        from streams.world import LocalWorld

        if self._text is None:
            WeightsCache(self._settings.cache_folder).fetch("minilm")
            self._text = TextProcessor.build(LocalWorld(self._settings, report=lambda event: None))
        return self._text


class _Bars(ExitStack):
    """One bar a phase, on the terminal; it leaves nothing behind."""

    def __enter__(self) -> "_Bars":
        from rich.console import Console
        from rich.progress import Progress, TaskID

        self._lines = progress_lines.ProgressLines() if progress_lines.wanted() else None
        self._progress = self.enter_context(Progress(console=Console(stderr=True), transient=True))
        self._tasks: dict[str, TaskID] = {}
        return self

    def show(self, what: str, done: int, total: int | None) -> None:
        if self._lines:
            self._lines.say(what, done, total)
            return
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)


def _definition(settings: "Settings", name: str) -> TargetDefined:
    """Look the target up on the topic; those that ship alone while no Kafka answers."""
    from streams.kafka.connection import bootstrap_of
    from streams.target_shelf import Shelf, read_shelf

    try:
        return read_shelf(settings, bootstrap_of(settings)).find(name)
    except BrokerUnavailable:
        return Shelf().find(name)


def _classes(target: TargetDefined) -> "Classes | None":
    from streams.imports.label_rows import Classes

    return Classes(target) if target.classes else None


def _compare_classes(work: _Work, table: Path | None, *, as_json: bool) -> None:
    from streams.training import check_kind
    from streams.training_classes import class_scores

    with _Bars() as bars:
        scores = class_scores(work.target, work.source(table, bars))
    if as_json:
        typer.echo(msgspec.json.encode([{"method": s.method, "class": s.name, **s.figures} for s in scores]))
    else:
        _print_classes(scores)
    check_kind(work.target)


def _print_classes(scores: "list[ClassScores]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("method", "class", *scores[0].figures, box=None, pad_edge=False)
    for one in scores:
        table.add_row(one.method, one.name, *(f"{value:.3f}" for value in one.figures.values()))
    Console().print(table)


def _write_report(trained: "Trained", elsewhere: "Elsewhere | None", path: Path) -> None:
    from streams.training_report import report_of

    try:
        path.write_text(report_of(trained, elsewhere), "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    typer.echo(f"the report lies in {path}", err=True)


def _print(trained: "Trained", elsewhere: "Elsewhere | None", *, is_published: bool, as_json: bool) -> None:
    from streams.training_figures import outcome_of

    outcome = outcome_of(trained, elsewhere, is_published=is_published)
    if as_json:
        typer.echo(msgspec.json.encode(outcome))
        return
    _echo_outcome(outcome, typer.echo)


def _echo_outcome(outcome: dict[str, object], say: Callable[[str], object]) -> None:
    for name, value in outcome.items():
        words = f"{value:.4g}" if isinstance(value, float) else str(value)
        say(f"  {name.replace('_', ' '):24} {words}")
    verdict = "beats" if outcome["beats_constant"] else "does NOT beat"
    say(f"It {verdict} a constant on channels it never met (90 % confidence).")


def _publish(settings: "Settings", folder: Path, *, role: "Role") -> None:
    from streams.kafka.connection import bootstrap_of
    from streams.release_roles import announce
    from streams.storage.releases import ReleaseShelf
    from streams.world import open_media

    event = ReleaseShelf(settings.home, open_media(settings)).publish(folder)
    announce(settings, bootstrap_of(settings), event, role=role)
    if role == "shadow":
        said = f"published {event.record_key} as a candidate; `groundswell releases promote` makes it serve"
    else:
        said = f"published {event.record_key}; `groundswell replay --target {event.target}` rescores the past"
    typer.echo(said, err=True)
