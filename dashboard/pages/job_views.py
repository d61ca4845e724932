"""Jobs as pages tell of them: in words, with what came out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.job_folders import Job
from dashboard.job_orders import EraseOrder, ImportOrder, Order, ReplayOrder, TrainOrder
from dashboard.jobs import kind_of
from dashboard.pages import release_views

LEAST_SHARE = 0.03
"""Before so much is done nobody can say how long the rest takes."""

TOLD_ELSEWHERE = ("changes", "card", "releases")
NAMES: Mapping[str, str] = {
    "left": "left alone: something newer was there",
    "restored": "newer ones put back on top",
    "resumed": "parts done by a try before",
    "unchanged": "as they were",
}
MOST_FIGURES = 40
MOST_CHANGES = 20


@dataclass(frozen=True, kw_only=True)
class JobView:
    """A job in words; `a_minute` is how much it gets done, `result` figures by name, `changes` what a replay changed."""

    job: Job
    kind: str
    words: str
    tone: str
    seconds: float | None
    remaining_s: float | None
    a_minute: float | None
    result: tuple[tuple[str, object], ...]
    changes: tuple[dict[str, Any], ...]  # Any: JSON of the replay command


def view_of(job: Job) -> JobView:
    """Tell of a job."""
    seconds = _seconds(job)
    share = job.progress.share if job.progress else None
    result: dict[str, Any] = job.result if isinstance(job.result, dict) else {}
    return JobView(
        job=job,
        kind=kind_of(job.order),
        words=words_of(job.order),
        tone={"done": "good", "failed": "bad", "broken": "bad", "running": "accent"}.get(job.state, "plain"),
        seconds=seconds,
        remaining_s=seconds * (1 - share) / share if seconds and share and share > LEAST_SHARE else None,
        a_minute=60 * job.progress.done / seconds if seconds and job.progress and job.progress.done else None,
        result=tuple(_figures(result)),
        changes=tuple(c for c in result.get("changes", ()) if isinstance(c, dict))[:MOST_CHANGES],
    )


def words_of(order: Order) -> str:
    """Say what a job does."""
    match order:
        case TrainOrder():
            return f"Train {order.target}" + (" as a candidate" if order.candidate else "")
        case ReplayOrder():
            verb = "Verify" if order.verify else "Replay"
            return f"{verb} {', '.join(order.targets) or 'every target'} from {order.source}"
        case ImportOrder():
            return f"Import {order.what}" + (f" of {order.target}" if order.target else "")
        case EraseOrder():
            return f"Erase {order.what}" + (" and prove it" if order.prove else "")


def name_of(figure: str) -> str:
    """Say what a figure of a job's result is.

    >>> name_of("unchanged"), name_of("mae"), name_of("judged_on")
    ('as they were', 'mean error', 'judged on')
    """
    return NAMES.get(figure) or release_views.name_of(figure)


def _seconds(job: Job) -> float | None:
    if job.started_at_s is None:
        return None
    return max(
        0.0, (job.ended_at_s or (time.time() if job.state == "running" else job.started_at_s)) - job.started_at_s
    )


def _figures(result: dict[str, Any]) -> list[tuple[str, object]]:
    """What a table can show: plain values, and how many there are of what is listed."""
    shown: list[tuple[str, object]] = []
    for name, value in result.items():
        if name in TOLD_ELSEWHERE or value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            shown += [(f"{name} {inner}", one) for inner, one in value.items() if isinstance(one, int | float | str)]
        elif isinstance(value, list):
            shown.append((name, ", ".join(map(str, value)) if len(value) <= 3 else f"{len(value)}"))
        else:
            shown.append((name, value))
    return shown[:MOST_FIGURES]
