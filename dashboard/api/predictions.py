"""Predictions as CSV and JSON lines."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from dashboard.access.roles import Viewer
from dashboard.api.answers import returns_bytes
from dashboard.desk import TheDesk
from dashboard.prediction_tables import csv_blocks, json_lines

router = APIRouter(prefix="/v1")

Target = Annotated[str, Query(max_length=64, description="only of this target")]
Since = Annotated[float | None, Query(allow_inf_nan=False, description="only newer ones; seconds since 1970")]

CSV, LINES = "text/csv; charset=utf-8", "application/x-ndjson"


@router.get("/predictions.csv", responses=returns_bytes(["text/csv"], "A table with a line for each prediction"))
def predictions_as_csv(desk: TheDesk, caller: Viewer, target: Target = "", since_s: Since = None) -> StreamingResponse:
    """All predictions for a spreadsheet; text that would be taken for a formula has an apostrophe before it."""
    blocks = csv_blocks(desk.library, desk.library.predictions(target=target, since_s=since_s))
    return StreamingResponse(blocks, media_type=CSV, headers=_saved_as("predictions.csv"))


@router.get("/predictions.jsonl", responses=returns_bytes([LINES], "An object for each prediction, one a line"))
def predictions_as_lines(
    desk: TheDesk, caller: Viewer, target: Target = "", since_s: Since = None
) -> StreamingResponse:
    """All predictions with everything about them: reasons, suggestions, what was missing."""
    blocks = json_lines(desk.library.predictions(target=target, since_s=since_s))
    return StreamingResponse(blocks, media_type=LINES, headers=_saved_as("predictions.jsonl"))


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
