"""Questions to judge, by keyboard."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.access.roles import Viewer
from dashboard.asking import TheAsking
from dashboard.desk import TheDesk
from dashboard.labelling_state import TEACHES, Labelling, labelling
from dashboard.pages.rendering import render
from schemas.targets import TargetClass, TargetDefined
from streams.labelling import labeller

router = APIRouter(include_in_schema=False)

PREFERRED = "scenes"
SESSION_GOAL = 40
"""So many answers make a sitting, as with `groundswell label`."""


@router.get("/label")
def label(
    request: Request,
    desk: TheDesk,
    caller: Viewer,
    asking: TheAsking,
    target: Annotated[str, Query(max_length=64)] = "",
    label: Annotated[str, Query(alias="class", max_length=64)] = "",
    shared: bool = False,
) -> Response:
    """Show one question after the other, with the definition of the class in sight."""
    targets = [one for one in desk.library.targets() if one.classes]
    chosen = _chosen(targets, target)
    state = labelling(chosen, asking.standing(chosen.name), by=labeller(caller.name)) if chosen else None
    return render(
        request,
        "label.html",
        targets=targets,
        target=chosen,
        one=_class(chosen, state, label),
        is_unknown=bool(target) and (chosen is None or chosen.name != target),
        state=state,
        shared=shared,
        goal=SESSION_GOAL,
        teaches=TEACHES,
    )


def _chosen(targets: list[TargetDefined], name: str) -> TargetDefined | None:
    found = {target.name: target for target in targets}
    return found.get(name) or found.get(PREFERRED) or next(iter(targets), None)


def _class(target: TargetDefined | None, state: Labelling | None, name: str) -> TargetClass | None:
    """The class asked for; by default the one with the fewest judgements."""
    if target is None or state is None:
        return None
    counts = state.counts
    by_need = sorted(target.classes, key=lambda one: counts[one.name]["yes"] + counts[one.name]["no"])
    return next((one for one in target.classes if one.name == name), by_need[0])
