"""Work that takes minutes: training, replays, imports, erasing."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, PlainTextResponse, Response
from pydantic import Field

from dashboard.access.roles import Admin, Editor, Viewer
from dashboard.api.answers import Json, problems, returns, returns_bytes
from dashboard.api.bodies import KnownFields
from dashboard.api.patterns import RELEASE, TARGET, pattern_of
from dashboard.desk import TheDesk
from dashboard.job_folders import LOG, Job
from dashboard.job_orders import MOST_PROCESSES, REPORT, Day, ImportOrder, Order, Suffix, TrainOrder
from dashboard.jobs import MOST_KEPT, TheJobs
from dashboard.problems import Problem, not_found
from schemas.errors import UsageError

router = APIRouter(prefix="/v1")

LARGEST_TABLE_BYTES = 500 * 10**6
REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""A report is one page with its own style and pictures; it runs nothing and belongs to no site."""

SUFFIXES: tuple[Suffix, ...] = (".csv", ".tsv", ".jsonl", ".json", ".xlsx", ".csv.gz", ".tsv.gz", ".jsonl.gz")

Kind = Literal["train", "replay", "import", "erase"]
Name = Annotated[str, Field(pattern=TARGET)]


class TrainWanted(KnownFields):
    """Learn a target from everything that lies on the topics, and publish what came out if it beats a constant."""

    kind: Literal["train"]
    target: Name = Field(examples=["virality"])
    candidate: bool = Field(False, description="Score in the shadow only, until somebody promotes it.")
    force: bool = Field(False, description="Publish even if it does not beat a constant.")


class ReplayWanted(KnownFields):
    """Score past videos again with the releases that serve; `verify` compares only, and publishes nothing."""

    kind: Literal["replay"]
    targets: list[Name] = Field([], max_length=20, description="All that have a release, when empty.")
    source: Literal["summaries", "features"] = "summaries"
    verify: bool = False
    release_id: str | None = Field(None, pattern=RELEASE)
    since: str = Field("", pattern=pattern_of(Day), description="Only videos published since.")
    restart: bool = Field(False, description="Do again what a stopped replay has done.")
    processes: int = Field(1, ge=1, le=MOST_PROCESSES)


Wanted = Annotated[TrainWanted | ReplayWanted, Field(discriminator="kind")]
EXAMPLE = {"kind": "train", "target": "virality", "candidate": True}
JOB = Job(
    job_id="0199f3a2b4c-5d6e7f", order=TrainOrder(target="virality", candidate=True), by="ada",
    asked_at_s=1_763_812_800.0, state="running", started_at_s=1_763_812_801.2,
)  # fmt: skip


class _Ordered(msgspec.Struct):
    order: Order


@router.get("/jobs", responses=returns(list[Job], "The newest first", example=[JOB]))
def list_jobs(
    caller: Viewer,
    jobs: TheJobs,
    kind: Annotated[Kind | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_KEPT)] = MOST_KEPT,
) -> Response:
    """List jobs: what waits, runs and has ended; the last fifty that ended are kept."""
    return Json(jobs.list(kind=kind or "", limit=limit))


@router.post("/jobs", status_code=202, responses=returns(Job, "It waits or runs", status=202, example=JOB))
def start_job(wanted: Wanted, caller: Admin, jobs: TheJobs) -> Response:
    """Train or replay. One heavy job runs at a time, the others wait for their turn."""
    order = msgspec.convert({"order": wanted.model_dump()}, _Ordered).order
    return _accepted(jobs.ask(order, by=caller.name))


@router.post(
    "/jobs/import",
    status_code=202,
    responses=returns(Job, "It waits or runs", status=202) | problems(413, 415),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_table(
    request: Request,
    caller: Editor,
    desk: TheDesk,
    jobs: TheJobs,
    name: Annotated[str, Query(max_length=255, examples=["us_videos.csv"], description="File name; its end says what it is.")],
    what: Annotated[Literal["outcomes", "labels"], Query()] = "outcomes",
    target: Annotated[str | None, Query(pattern=TARGET, description="Whose classes; for labels.")] = None,
) -> Response:  # fmt: skip
    """Import a table of outcomes or labels, sent as the body: CSV, TSV, JSON lines or Excel."""
    order = ImportOrder(what=what, suffix=_suffix(name), target=target)
    if what == "labels" and target is None:
        raise UsageError("say whose classes the labels are: target=scenes")
    with tempfile.TemporaryDirectory(dir=await run_in_threadpool(_incoming, desk.settings.home)) as folder:
        table = Path(folder) / "table"
        await _receive(request, table)
        job = await run_in_threadpool(jobs.ask, order, by=caller.name, table=table)
    return _accepted(job)


@router.get("/jobs/{job_id}", responses=returns(Job, example=JOB) | problems(404))
def show_job(job_id: str, caller: Viewer, jobs: TheJobs) -> Response:
    """Show a job: how far it is, its last lines, and what came out."""
    return Json(jobs.one(job_id))


@router.delete("/jobs/{job_id}", responses=returns(Job) | problems(404, 409))
def cancel_job(job_id: str, caller: Admin, jobs: TheJobs) -> Response:
    """Stop a job, or take it out of the queue. It gets ten seconds to tidy up."""
    return Json(jobs.cancel(job_id))


@router.get("/jobs/{job_id}/report", responses=returns_bytes(["text/html"], "What a training found") | problems(404))
def show_report(job_id: str, caller: Viewer, jobs: TheJobs) -> Response:
    """Show the report of a training: one page that needs nothing else."""
    if not jobs.one(job_id).has_report:
        raise not_found("report of job", job_id)
    headers = {"Content-Security-Policy": REPORT_POLICY}
    return FileResponse(jobs.folder(job_id) / REPORT, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/jobs/{job_id}/log", responses=returns_bytes(["text/plain"], "All its lines") | problems(404))
def show_log(job_id: str, caller: Viewer, jobs: TheJobs) -> Response:
    """Show everything that a job has said on standard error."""
    jobs.one(job_id)
    log = jobs.folder(job_id) / LOG
    if not log.is_file():
        return PlainTextResponse("")
    return FileResponse(log, media_type="text/plain; charset=utf-8")


def _accepted(job: Job) -> Response:
    return Json(job, status_code=202, headers={"Location": f"/v1/jobs/{job.job_id}"})


def _suffix(name: str) -> Suffix:
    found = [suffix for suffix in SUFFIXES if name.lower().endswith(suffix)]
    if not found:
        raise Problem(
            415, "wrong-kind", "This is no table that can be read", detail=f"expected a name that ends in {', '.join(SUFFIXES)}"
        )  # fmt: skip
    return max(found, key=len)


def _incoming(home: Path) -> Path:
    folder = home / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _receive(request: Request, path: Path) -> None:
    """Write the body to a file, up to the limit."""
    size_bytes = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size_bytes += len(chunk)
            if size_bytes > LARGEST_TABLE_BYTES:
                raise Problem(
                    413, "too-large", "The table is too large", detail=f"at most {LARGEST_TABLE_BYTES:,} bytes are taken"
                )  # fmt: skip
            await run_in_threadpool(file.write, chunk)
    if not size_bytes:
        raise UsageError("the body is empty; send the table itself")
