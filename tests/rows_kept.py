"""A library that is a dict of rows, for what only asks for rows; and a server in a thread to push them."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from dashboard.live.hub import Hub
from dashboard.live.server import LiveServer
from dashboard.rows import Change, StageBrief, VideoPage, VideoQuery, VideoRow, VideoState

PATIENCE_S = 60.0


def a_row(video_id: str, *, done: float = 0.0, state: VideoState = "running", title: str = "") -> VideoRow:
    """A video in the fetch stage, `done` of 100."""
    stage = StageBrief(stage="fetch", state="running", done=done, total=100.0, first_at_s=1_000.0, at_s=1_010.0)
    return VideoRow(
        video_id=video_id,
        state=state,
        submitted_at_s=1_000.0,
        changed_at_s=1_000.0 + done,
        stages=(stage,),
        title=title,
    )


class RowsKept:
    """Rows by id, in the order they were first put in; counts how often it was asked."""

    def __init__(self) -> None:
        self.kept: dict[str, VideoRow] = {}
        self.readings = 0

    def put(self, *rows: VideoRow) -> list[Change]:
        """Put rows in; what changed."""
        self.kept |= {row.video_id: row for row in rows}
        return [Change("video", row.video_id) for row in rows]

    def rows(self, video_ids: Iterable[str]) -> list[VideoRow]:
        """Look up rows."""
        self.readings += 1
        return [self.kept[video_id] for video_id in video_ids if video_id in self.kept]

    def videos(self, query: VideoQuery) -> VideoPage:
        """List, newest first; the cursor is a number."""
        self.readings += 1
        fit = [row for row in reversed(self.kept.values()) if query.state in (None, row.state)]
        start = int(query.cursor or 0)
        end = start + query.limit
        return VideoPage(items=tuple(fit[start:end]), next_cursor=str(end) if end < len(fit) else "", total=len(fit))


class LivingRows(RowsKept):
    """Stands at a desk: takes no records, rows are put in."""

    def take(self, records: object) -> list[Change]:
        """Nothing comes this way."""
        return []


def a_free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def serving(app: ASGIApp, hub: Hub, port: int) -> Iterator[str]:
    """Serve an app as `groundswell dashboard` does, in a thread; its address."""
    config = uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1, lifespan="off")
    server = LiveServer(config, hub)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come to hold"
        time.sleep(0.01)
