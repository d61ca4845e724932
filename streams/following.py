"""Follows videos on Kafka until they are finished, or until somebody has seen enough."""

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.live import Live

from schemas.codec import encode
from schemas.errors import Unreadable
from schemas.event import Event
from streams import showing
from streams.board import Board, VideoView
from streams.kafka.bulk import Record, event_of

TOPICS = ("media", "progress", "predictions")
"""What there is to see of a video; read by `streams.kafka.bulk.follow`."""

IDLE_S = 0.2

Records = Iterator[Record | None]


def follow_board(
    records: Records,
    board: Board,
    *,
    on_event: Callable[[Event, VideoView], None] = lambda event, view: None,
    on_idle: Callable[[], bool] = lambda: False,
) -> Board:
    """Feed a board until all its videos are finished, or `on_idle` says to stop.

    Parameters
    ----------
    records : iterator
        From `follow`; None means that nothing came for a moment.
    on_idle : callable
        Called at those moments; True ends the following.
    """
    for record in records:
        if record is None:
            if board.all_finished() or on_idle():
                break
            continue
        try:
            event = event_of(record)
        except Unreadable:
            continue
        view = board.hear(event, record.timestamp_ms / 1000)
        if view is not None:
            on_event(event, view)
    return board


def show_live(records: Records, board: Board, console: Console, on_idle: Callable[[], bool] = lambda: False) -> Board:
    """Show videos as a live table until they are finished; for ever when the board follows all."""
    with Live(get_renderable=lambda: showing.table(board), console=console, refresh_per_second=5):
        follow_board(records, board, on_idle=on_idle)
    if not console.is_terminal:
        console.print()  # a table that is not live ends without a line break
    return board


def print_lines(records: Records, board: Board, write: Callable[[str], None]) -> Board:
    """Write each event as one line of JSON until the videos are finished."""
    return follow_board(records, board, on_event=lambda event, view: write(encode(event).decode()))
