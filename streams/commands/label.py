"""``groundswell label TARGET``: teach a class by looking at the segments from which it learns most."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from typer.core import TyperGroup

from schemas.errors import UsageError
from streams import settings as settings_module
from streams.aligned import aligned
from streams.label_answers import HINT, Answers, act_of, acts_of
from streams.text_safety import harmless

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from schemas.labels import Judgement, LabelGiven
    from schemas.targets import TargetDefined
    from streams.label_candidates import Pictures
    from streams.label_queue import LabelQueue, Question, Sitting
    from streams.labelling import ClassAgreement
    from streams.settings import Settings

ASK = "ask"
"""What is meant where the first word is no command but a target."""

MOST_WORDS = 500
"""Characters of a segment's words."""

MOST_SEEN = 8
"""Labels and sounds on a screen, the surest first."""

WHY = {
    "words": "fits the words of the class",
    "unlike": "least like the class: something that is not is wanted",
    "unsure": "the classifier is least sure",
    "likely": "the classifier finds it likely",
    "new": "like nothing judged so far",
}


class _AskByDefault(TyperGroup):
    """``label scenes`` is ``label ask scenes``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: a class that typer keeps to itself
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [ASK, *args]
        left: list[str] = super().parse_args(ctx, args)
        return left


app = typer.Typer(
    cls=_AskByDefault,
    no_args_is_help=True,
    help="Say what is in segments, those first from which a class learns most: `groundswell label TARGET`.",
)

Target = Annotated[str, typer.Argument(metavar="TARGET", help="A target with classes; `groundswell targets list`.")]
ClassOption = Annotated[
    str, typer.Option("--class", metavar="NAME", help="By default whichever has the fewest judgements.")
]
By = Annotated[str, typer.Option("--by", metavar="ME", help="Who labels; by default who is logged in.")]
Count = Annotated[int, typer.Option("--count", min=1, max=10_000, help="How many to ask about.")]
Shared = Annotated[bool, typer.Option("--shared", help="Ask what others have judged, to measure agreement.")]
PlaceOf = Annotated[str, typer.Argument(metavar="VIDEO/SEGMENT", help="As `label next` prints it.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command(ASK)
def ask(
    target: Target,
    name: ClassOption = "",
    by: By = "",
    count: Count = 40,
    shared: Shared = False,
    answers: Annotated[
        str, typer.Option(metavar="FILE", help="Take answers from a file, one a line; - is standard input.")
    ] = "",
) -> None:
    """Ask about segments one by one: y, n, s(kip), u(ndo), q(uit). Every answer is kept at once.

    groundswell label scenes --class halloween --by ada

    printf 'y\\nn\\nskip\\n' | groundswell label scenes --class halloween
    """
    from streams.kafka.connection import bootstrap_of
    from streams.label_candidates import Pictures
    from streams.label_queue import Sitting
    from streams.labelling import KafkaLabels, labeller

    settings, me = settings_module.load(), labeller(by)
    bootstrap = bootstrap_of(settings)
    queue = _queue(settings, target, me, shared=shared)
    with acts_of(answers) as acts, KafkaLabels(settings, bootstrap) as topic:
        sitting = Sitting(queue, topic, by=me, name=_class_name(queue.target, name))
        _sit(sitting, acts, _Screen(queue, Pictures(settings, bootstrap), count))
    done = sitting.answered
    typer.echo(f"{done} of {count} answered by {harmless(me)}; next: groundswell label list {target}")


@app.command("next")
def next_(
    target: Target,
    name: ClassOption = "",
    by: By = "",
    count: Count = 10,
    shared: Shared = False,
    as_json: AsJson = False,
) -> None:
    """Print what would be asked next, and ask nothing.

    groundswell label next scenes --class shopping --count 20 --json
    """
    from streams.kafka.connection import bootstrap_of
    from streams.label_candidates import Pictures
    from streams.labelling import labeller

    settings = settings_module.load()
    queue = _queue(settings, target, labeller(by), shared=shared)
    questions = queue.next(_class_name(queue.target, name) or queue.by_need()[0], count)
    if not as_json:
        rows = [(str(q.place), q.label, _time(q), q.why, harmless(q.title or q.words, longest=48)) for q in questions]
        typer.echo(aligned(("segment", "class", "time", "why", "title"), rows))
        return
    pictures = Pictures(settings, bootstrap_of(settings))
    for question in questions:
        typer.echo(msgspec.json.encode(_with_keyframe(question, queue, pictures)))


@app.command("give")
def give(
    target: Target,
    place: PlaceOf,
    name: Annotated[str, typer.Argument(metavar="CLASS")],
    value: Annotated[str, typer.Argument(metavar="yes|no|skip")],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Say whether a class fits one segment; what you said before of the same is replaced.

    groundswell label give scenes youtube:dQw4w9WgXcQ/3 halloween yes --by ada
    """
    from streams.labelling import KafkaLabels, check_known, label_of, labeller, place_of

    settings, bootstrap = _connected()
    found, where, me = _target(settings, target), place_of(place), labeller(by)
    label = label_of(where, found.name, label=_class_name(found, name), value=_judgement(value), by=me)
    check_known(settings, bootstrap, where)
    with KafkaLabels(settings, bootstrap) as topic:
        topic.give(label)
    _tell("given", label, as_json=as_json)


