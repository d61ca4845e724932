"""Links and files in: the first page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboard.access.roles import Viewer
from dashboard.desk import TheDesk
from dashboard.pages.rendering import render
from dashboard.rows import VideoQuery

RECENT = 12

router = APIRouter(include_in_schema=False)


@router.get("/")
def submit(request: Request, desk: TheDesk, _: Viewer) -> HTMLResponse:
    """Show where to put links and files, and what was submitted last."""
    recent = desk.library.videos(VideoQuery(sort="submitted", limit=RECENT))
    return render(request, "submit.html", targets=desk.library.targets(), recent=recent)
