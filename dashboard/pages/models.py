"""Releases, training, replays."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from dashboard.access.roles import Viewer
from dashboard.api.releases import ReleaseId, TargetName, compared, release_row
from dashboard.desk import Desk, TheDesk
from dashboard.job_folders import Job
from dashboard.jobs import Jobs, TheJobs
from dashboard.pages import job_views
from dashboard.pages.board_charts import board_charts
from dashboard.pages.cards import blocks_of
from dashboard.pages.job_views import JobView, view_of
from dashboard.pages.release_views import by_target, figures_of
from dashboard.pages.rendering import link, render
from dashboard.problems import Problem
from streams.scoreboard import by_week, parts_of

router = APIRouter(include_in_schema=False)

View = Literal["releases", "jobs"]


@router.get("/models")
def models(
    request: Request,
    desk: TheDesk,
    caller: Viewer,
    jobs: TheJobs,
    view: View = "releases",
    job: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show the releases of every target; or what trains, replays and imports."""
    found, targets = jobs.list(), desk.library.targets()
    shown = _chosen(jobs, found, job)
    chosen = view_of(shown) if shown else None
    if any(one.is_active for one in found):
        jobs.begin()  # after a restart somebody has to look after them
    return render(
        request,
        "models.html",
        view=view,
        targets=by_target(targets, desk.library.releases()),
        jobs=[view_of(one) for one in found],
        active=sum(one.is_active for one in found),
        chosen=chosen,
        titles=_titles(desk, chosen),
        result_name=job_views.name_of,
        is_unknown=bool(job) and not any(one.job_id == job for one in found),
        here_with_query=link("/models", view="" if view == "releases" else view, job=job),
        with_classes=[t for t in targets if t.classes],
    )


@router.get("/models/compare")
def compare(
    request: Request,
    desk: TheDesk,
    caller: Viewer,
    a: Annotated[str, Query(max_length=140)] = "",
    b: Annotated[str, Query(max_length=140)] = "",
) -> Response:
    """Show two releases side by side."""
    rows = desk.library.releases()
    found = compared(desk, a, b) if a and b and a != b else None
    return render(request, "compare_releases.html", rows=rows, found=found, a=a, b=b)


@router.get("/models/{target}")
def models_of(target: TargetName, caller: Viewer) -> Response:
    """Lead to a target's place on the page of all."""
    return RedirectResponse(f"/models#{target}", 307)


@router.get("/models/{target}/{release_id}")
def release(request: Request, desk: TheDesk, caller: Viewer, target: TargetName, release_id: ReleaseId) -> Response:
    """Show a release: figures beside the constant, how it turned out, its card."""
    row = release_row(desk, f"{target}/{release_id}")
    weeks = [one for one in by_week(parts_of(desk.library.scores())) if one.target == target]
    mine = [one for one in weeks if one.release_id == release_id]
    serving = next((r for r in desk.library.releases() if r.release.target == target and r.role == "serving"), None)
    return render(
        request,
        "release.html",
        row=row,
        serving=serving,
        figures=figures_of(row.release.metrics),
        blocks=blocks_of(row.release.card),
        charts=board_charts(mine),
        weeks=mine,
    )


def _titles(desk: Desk, chosen: JobView | None) -> dict[str, str]:
    """What the videos are called that a job changed, by id."""
    ids = [str(change.get("video_id", "")) for change in chosen.changes] if chosen else []
    return {row.video_id: row.title for row in desk.library.rows(ids) if row.title} if ids else {}


def _chosen(jobs: Jobs, found: list[Job], job_id: str) -> Job | None:
    if not job_id:
        return found[0] if found else None
    try:
        return jobs.one(job_id)
    except Problem:
        return None
