"""What stages gave up, and putting it back."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from dashboard.access.roles import Admin, Viewer
from dashboard.api.answers import Json, problems, returns
from dashboard.api.bodies import KnownFields
from dashboard.desk import Desk, TheDesk
from dashboard.letters import LetterBrief, LetterShown, brief, shown
from dashboard.problems import not_found
from dashboard.rows import MOST_ROWS
from schemas.deadletters import EventRejected
from schemas.errors import UsageError
from streams.deadletters import redrive, returnable

router = APIRouter(prefix="/v1")

MOST_REDRIVEN = 5000

Stage = Annotated[str, Query(max_length=64, description="Only those of one stage.")]
Key = Annotated[str, Field(min_length=1, max_length=300)]


class LetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters that wait, newest first."""

    items: list[LetterBrief]
    next_cursor: str
    total: int


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    """How many were put back; `left` have no bytes to put back, or must wait for the next call."""

    redriven: int
    left: int = 0


class RedriveWanted(KnownFields):
    """Say which: by key, all of a stage, or all there are."""

    keys: list[Key] = Field([], max_length=MOST_ROWS, examples=[["text/segments/3/1042"]])
    stage: str = Field("", max_length=64)
    everything: bool = False


@router.get("/dead-letters", responses=returns(LetterPage))
def list_letters(
    desk: TheDesk,
    caller: Viewer,
    stage: Stage = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> Response:
    """List events that stages could not process and that were not put back since."""
    page = desk.library.dead_letters(stage=stage, cursor=cursor, limit=limit)
    items = [brief(letter) for letter in page.items]
    return Json(LetterPage(items=items, next_cursor=page.next_cursor, total=page.total))


@router.get("/dead-letters/{key:path}", responses=returns(LetterShown))
def show_letter(desk: TheDesk, caller: Viewer, key: Annotated[str, Path(max_length=300)]) -> Response:
    """Show everything about one: place, error, traceback, the beginning of its original bytes."""
    return Json(shown(_letter(desk, key)))


@router.post("/dead-letters/redrive", responses=returns(Redriven, example=Redriven(redriven=3)) | problems(404))
def redrive_letters(desk: TheDesk, caller: Admin, wanted: RedriveWanted) -> Response:
    """Put original records back on their topic, for the one stage that gave them up."""
    if sum((bool(wanted.keys), bool(wanted.stage), wanted.everything)) != 1:
        raise UsageError("say which dead letters: keys, or a stage, or everything")
    chosen, waiting = _chosen(desk, wanted)
    back = chosen if wanted.keys else returnable(chosen)
    done = redrive(desk.settings, desk.bootstrap, back) if back else 0
    return Json(Redriven(redriven=done, left=waiting - done))


def _chosen(desk: Desk, wanted: RedriveWanted) -> tuple[list[EventRejected], int]:
    """Which are meant, as many as one call takes, and how many are meant in all."""
    if wanted.keys:
        found = [_letter(desk, key) for key in dict.fromkeys(wanted.keys)]
        return found, len(found)
    found, cursor, total = [], "", 0
    while len(found) < MOST_REDRIVEN:
        page = desk.library.dead_letters(stage=wanted.stage, cursor=cursor, limit=MOST_ROWS)
        found += page.items
        cursor, total = page.next_cursor, page.total
        if not cursor:
            break
    return found, total


def _letter(desk: Desk, key: str) -> EventRejected:
    found = desk.library.dead_letter(key)
    if found is None:
        raise not_found("dead letter", key)
    return found
