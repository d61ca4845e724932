"""Predictions as CSV and JSON lines."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from dashboard.access.roles import Viewer
from dashboard.api.answers import returns_bytes
from dashboard.api.videos import Narrowed
from dashboard.desk import Desk, TheDesk
from dashboard.prediction_tables import csv_blocks, json_lines
from dashboard.rows import VideoQuery, VideoSort, VideoState
from schemas.predictions import VideoScored

router = APIRouter(prefix="/v1")

CSV, LINES = "text/csv; charset=utf-8", "application/x-ndjson"


class Chosen(Narrowed):
    """Whose predictions, in which order: as `GET /v1/videos` lists them. With a target, only predictions of it."""

    state: VideoState | None = None
    sort: VideoSort = Field("submitted", description="of videos; what goes on changing while it is read is no order")
    descending: bool = True
    predicted_since_s: float | None = Field(None, allow_inf_nan=False, description="only newer ones; since 1970")

    def query(self) -> VideoQuery:
        """As the library asks for it."""
        return VideoQuery(**self.model_dump(exclude={"predicted_since_s"}))


TheChosen = Annotated[Chosen, Query()]


@router.get("/predictions.csv", responses=returns_bytes(["text/csv"], "A table with a line for each prediction"))
def predictions_as_csv(desk: TheDesk, caller: Viewer, chosen: TheChosen) -> StreamingResponse:
    """Predictions for a spreadsheet; text that would be taken for a formula has an apostrophe before it."""
    blocks = csv_blocks(desk.library, _predictions(desk, chosen))
    return StreamingResponse(blocks, media_type=CSV, headers=_saved_as("predictions.csv"))


@router.get("/predictions.jsonl", responses=returns_bytes([LINES], "An object for each prediction, one a line"))
def predictions_as_lines(desk: TheDesk, caller: Viewer, chosen: TheChosen) -> StreamingResponse:
    """Predictions with everything about them: reasons, suggestions, what was missing."""
    blocks = json_lines(_predictions(desk, chosen))
    return StreamingResponse(blocks, media_type=LINES, headers=_saved_as("predictions.jsonl"))


def _predictions(desk: Desk, chosen: Chosen) -> Iterator[VideoScored]:
    """What cannot be asked is refused here: once the answer has begun, nothing can be said any more."""
    query = chosen.query()
    desk.library.videos(VideoQuery(sort=query.sort, target=query.target, limit=1))
    return desk.library.predictions(query, since_s=chosen.predicted_since_s)


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
