"""The web application: every route, and what stands before them."""

from fastapi import FastAPI

from dashboard.api import (
    access,
    batches,
    deadletters,
    events,
    jobs,
    labels,
    media,
    operations,
    outcomes,
    people,
    predictions,
    releases,
    uploads,
    videos,
    webhooks,
)
from dashboard.asking import Asking
from dashboard.desk import Desk
from dashboard.jobs import Jobs
from dashboard.openapi import describe
from dashboard.pages import errors, statics
from dashboard.pages import label as label_page
from dashboard.pages import library as library_page
from dashboard.pages import login as login_page
from dashboard.pages import models as models_page
from dashboard.pages import operations as operations_page
from dashboard.pages import people as people_page
from dashboard.pages import progress as progress_page
from dashboard.pages import submit as submit_page
from dashboard.pages import video as video_page
from dashboard.problems import answer_problems
from dashboard.sampling import Sampler

API = (
    videos, uploads, batches, predictions, events, media, people, labels, outcomes, releases, jobs, deadletters,
    operations, webhooks, access,
)  # fmt: skip
PAGES = (
    submit_page, progress_page, video_page, library_page, people_page, label_page, models_page, operations_page,
    login_page,
)  # fmt: skip


def create_app(desk: Desk) -> FastAPI:
    """Put the application together; nothing is started or opened."""
    app = FastAPI(title="Groundswell", version="1", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")
    app.state.desk = desk
    app.state.jobs = Jobs(desk.settings, tell=desk.hub.hear) if desk.hub else Jobs(desk.settings)
    app.state.sampler = Sampler(desk.settings, desk.bootstrap)
    app.state.asking = Asking(desk)
    for part in (*API, *PAGES, statics):
        app.include_router(part.router)
    answer_problems(app)
    errors.answer_pages(app)
    describe(app)
    return app
