"""``groundswell replay``: score the past again, with the newest releases or to prove that nothing changed."""

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import GroundswellError
from streams import settings as settings_module
from streams.commands.replay_stage import replay_stage

if TYPE_CHECKING:
    from streams.replay import Replayed, Wishes
    from streams.rescoring import Change
    from streams.settings import Settings

ROWS_SHOWN = 20
MOST_PROCESSES = 64


class Source(StrEnum):
    """Where a replay begins."""

    SUMMARIES = "summaries"
    FEATURES = "features"


class ReplayDiffers(GroundswellError):
    """The past does not come out again as it was."""


Strings = list[str] | None


def replay(
    target: Annotated[Strings, typer.Option(help="What to predict again. Repeatable; all that have a release.")] = None,
    source: Annotated[Source, typer.Option("--from", help="From features: assemble everything again first.")] = (
        Source.SUMMARIES
    ),
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the live predictions; publish nothing.")
    ] = False,
    release_id: Annotated[str | None, typer.Option("--release", help="Another release than the newest.")] = None,
    since: Annotated[
        str, typer.Option(help="Only videos published since, e.g. 2024-05-31; those without a date not.")
    ] = "",
    channel: Annotated[Strings, typer.Option(help="Only videos of this channel (name or id). Repeatable.")] = None,
    video: Annotated[Strings, typer.Option(help="Only this video (id or link). Repeatable.")] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PROCESSES, help="Share partitions out here; default: two for many summaries."),
    ] = None,
    partitions: Annotated[str, typer.Option(help="Only these, e.g. 0-3; other machines do the others.")] = "",
    restart: Annotated[bool, typer.Option("--restart", help="Do again what a stopped replay has done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as one JSON object on the last line.")] = False,
    stage: Annotated[
        str, typer.Option(help="Run this stage again instead (text, visual, audio, faces): a new model's answers.")
    ] = "",
    promote: Annotated[bool, typer.Option("--promote", help="With --stage: let its new answers stand.")] = False,
    refetch: Annotated[bool, typer.Option("--refetch", help="With --stage: fetch again where media are gone.")] = False,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Score past videos again and publish what comes out, or with --verify prove that it is the same.

    Live traffic may go on: what is newer is never replaced. A stopped replay goes on where it was.

    groundswell replay
    groundswell replay --target virality --since 2024-01-01 --processes 4
    groundswell replay --verify --from features
    groundswell replay --stage visual
    groundswell replay --stage visual --promote
    """  # fmt: skip
    from streams.kafka.admin import partition_counts
    from streams.kafka.connection import bootstrap_of
    from streams.replay import Wishes
    from streams.replay_selection import numbers, selection
    from streams.replay_stage import StageWishes

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    if child:
        _be_child(settings, bootstrap)
        return
    wanted = selection(since, channel or [], video or [])
    some = numbers(partitions, partition_counts(settings, bootstrap).get("summaries", 0))
    if stage:
        again = StageWishes(stage=stage, selection=wanted, partitions=some, promote=promote, refetch=refetch)
        replay_stage(again, as_json=as_json)
        return
    wishes = Wishes(
        targets=tuple(target or ()),
        source=source.value,
        release_id=release_id,
        selection=wanted,
        verify=verify,
        partitions=some,
        restart=restart,
    )
    began_s = time.monotonic()
    done = _run(settings, bootstrap, wishes, processes)
    seconds = time.monotonic() - began_s
    _print_json(done, seconds) if as_json else _print(done, seconds)
    if done.comparison and done.comparison.different + done.comparison.missing:
        raise ReplayDiffers(f"not all predictions came out again as they were: {', '.join(done.comparison.examples)}")


def _run(settings: "Settings", bootstrap: str, wishes: "Wishes", processes: int | None) -> "Replayed":
    from streams.replay import carry_out, finish, plan
    from streams.replay_children import processes_for, share
    from streams.replay_progress import ReplayProgress

    found = plan(settings, bootstrap, wishes)
    if found.resumed:
        typer.echo(f"going on: {len(found.resumed)} partitions were done; --restart does them again", err=True)
    several = processes or processes_for(settings, bootstrap, found)
    with ReplayProgress(len(found.partitions)) as progress:
        if several == 1:
            done = list(carry_out(settings, bootstrap, found, on_report=progress.hear))
        else:
            done = share(settings, found, processes=several, on_report=progress.hear)
    return finish(settings, found, done)


def _be_child(settings: "Settings", bootstrap: str) -> None:
    """Be a process of another replay's: its plan comes in, a line for each report goes out."""
    import sys

    from streams.replay import Plan, carry_out
    from streams.replay_children import line_of
    from streams.replay_partition import Report

    def say(report: Report) -> None:
        sys.stdout.buffer.write(line_of(report))
        sys.stdout.buffer.flush()

    found = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    for _ in carry_out(settings, bootstrap, found, on_report=say):
        pass


def _print(done: "Replayed", seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if done.changes:
        table = Table("video", "target", "before", "after", "release before", box=None, pad_edge=False)
        for change in done.changes[:ROWS_SHOWN]:
            before = change.before
            table.add_row(change.video_id, change.after.target, f"{before.value:.1f}" if before else "none",
                          f"{change.after.value:.1f}", before.release_id if before else "")  # fmt: skip
        console.print(table)
    for line in done.skipped[:ROWS_SHOWN]:
        console.print(f"skipped: {line}", markup=False, soft_wrap=True)
    for target, c in done.comparisons.items():
        release = next(name for name in done.releases if name.startswith(f"{target}/"))
        console.print(
            f"{release}: compared {c.compared}, equal {c.equal}, different {c.different}, missing {c.missing}"
        )
    if not done.comparisons:
        console.print(f"{', '.join(done.releases)}: {done.published} predictions published for {done.videos} videos")
        console.print(f"{done.unchanged} lay there as they are; {done.left} left alone, something newer was there")
    console.print(f"{seconds:.1f} s", style="dim")


def _in_short(change: "Change") -> dict[str, object]:
    """A prediction before and after."""
    before = change.before
    return {
        "video_id": change.video_id,
        "target": change.after.target,
        "unit": change.after.unit,
        "before": before.value if before else None,
        "after": change.after.value,
        "release_before": before.release_id if before else None,
    }


def _print_json(done: "Replayed", seconds: float) -> None:
    outcome = {
        "release": ",".join(done.releases),
        "releases": done.releases,
        "videos": done.videos,
        "predictions": done.made,
        "published": done.published,
        "unchanged": done.unchanged,
        "left": done.left,
        "restored": done.restored,
        "resumed": done.resumed,
        "comparison": done.comparison,
        "comparisons": done.comparisons,
        "skipped": done.skipped,
        "changes": [_in_short(change) for change in done.changes],
        "seconds": round(seconds, 3),
    }
    typer.echo(msgspec.json.encode(outcome))
