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
    from streams.training_classes import ClassesElsewhere, TrainedClasses
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
    features: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STAGE=VERSION",
            help="Learn from features that lie beside (groundswell replay --stage); makes a candidate. Repeatable.",
        ),
    ] = None,
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

    if table and features:
        raise UsageError("--features are those on the topics; what is learned from a table (--from) is read anew")
    settings = settings_module.load()
    said = Corrections(mapping=tuple(mapping or ()), year=year)
    work = _Work(settings, _definition(settings, target), said, words=source, features=tuple(features or ()))
    run = _ClassRun(work, as_json=as_json) if work.target.kind == "multilabel" else _NumberRun(work, as_json=as_json)
    run.learn(table, release_id, test)
    if report:
        _write_report(run.report(), report)
    publishes = publish and (run.beats_constant or force)
    with TemporaryDirectory() as temporary:
        folder = out or Path(temporary) / run.release_id
        if publishes or out:
            run.write(folder)
        if publishes:
            _publish(settings, folder, role="shadow" if candidate or features else "promoted")
    run.show(is_published=publishes)
    if publish and not publishes:
        raise TrainingImpossible(run.too_weak())


class _NumberRun:
    """Learning a target that is one number of a video."""

    def __init__(self, work: "_Work", *, as_json: bool) -> None:
        self._work, self._as_json = work, as_json

    def learn(self, table: Path | None, release_id: str, test: Path | None) -> None:
        self._trained = self._work.train(table, release_id)
        self._elsewhere = self._work.judge(self._trained, test) if test else None

    @property
    def beats_constant(self) -> bool:
        return self._trained.learned.beats_constant

    @property
    def release_id(self) -> str:
        return self._trained.release_id

    def report(self) -> str:
        from streams.training_report import report_of

        return report_of(self._trained, self._elsewhere)

    def write(self, folder: Path) -> None:
        self._work.write(self._trained, folder)

    def show(self, *, is_published: bool) -> None:
        _print(self._trained, self._elsewhere, is_published=is_published, as_json=self._as_json)

    def too_weak(self) -> str:
        from streams.training import too_weak

        return too_weak(self._trained)


class _ClassRun:
    """Learning a target of several classes."""

    def __init__(self, work: "_Work", *, as_json: bool) -> None:
        self._work, self._as_json = work, as_json

    def learn(self, table: Path | None, release_id: str, test: Path | None) -> None:
        self._trained = self._work.train_classes(table, release_id)
        self._elsewhere = self._work.judge_classes(self._trained, test) if test else None

    @property
    def beats_constant(self) -> bool:
        return self._trained.beats_constant

    @property
    def release_id(self) -> str:
        return self._trained.release_id

    def report(self) -> str:
        from streams.training_class_report import class_report_of

        return class_report_of(self._trained, self._elsewhere)

    def write(self, folder: Path) -> None:
        from streams.training_classes import write_class_release

        write_class_release(self._trained, folder, stages=self._work.versions())

    def show(self, *, is_published: bool) -> None:
        _print_class_run(self._trained, self._elsewhere, is_published=is_published, as_json=self._as_json)

    def too_weak(self) -> str:
        from streams.training_classes import classes_too_weak

        return classes_too_weak(self._trained)


class _Work:
    """The steps of a run, each with its progress shown."""

    def __init__(
        self, settings: "Settings", target: TargetDefined, said: "Corrections", *, words: str, features: tuple[str, ...]
    ) -> None:
        self._settings = settings
        self.target = target
        self._said = said
        self._words = words
        self._features = features
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

    def train_classes(self, table: Path | None, release_id: str) -> "TrainedClasses":
        from streams.training import Order
        from streams.training_classes import train_classes

        order = Order(target=self.target, release_id=release_id)
        with _Bars() as bars:
            return train_classes(order, self.source(table, bars), on_progress=bars.show)

    def judge_classes(self, trained: "TrainedClasses", table: Path) -> "ClassesElsewhere":
        from streams.training_classes import judge_classes_on

        with _Bars() as bars:
            return judge_classes_on(trained, self.source(table, bars))

    def source(self, table: Path | None, bars: "_Bars") -> "Source":
        """Open what to learn from: a table, or the topics."""
        from streams.training_source import from_table
        from streams.training_table import read_table

        if table is None:
            return self._on_topics(bars)
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

    def _on_topics(self, bars: "_Bars") -> "Source":
        from streams.kafka.connection import bootstrap_of
        from streams.training_source import on_topics

        words, bootstrap = self._words or "all videos seen so far", bootstrap_of(self._settings)
        if not self._features:
            return on_topics(self._settings, bootstrap, words)
        from streams.training_beside import on_features, versions_in

        return on_features(
            self._settings,
            bootstrap,
            versions_in(self._features),
            words=words,
            on_read=lambda done, total: bars.show("summing up", done, total),
        )

    def versions(self) -> dict[str, str]:
        """Of the stages that the features came from, as far as they are known here."""
        from processors.assemble import AssembleProcessor

        return {"assemble": AssembleProcessor.version} | ({"text": self._text.version} if self._text else {})

    def write(self, trained: "Trained", folder: Path) -> None:
        from streams.training import comparables_from, write_release

        with _Bars() as bars:
            source = self._learned_from
            comparables = comparables_from(trained, source, on_progress=bars.show) if source else None
        write_release(trained, folder, stages=self.versions(), comparables=comparables)

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


def _print_class_run(
    trained: "TrainedClasses", elsewhere: "ClassesElsewhere | None", *, is_published: bool, as_json: bool
) -> None:
    from streams.training_class_figures import class_outcome_of

    outcome = class_outcome_of(trained, elsewhere, is_published=is_published)
    if as_json:
        typer.echo(msgspec.json.encode(outcome))
        return
    _print_classes(trained.scores)
    typer.echo(f"kept: {trained.learned.chosen.name}, each class calibrated")
    _print_chances(trained)
    for name, why in sorted(trained.rows.left_out.items()):
        typer.echo(f"not learned: {name} ({why})")
    verdict = "beats" if trained.beats_constant else "does NOT beat"
    typer.echo(f"It {verdict} the base rates of its classes on channels it never met (90 % confidence).")


def _print_chances(trained: "TrainedClasses") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "class", "base rate", "AP", "AUC", "ECE", "likely from", "beats its base rate", box=None, pad_edge=False
    )
    for one in trained.classes:
        figures = [f"{one.metrics[name]:.3f}" for name in ("base_rate", "ap", "auc", "ece")]
        table.add_row(one.name, *figures, f"{one.likely_from:.3f}", "yes" if one.beats_base_rate else "no")
    Console().print(table)


def _print_classes(scores: "list[ClassScores]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("method", "class", *scores[0].figures, box=None, pad_edge=False)
    for one in scores:
        table.add_row(one.method, one.name, *(f"{value:.3f}" for value in one.figures.values()))
    Console().print(table)


def _write_report(page: str, path: Path) -> None:
    try:
        path.write_text(page, "utf-8")
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
        said = (
            f"published {event.record_key} as a candidate; `groundswell releases promote {event.record_key}` makes it "
            "serve, and the features stand that it was taught on"
        )
    else:
        said = f"published {event.record_key}; `groundswell replay --target {event.target}` rescores the past"
    typer.echo(said, err=True)
