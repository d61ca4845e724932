"""``groundswell status``: how far every stage is, and what needs a person."""

import shutil
import time
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from streams import settings as settings_module

if TYPE_CHECKING:
    from streams.settings import Settings

SAMPLE_S = 1.0


class StageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One stage's consumer group; `lag` counts events not yet committed."""

    stage: str
    workers: int
    lag: int
    events_per_s: float


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole system at one moment; `disk_bytes` by folder of the home, and what is free."""

    kafka: str
    stages: list[StageStatus]
    dead_letters: int
    disk_bytes: dict[str, int]


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Show lag, rate and workers of each stage, dead letters, and disk use.

    groundswell status
    """
    from streams.deadletters import waiting
    from streams.kafka.connection import bootstrap_of

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    answer = Status(
        kafka=bootstrap,
        stages=_stages(settings, bootstrap),
        dead_letters=len(waiting(settings, bootstrap)),
        disk_bytes=_disk(settings),
    )
    if as_json:
        typer.echo(msgspec.json.encode(answer))
    else:
        _print(answer)


def _stages(settings: "Settings", bootstrap: str) -> list[StageStatus]:
    """Sample the committed offsets twice: the difference is the rate."""
    from streams.kafka.admin import group_lags

    before, began_s = {g.stage: g for g in group_lags(settings, bootstrap)}, time.monotonic()
    time.sleep(SAMPLE_S)
    after, seconds = group_lags(settings, bootstrap), time.monotonic() - began_s
    return [
        StageStatus(
            stage=group.stage,
            workers=group.members,
            lag=group.total,
            events_per_s=round(max(0, group.committed - before[group.stage].committed) / seconds, 1),
        )
        for group in after
    ]


def _disk(settings: "Settings") -> dict[str, int]:
    if not settings.home.exists():
        return {}
    folders = [p for p in sorted(settings.home.iterdir()) if p.is_dir()]
    used = {folder.name: sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) for folder in folders}
    return used | {"free": shutil.disk_usage(settings.home).free}


def _print(answer: Status) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("stage", "workers", "lag", "events/s", box=None, pad_edge=False)
    for row in answer.stages:
        table.add_row(row.stage, str(row.workers), str(row.lag), str(row.events_per_s))
    console.print(f"Kafka at {answer.kafka}")
    console.print(table)
    hint = "   see `groundswell dead-letters list`" if answer.dead_letters else ""
    console.print(f"dead letters: {answer.dead_letters}{hint}")
    sizes = (f"{name} {size / 1e6:,.0f} MB" for name, size in answer.disk_bytes.items())
    console.print("disk: " + ", ".join(sizes))
