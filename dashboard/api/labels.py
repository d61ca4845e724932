"""Classes, questions to judge, and judgements."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from dashboard.access.roles import Editor, Viewer
from dashboard.api.answers import Json, problems, returns
from dashboard.api.bodies import KnownFields
from dashboard.api.patterns import CLASS, SCOPE, TARGET, VIDEO
from dashboard.asking import Asked, TheAsking
from dashboard.desk import Desk, TheDesk
from dashboard.labelling_state import Labelling, labelling, last_of
from dashboard.new_targets import with_class, with_classes
from dashboard.problems import Problem, not_found
from dashboard.rows import MOST_ROWS
from schemas.event import WHOLE_VIDEO
from schemas.labels import LabelGiven
from schemas.targets import TargetDefined
from streams.labelling import label_of, labeller, place_of
from streams.target_shelf import Shelf

router = APIRouter(prefix="/v1")

MOST_QUESTIONS = 20
MOST_CLASSES = 100

OfTarget = Annotated[str, Query(pattern=TARGET, examples=["scenes"])]
OfClass = Annotated[
    str, Query(alias="class", pattern=CLASS + "|^$", description="By default whichever has the fewest judgements.")
]
Word = Annotated[str, Field(max_length=64, examples=["halloween"])]


class ClassWanted(KnownFields):
    """One class, and in whole words what belongs to it."""

    name: Word
    definition: str = Field(max_length=2000, examples=["At least one person in a costume."])
    aliases: list[Word] = Field([], max_length=20)


class TargetWanted(KnownFields):
    """A target of classes of one's own; what is there already gets a new version."""

    name: Word
    title: str = Field("", max_length=200)
    description: str = Field("", max_length=2000)
    scope: Literal["video", "segment", "both"] = "both"
    classes: list[ClassWanted] = Field(min_length=1, max_length=MOST_CLASSES)


class LabelWanted(KnownFields):
    """Whether a class fits a segment, or a video as a whole."""

    target: str = Field(pattern=TARGET, examples=["scenes"])
    video_id: str = Field(pattern=VIDEO, examples=["youtube:dQw4w9WgXcQ"])
    scope: str = Field(WHOLE_VIDEO, pattern=SCOPE, examples=["3"])
    label: str = Field(pattern=CLASS, examples=["halloween"])
    value: Literal["yes", "no", "skip"]


class UndoLabel(KnownFields):
    """A label of one's own to take back: the last one of the target, unless it is named."""

    target: str = Field(pattern=TARGET, examples=["scenes"])
    video_id: str | None = Field(None, pattern=VIDEO)
    scope: str | None = Field(None, pattern=SCOPE)
    label: str | None = Field(None, pattern=CLASS)


@router.get("/targets", responses=returns(list[TargetDefined]))
def list_targets(desk: TheDesk, caller: Viewer) -> Response:
    """List what can be predicted: the newest definition of every target."""
    return Json(desk.library.targets())


@router.get("/targets/{name}", responses=returns(TargetDefined))
def show_target(desk: TheDesk, caller: Viewer, name: Annotated[str, Path(pattern=TARGET)]) -> Response:
    """Show the newest definition of a target."""
    return Json(target_of(desk, name))


@router.post("/targets", status_code=201, responses=returns(TargetDefined, status=201))
def define_target(desk: TheDesk, caller: Editor, wanted: TargetWanted) -> Response:
    """Define a target of one's own classes: no code, and ten labels are enough to begin."""
    known = {target.name: target for target in desk.library.targets()}
    return _publish(desk, with_classes(wanted.model_dump(), known.get(wanted.name)))


@router.post("/targets/{name}/classes", status_code=201, responses=returns(TargetDefined, status=201))
def add_class(
    desk: TheDesk, caller: Editor, name: Annotated[str, Path(pattern=TARGET)], wanted: ClassWanted
) -> Response:  # fmt: skip
    """Add a class to a target; labels that were given stay."""
    return _publish(desk, with_class(wanted.model_dump(), classes_of(desk, name)))


