"""``groundswell replay``: score the past again, with the newest release or to prove that nothing changed."""

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import GroundswellError
from streams import settings as settings_module

if TYPE_CHECKING:
    from streams.replay import Replayed
    from streams.rescoring import Change

ROWS_SHOWN = 20


class Source(StrEnum):
    """Where a replay begins."""

    SUMMARIES = "summaries"
    FEATURES = "features"


class ReplayDiffers(GroundswellError):
    """The past does not come out again as it was."""


def replay(
    target: Annotated[str, typer.Option(help="What to predict again.")],
    source: Annotated[Source, typer.Option("--from", help="From features: assemble everything again first.")] = (
        Source.SUMMARIES
    ),
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the live predictions; publish nothing.")
    ] = False,
    release_id: Annotated[str | None, typer.Option("--release", help="Another release than the newest.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as one JSON object on the last line.")] = False,
) -> None:
    """Score every past video again and publish what comes out, or with --verify prove that it is the same.

    groundswell replay --target virality --verify
    groundswell replay --target virality
    """
    from streams.kafka.connection import bootstrap_of
    from streams.replay import replay as run

    settings = settings_module.load()
    seen: list[Change] = []
    began_s = time.monotonic()
    done = run(
        settings, bootstrap_of(settings), target, source=source.value, verify=verify, release_id=release_id,
        on_change=lambda change: seen.append(change) if len(seen) < ROWS_SHOWN else None,
    )  # fmt: skip
    seconds = time.monotonic() - began_s
    _print_json(done, seconds) if as_json else _print(done, seen, seconds)
    if done.comparison and done.comparison.different + done.comparison.missing:
        raise ReplayDiffers(f"not all predictions came out again as they were: {', '.join(done.comparison.examples)}")


def _print(done: "Replayed", seen: "list[Change]", seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    release = f"{done.release.target}/{done.release.release_id}"
    if seen:
        table = Table("video", "before", "after", "release before", box=None, pad_edge=False)
        for change in seen:
            before = change.before
            table.add_row(change.video_id, f"{before.value:.1f}" if before else "none", f"{change.after.value:.1f}",
                          before.release_id if before else "")  # fmt: skip
        console.print(table)
    for line in done.skipped[:ROWS_SHOWN]:
        console.print(f"skipped: {line}", markup=False, soft_wrap=True)
    if done.comparison:
        c = done.comparison
        console.print(
            f"{release}: compared {c.compared}, equal {c.equal}, different {c.different}, missing {c.missing}"
        )
    else:
        console.print(f"{release}: {done.published} predictions published for {done.videos} videos")
    console.print(f"{seconds:.1f} s", style="dim")


def _print_json(done: "Replayed", seconds: float) -> None:
    outcome = {
        "release": done.release.record_key,
        "videos": done.videos,
        "published": done.published,
        "comparison": done.comparison,
        "skipped": done.skipped,
        "seconds": round(seconds, 3),
    }
    typer.echo(msgspec.json.encode(outcome))
