"""Links in, and everything known about a video."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from dashboard.access.roles import Viewer
from dashboard.api.answers import Json, returns
from dashboard.desk import TheDesk
from dashboard.problems import not_found
from dashboard.rows import MOST_ROWS, Facets, VideoDetail, VideoPage, VideoQuery, VideoSort, VideoState

router = APIRouter(prefix="/v1")

VideoId = Annotated[str, Path(pattern=r"^[a-z]+:[A-Za-z0-9_\-]{1,64}$", examples=["youtube:dQw4w9WgXcQ"])]
"""Annotation of a route's parameter; see `schemas.event.VideoId`."""


class Wanted(BaseModel, extra="forbid"):
    """`dashboard.rows.VideoQuery` as query parameters."""

    text: str = Field("", max_length=200, description="words that title, channel or id must have, or their beginnings")
    state: VideoState | None = None
    target: str = Field("", max_length=64, description="only videos with a prediction of it")
    channel: str = Field("", max_length=200)
    person: str = Field("", max_length=64, description="id of somebody in it")
    label: str = Field("", max_length=200, description="seen or heard in it")
    since_s: float | None = Field(None, allow_inf_nan=False, description="first heard of, seconds since 1970")
    until_s: float | None = Field(None, allow_inf_nan=False)
    sort: VideoSort = "changed"
    descending: bool = True
    cursor: str = Field("", max_length=2000, description="`next_cursor` of the page before")
    limit: int = Field(50, ge=1, le=MOST_ROWS)

    def query(self) -> VideoQuery:
        """As the library asks for it."""
        return VideoQuery(**self.model_dump())


@router.get("/videos", responses=returns(VideoPage))
def list_videos(desk: TheDesk, caller: Viewer, wanted: Annotated[Wanted, Query()]) -> Json:
    """List videos; all that is set must hold."""
    return Json(desk.library.videos(wanted.query()))


@router.get("/videos/{video_id}", responses=returns(VideoDetail))
def show_video(desk: TheDesk, caller: Viewer, video_id: VideoId) -> Json:
    """Everything known about one video, without vectors."""
    found = desk.library.video(video_id)
    if found is None:
        raise not_found("video", video_id)
    return Json(found)


@router.get("/facets", responses=returns(Facets))
def list_facets(desk: TheDesk, caller: Viewer) -> Json:
    """What videos may be filtered by, and how many there are of each."""
    return Json(desk.library.facets())
