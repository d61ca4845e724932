"""Links in, and everything known about a video."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field, model_validator

from dashboard.access.roles import Admin, Editor, Viewer
from dashboard.api import examples
from dashboard.api.answers import Json, problems, returns
from dashboard.api.bodies import KnownFields
from dashboard.api.patterns import VIDEO
from dashboard.api.uploads import TheUploads
from dashboard.desk import Desk, TheDesk
from dashboard.job_folders import Job
from dashboard.job_orders import EraseOrder
from dashboard.jobs import TheJobs
from dashboard.problems import not_found
from dashboard.retrying import Retried, RetriedAll, retry, retry_all
from dashboard.rows import MOST_ROWS, Facets, VideoDetail, VideoPage, VideoQuery, VideoSort, VideoState
from dashboard.submissions import SubmittedAll, submit
from streams.submitting import Entry, Wishes

router = APIRouter(prefix="/v1")

VideoId = Annotated[str, Path(pattern=VIDEO, examples=["youtube:dQw4w9WgXcQ"])]
"""Annotation of a route's parameter; see `schemas.event.VideoId`."""

RETRIED = Retried(video_id=examples.VIDEO, submission_id="0f8fad5b-d9cb-469f-a165-70867728950e")

LONGEST_LINK = 4000
"""Longer than any link that is taken, so that the answer can say so."""


class Narrowed(KnownFields):
    """Which videos; all that is set must hold."""

    text: str = Field("", max_length=200, description="words that title, channel or id must have, or their beginnings")
    target: str = Field("", max_length=64, description="only videos with a prediction of it")
    channel: str = Field("", max_length=200)
    person: str = Field("", max_length=64, description="id of somebody in it")
    label: str = Field("", max_length=200, description="seen or heard in it")
    since_s: float | None = Field(None, allow_inf_nan=False, description="first heard of, seconds since 1970")
    until_s: float | None = Field(None, allow_inf_nan=False)


class Wanted(Narrowed):
    """`dashboard.rows.VideoQuery` as query parameters."""

    state: VideoState | None = None
    sort: VideoSort = "changed"
    descending: bool = True
    cursor: str = Field("", max_length=2000, description="`next_cursor` of the page before")
    limit: int = Field(50, ge=1, le=MOST_ROWS)

    def query(self) -> VideoQuery:
        """As the library asks for it."""
        return VideoQuery(**self.model_dump())


class Submission(KnownFields):
    """One link or many, and what is wanted of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
                {"urls": ["https://youtu.be/dQw4w9WgXcQ", "https://vimeo.com/76979871"], "targets": ["virality"]},
            ]
        },
    )

    url: str = Field("", max_length=LONGEST_LINK, description="one link; or give `urls`")
    urls: list[Annotated[str, Field(max_length=LONGEST_LINK)]] = Field([], max_length=MOST_ROWS)
    targets: list[Annotated[str, Field(max_length=64)]] = Field([], max_length=20, description="all, if none is named")
    title: str = Field("", max_length=1000, description="instead of the source's")
    description: str = Field("", max_length=20_000)
    again: bool = Field(False, description="fetch it even if it is known")

    @model_validator(mode="after")
    def _names_something(self) -> "Submission":
        if not self.links():
            raise ValueError("expected a link in `url`, or several in `urls`")
        return self

    def links(self) -> list[str]:
        """All links, without empty ones."""
        return [link for link in (self.url, *self.urls) if link.strip()]


@router.post(
    "/videos",
    status_code=202,
    responses=returns(SubmittedAll, "Ids and warnings", status=202, example=examples.SUBMITTED),
)
def submit_videos(desk: TheDesk, caller: Editor, body: Submission) -> Json:
    """Submit links; the answer comes at once, the work goes on.

    A video that is known keeps its predictions, unless `again` is true. A link that cannot be taken is named with
    the reason; when none can, the answer is a problem with all of them as `items`.
    """
    entries = [Entry(source=link, where="", title=body.title, description=body.description) for link in body.links()]
    wishes = Wishes(targets=tuple(body.targets), submitted_by=caller.name, again=body.again)
    return Json(submit(desk, entries, wishes), 202)


@router.get("/videos", responses=returns(VideoPage, example=examples.PAGE))
def list_videos(desk: TheDesk, caller: Viewer, wanted: Annotated[Wanted, Query()]) -> Json:
    """List videos; all that is set must hold."""
    return Json(desk.library.videos(wanted.query()))


@router.get("/videos/{video_id}", responses=returns(VideoDetail, example=examples.DETAIL))
def show_video(desk: TheDesk, caller: Viewer, video_id: VideoId) -> Json:
    """Everything known about one video, without vectors."""
    return Json(_found(desk, video_id))


@router.get("/facets", responses=returns(Facets, example=examples.FACETS))
def list_facets(desk: TheDesk, caller: Viewer) -> Json:
    """What videos may be filtered by, and how many there are of each."""
    return Json(desk.library.facets())


@router.delete("/videos/{video_id}", status_code=202, responses=returns(Job, "The job that erases it", status=202))
def erase_video(
    desk: TheDesk, jobs: TheJobs, uploads: TheUploads, caller: Admin, video_id: VideoId,
    prove: Annotated[bool, Query(description="also look through all that is stored for what may be left")] = False,
) -> Json:  # fmt: skip
    """Erase a video and its copies for ever: records, files, faces. `/v1/jobs/{job_id}` says how far it is."""
    if not desk.library.rows([video_id]):
        raise not_found("video", video_id)
    uploads.forget(video_id)
    job = jobs.ask(EraseOrder(what=video_id, prove=prove), by=caller.name)
    return Json(job, 202, headers={"Location": f"/v1/jobs/{job.job_id}"})


@router.post(
    "/videos/{video_id}/retry",
    status_code=202,
    responses=returns(Retried, "It is on its way again", status=202, example=RETRIED) | problems(409),
)
def retry_video(desk: TheDesk, caller: Editor, video_id: VideoId) -> Json:
    """Fetch a video anew from where it came from, whatever became of it before."""
    return Json(retry(desk, _found(desk, video_id), by=caller.name, submission_id=str(uuid.uuid4())), 202)


@router.post(
    "/retries",
    status_code=202,
    responses=returns(
        RetriedAll, "They are on their way again", status=202, example=RetriedAll(items=(RETRIED,), retried=1, left=0)
    ),
)
def retry_failed(desk: TheDesk, caller: Editor, wanted: Annotated[Narrowed, Query()]) -> Json:
    """Fetch all failed videos anew, or those that fit; at most 1,000 at once, `left` counts the others."""
    query = VideoQuery(**wanted.model_dump(), state="failed")
    return Json(retry_all(desk, query, by=caller.name, name=str(uuid.uuid4())), 202)


def _found(desk: Desk, video_id: str) -> VideoDetail:
    found = desk.library.video(video_id)
    if found is None:
        raise not_found("video", video_id)
    return found
