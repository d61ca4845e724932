"""``groundswell watch``: progress and predictions as they happen."""

from typing import Annotated

import typer

from streams import settings as settings_module


def watch(
    video_ids: Annotated[list[str] | None, typer.Argument(help="Videos to follow; all new ones without.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line, for programs.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what happened before.")] = False,
) -> None:
    """Show videos with a bar a stage until they are finished; for ever without ids.

    groundswell watch youtube:dQw4w9WgXcQ
    groundswell watch --json | jq .type
    """
    from rich.console import Console

    from streams import showing
    from streams.board import Board
    from streams.following import IDLE_S, TOPICS, print_lines, show_live
    from streams.kafka.bulk import follow
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    records = follow(
        settings,
        bootstrap_of(settings),
        TOPICS,
        start="beginning" if video_ids or everything else "end",
        idle_s=IDLE_S,
    )
    board = Board(video_ids or None)
    if as_json:
        print_lines(records, board, write=_write_line)
        return
    console = Console()
    show_live(records, board, console)
    for view in board.videos.values():
        console.print(showing.panel(view))


def _write_line(line: str) -> None:
    print(line, flush=True)
