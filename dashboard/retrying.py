"""Failed videos, once more."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dashboard.desk import Desk
from dashboard.problems import Problem
from dashboard.rows import MOST_ROWS, VideoDetail, VideoQuery, VideoRow
from processors.fetch_record import folder_of
from schemas.event import Ref, VideoId, derive_id
from schemas.links import LinkSubmitted
from streams.sources.direct import SUFFIXES
from streams.sources.urls import page_of

MOST_RETRIES = 1000
"""At one request; what is left is counted."""

UPLOADED = "file:"


class Retried(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A video that was sent on its way again; `problem` says why it was not."""

    video_id: VideoId
    submission_id: str | None = None
    problem: str = ""


class RetriedAll(msgspec.Struct, frozen=True, kw_only=True):
    """Videos that were sent again; `left` failed ones are more than one request takes."""

    items: tuple[Retried, ...]
    retried: int
    left: int


def retry(desk: Desk, detail: VideoDetail, *, by: str, submission_id: str) -> Retried:
    """Have a video fetched anew.

    Raises
    ------
    Problem
        Nobody knows any more where it came from.
    """
    event = _event(desk, detail.row, by=by, submission_id=submission_id)
    if event is None:
        raise Problem(409, "no-source", "It cannot be fetched again", detail=_no_source(detail.row))
    desk.topics.send([event])
    return Retried(video_id=event.video_id, submission_id=event.submission_id)


def retry_all(desk: Desk, wanted: VideoQuery, *, by: str, name: str) -> RetriedAll:
    """Have failed videos fetched anew, at most `MOST_RETRIES`; `name` of the request names the submissions."""
    failed = msgspec.structs.replace(wanted, state="failed", sort="submitted", limit=MOST_ROWS, cursor="")
    total, rows = desk.library.videos(failed).total, list(_failed(desk, failed))
    items, events = list[Retried](), list[LinkSubmitted]()
    for row in rows:
        event = _event(desk, row, by=by, submission_id=f"{name}.{len(items)}")
        if event is None:
            items.append(Retried(video_id=row.video_id, problem=_no_source(row)))
            continue
        events.append(event)
        items.append(Retried(video_id=row.video_id, submission_id=event.submission_id))
    desk.topics.send(events)
    return RetriedAll(items=tuple(items), retried=len(events), left=max(0, total - len(items)))


def _failed(desk: Desk, query: VideoQuery) -> Iterator[VideoRow]:
    """By time of submission, which work that goes on does not change: so no page is missed."""
    for _ in range(MOST_RETRIES // MOST_ROWS):
        page = desk.library.videos(query)
        yield from page.items
        if not page.next_cursor:
            return
        query = msgspec.structs.replace(query, cursor=page.next_cursor)


def _event(desk: Desk, row: VideoRow, *, by: str, submission_id: str) -> LinkSubmitted | None:
    url, ref = row.url or page_of(row.video_id) or None, None
    if row.video_id.startswith(UPLOADED):
        url, ref = None, _uploaded(desk, row.video_id)
    if url is None and ref is None:
        return None
    return LinkSubmitted(
        event_id=derive_id("submit", "1", submission_id),
        video_id=row.video_id,
        submission_id=submission_id,
        submitted_at_s=round(time.time(), 3),
        url=url,
        upload_ref=ref,
        upload_name=Path(ref).name if ref else "",
        title=row.title if ref else "",
        targets=row.targets,
        submitted_by=by,
        again=True,
    )


def _uploaded(desk: Desk, video_id: VideoId) -> Ref | None:
    """Find an upload in the store, whatever its ending is."""
    refs = (f"{folder_of(video_id)}/media{suffix}" for suffix in (*sorted(SUFFIXES), ".bin"))
    return next((ref for ref in refs if desk.store.exists(ref)), None)


def _no_source(row: VideoRow) -> str:
    if row.video_id.startswith(UPLOADED):
        return f"the file of {row.video_id} is no longer kept; upload it again"
    return f"nobody said where {row.video_id} is to be found; submit its link"