@router.get("/labels", responses=returns(list[LabelGiven], "The newest first"))
def list_labels(
    caller: Viewer,
    asking: TheAsking,
    target: OfTarget,
    label: OfClass = "",
    by: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> Response:
    """List labels that stand."""
    found = [x for x in asking.standing(target) if label in ("", x.label) and by in ("", x.by)]
    found.sort(key=lambda x: (x.given_at_s or 0.0, x.record_key), reverse=True)
    return Json(found[:limit])


@router.get("/labels/queue", responses=returns(Asked) | problems(404))
def next_questions(
    desk: TheDesk,
    caller: Viewer,
    asking: TheAsking,
    target: OfTarget,
    label: OfClass = "",
    count: Annotated[int, Query(ge=1, le=MOST_QUESTIONS)] = 5,
    shared: Annotated[bool, Query(description="Ask what others have judged, to measure agreement.")] = False,
) -> Response:
    """Choose what to judge next: what teaches the class most comes first."""
    found = classes_of(desk, target)
    check_class(found, label)
    return Json(asking.next(found, label, by=labeller(caller.name), count=count, shares=shared))


@router.get("/labels/counts", responses=returns(Labelling) | problems(404))
def count_labels(desk: TheDesk, caller: Viewer, asking: TheAsking, target: OfTarget) -> Response:
    """Count judgements by class, and say how far people agree: kappa for two people, alpha for any number."""
    return Json(labelling(classes_of(desk, target), asking.standing(target), by=labeller(caller.name)))


@router.post("/labels", status_code=201, responses=returns(LabelGiven, status=201) | problems(404))
def give_label(desk: TheDesk, caller: Editor, asking: TheAsking, wanted: LabelWanted) -> Response:
    """Judge one segment; what you said before of the same is replaced."""
    check_class(classes_of(desk, wanted.target), wanted.label)
    _check_place(desk, wanted.video_id, wanted.scope)
    place = place_of(f"{wanted.video_id}/{wanted.scope}")
    label = label_of(place, wanted.target, label=wanted.label, value=wanted.value, by=labeller(caller.name))
    with asking.in_turn:
        desk.topics.send([label])
        asking.given(label)
    return Json(label, status_code=201)


@router.post("/labels/undo", responses=returns(LabelGiven) | problems(404))
def undo_label(desk: TheDesk, caller: Editor, asking: TheAsking, wanted: UndoLabel) -> Response:
    """Take a label of yours back, by default the last one; the segment can be asked about again."""
    wishes = {name: value for name, value in wanted.model_dump().items() if value is not None}
    with asking.in_turn:
        label = last_of(asking.standing(wanted.target), by=labeller(caller.name), **wishes)
        if label is None:
            raise Problem(404, "nothing-to-undo", "Nothing can be taken back", detail="no such label of yours stands")
        desk.topics.take_back([label])
        asking.taken_back(label)
    return Json(label)


def target_of(desk: Desk, name: str) -> TargetDefined:
    """Look a target up.

    Raises
    ------
    Problem
        There is none.
    """
    found = next((target for target in desk.library.targets() if target.name == name), None)
    if found is None:
        raise not_found("target", name)
    return found


def classes_of(desk: Desk, name: str) -> TargetDefined:
    """Look a target with classes up.

    Raises
    ------
    Problem
        There is none, or it has no classes.
    """
    found = target_of(desk, name)
    if not found.classes:
        detail = f"{name} is one number, so there is nothing to label; define a target with classes"
        raise Problem(422, "no-classes", "The target has no classes", detail=detail)
    return found


def check_class(target: TargetDefined, label: str) -> None:
    """See that a class is one of the target's; an empty name is.

    Raises
    ------
    Problem
        It is not.
    """
    if label and label not in [one.name for one in target.classes]:
        raise not_found(f"class of {target.name}", label)


def _check_place(desk: Desk, video_id: str, scope: str) -> None:
    found = desk.library.video(video_id)
    if found is None or (scope != WHOLE_VIDEO and int(scope) not in [cut.index for cut in found.segments]):
        raise not_found("segment", f"{video_id}/{scope}")


def _publish(desk: Desk, target: TargetDefined) -> Response:
    if Shelf(desk.library.targets()).is_new(target):
        desk.topics.send([target])
    return Json(target, status_code=201)