@app.command("undo")
def undo(
    target: Target,
    place: Annotated[str, typer.Argument(metavar="[VIDEO/SEGMENT", help="By default your last label.")] = "",
    name: Annotated[str, typer.Argument(metavar="CLASS]")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take a label of yours back, by default the last one; the segment can be asked about again.

    groundswell label undo scenes --by ada
    """
    from streams.labelling import KafkaLabels, labeller, last_by, place_of, read_labels

    settings, bootstrap = _connected()
    found, me = _target(settings, target), labeller(by)
    labels = read_labels(settings, bootstrap, found.name)
    if place:
        where, wanted = place_of(place), _class_name(found, name)
        labels = [
            x for x in labels if (x.video_id, x.scope) == (where.video_id, where.scope) and wanted in ("", x.label)
        ]
    label = last_by(labels, me)
    with KafkaLabels(settings, bootstrap) as topic:
        topic.take_back(label)
    _tell("taken back", label, as_json=as_json)


@app.command("list")
def list_labels(target: Target, name: ClassOption = "", by: By = "", as_json: AsJson = False) -> None:
    """List the labels that stand, and count them by class.

    groundswell label list scenes --by ada
    """
    from streams.labelling import counts_of, read_labels

    settings, bootstrap = _connected()
    found = _target(settings, target)
    wanted = _class_name(found, name)
    labels = read_labels(settings, bootstrap, found.name)
    labels = [label for label in labels if wanted in ("", label.label) and by in ("", label.by)]
    if as_json:
        for label in labels:
            typer.echo(msgspec.json.encode(label))
        return
    rows = [(f"{x.video_id}/{x.scope}", x.label, x.value, harmless(x.by) or "-") for x in labels]
    typer.echo(aligned(("segment", "class", "value", "by"), rows))
    counts = [(c, *(str(n[v]) for v in ("yes", "no", "skip"))) for c, n in counts_of(found, labels).items()]
    typer.echo("\n" + aligned(("class", "yes", "no", "skip"), counts))


@app.command("agreement")
def agreement(target: Target, as_json: AsJson = False) -> None:
    """Say how far people agree, by class: Cohen's kappa for two, Krippendorff's alpha for any number.

    1 is full agreement and 0 what chance brings. `groundswell label TARGET --shared` asks what others have judged.

    groundswell label agreement scenes --json
    """
    from streams.labelling import agreements_of, read_labels

    settings, bootstrap = _connected()
    found = _target(settings, target)
    agreements = agreements_of(found, read_labels(settings, bootstrap, found.name))
    if as_json:
        for one in agreements:
            typer.echo(msgspec.json.encode(one))
        return
    heads = ("class", "people", "judged by 2+", "same", "kappa", "alpha", "disputed")
    typer.echo(aligned(heads, [_agreement_row(one) for one in agreements]))


def _connected() -> "tuple[Settings, str]":
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    return settings, bootstrap_of(settings)


def _target(settings: "Settings", name: str) -> "TargetDefined":
    from streams.kafka.connection import bootstrap_of
    from streams.target_shelf import read_shelf

    found = read_shelf(settings, bootstrap_of(settings)).find(name)
    if not found.classes:
        raise UsageError(f"{name} has no classes to label; `groundswell targets show scenes` is one that has")
    return found


def _queue(settings: "Settings", target: str, by: str, *, shared: bool) -> "LabelQueue":
    from streams.kafka.connection import bootstrap_of
    from streams.label_candidates import read_candidates
    from streams.label_queue import LabelQueue
    from streams.labelling import read_labels

    bootstrap, found = bootstrap_of(settings), _target(settings, target)
    candidates = read_candidates(settings, bootstrap, found)
    if not candidates:
        raise UsageError(
            f"there are no {'videos' if found.scope == 'video' else 'segments'} to label yet; "
            "`groundswell submit` some videos, and wait until `groundswell status` says they are done"
        )
    labels = read_labels(settings, bootstrap, found.name)
    return LabelQueue(found, candidates, labels=labels, encode=_Encoder(settings), by=by, shares=shared)


class _Encoder:
    """The text network, loaded when it is first asked."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def __call__(self, texts: "Sequence[str]") -> "NDArray[np.float32]":
        from models.text import TextEncoder
        from streams.storage.weights import WeightsCache

        folder = WeightsCache(self._settings.cache_folder).folder("minilm")
        return TextEncoder.load(folder, self._settings.options().inference).encode(texts)


def _class_name(target: "TargetDefined", name: str) -> str:
    """The class as the target calls it; empty where none is named."""
    from streams.imports.label_rows import Classes

    return Classes(target).find(name) if name else ""


def _judgement(word: str) -> "Judgement":
    act = act_of(word)
    if act is None or act in ("undo", "quit"):
        raise UsageError(f"expected yes, no or skip, got {word[:60]!r}")
    return act  # type: ignore[return-value]  # undo and quit are out


def _sit(sitting: "Sitting", acts: Answers, screen: "_Screen") -> None:
    while sitting.answered < screen.wanted and (question := sitting.question()):
        screen.show(question, sitting.answered)
        act = acts()
        if act is None or act == "quit":
            return
        if act == "undo":
            label = sitting.undo()
            typer.echo("nothing to undo" if label is None else f"taken back: {_in_words(label)}")
        else:
            typer.echo(_in_words(sitting.answer(act)))
    if sitting.answered < screen.wanted:
        typer.echo("nothing is left to ask")


class _Screen:
    """Shows questions one after the other."""

    def __init__(self, queue: "LabelQueue", pictures: "Pictures", wanted: int) -> None:
        self._queue, self._pictures, self.wanted = queue, pictures, wanted

    def show(self, question: "Question", answered: int) -> None:
        """Print all that helps to judge, the class's definition last: it stands next to the answer."""
        found = _with_keyframe(question, self._queue, self._pictures)
        seen = sorted(found.seen, key=lambda label: (-label.score, label.name))[:MOST_SEEN]
        typer.echo(f"\n{answered + 1} of {self.wanted}  {harmless(found.title, longest=80) or found.video_id}")
        typer.echo(f"  {found.place}  {_time(found)}  ({WHY[found.why]}{_chance(found)})")
        typer.echo(f"  words    {harmless(found.words, longest=MOST_WORDS) or '-'}")
        typer.echo(f"  seen     {', '.join(f'{harmless(s.name)} {s.score:.2f}' for s in seen) or '-'}")
        typer.echo(f"  picture  {found.keyframe or '-'}")
        typer.echo(f"{found.label.replace('_', ' ')}: {harmless(found.definition, longest=MOST_WORDS)}")
        typer.echo(f"  {HINT}")


def _with_keyframe(question: "Question", queue: "LabelQueue", pictures: "Pictures") -> "Question":
    path = pictures(queue.candidates[question.place])
    return msgspec.structs.replace(question, keyframe=str(path) if path else None)


def _time(question: "Question") -> str:
    return f"{question.start_s:.1f}-{question.end_s:.1f} s" if question.end_s else "whole video"


def _chance(question: "Question") -> str:
    return "" if question.chance is None else f": {question.chance:.0%}"


def _in_words(label: "LabelGiven") -> str:
    return f"{label.value}: {label.video_id}/{label.scope} {label.label.replace('_', ' ')}"


def _tell(what: str, label: "LabelGiven", *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(label))
        return
    typer.echo(f"{what}: {_in_words(label)}, by {harmless(label.by) or 'nobody named'}")


def _agreement_row(one: "ClassAgreement") -> tuple[str, ...]:
    figures = ["-" if figure is None else f"{figure:.2f}" for figure in (one.same, one.kappa, one.alpha)]
    return (one.label, str(len(one.people)), str(one.shared), *figures, str(len(one.disputed)))
