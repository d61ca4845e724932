"""Stages, lag, workers, disk, scoreboard."""

from fastapi import APIRouter
from fastapi.responses import Response

from dashboard.access.roles import Viewer
from dashboard.api.answers import Json, returns
from dashboard.desk import TheDesk
from dashboard.overview import Overview, overview
from dashboard.sampling import TheSampler
from streams.scoreboard import BoardRow, by_week, parts_of

router = APIRouter(prefix="/v1")


@router.get("/operations", responses=returns(Overview))
def show_operations(desk: TheDesk, caller: Viewer, sampler: TheSampler) -> Response:
    """Show lag, rate and workers of each stage, dead letters, disk, what serves, and how good predictions turned out."""
    return Json(overview(desk, sampler, wait=True))


@router.get("/scoreboard", responses=returns(list[BoardRow]))
def show_scoreboard(desk: TheDesk, caller: Viewer) -> Response:
    """Show how good each release was, week by week: error beside the constant, bias, coverage of intervals."""
    return Json(by_week(parts_of(desk.library.scores())))
