"""``groundswell status``: how far every stage is, and what needs a person."""

import time
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from streams import settings as settings_module
from streams.dashboard_health import DashboardHealth, health_of
from streams.disk_use import used_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

    from streams.scoreboard import BoardRow
    from streams.settings import Settings

SAMPLE_S = 1.0


class StageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One stage's consumer group; `lag` counts events not yet committed."""

    stage: str
    workers: int
    lag: int
    events_per_s: float


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole system at one moment.

    Attributes
    ----------
    disk_bytes : dict
        By folder of the home, and what is free.
    serving : dict
        The release that serves, by target; None where all are retired or only shadows.
    scoreboard : list of BoardRow
        For each release its newest weeks, as many as it takes to have 50 outcomes.
    dashboard : DashboardHealth or None
        None: none runs for this home.
    """

    kafka: str
    stages: list[StageStatus]
    dead_letters: int
    disk_bytes: dict[str, int]
    serving: dict[str, str | None]
    scoreboard: "list[BoardRow]"
    warnings: list[str]
    dashboard: DashboardHealth | None


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Show lag, rate and workers of each stage, the dashboard, dead letters, disk use, and how good predictions were.

    groundswell status
    groundswell status --json | jq .scoreboard
    """
    from streams.deadletters import waiting
    from streams.kafka.connection import bootstrap_of
    from streams.scoreboard import read_parts, recent, warnings

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    answer = Status(
        kafka=bootstrap,
        stages=_stages(settings, bootstrap),
        dead_letters=len(waiting(settings, bootstrap)),
        disk_bytes=used_bytes(settings.home),
        serving=(serving := _serving(settings, bootstrap)),
        scoreboard=(board := recent(read_parts(settings, bootstrap))),
        warnings=[*_silent(serving), *warnings(board)],
        dashboard=health_of(settings.home),
    )
    if as_json:
        typer.echo(msgspec.json.encode(answer))
    else:
        _print(answer)


def _stages(settings: "Settings", bootstrap: str) -> list[StageStatus]:
    """Sample the committed offsets twice: the difference is the rate."""
    from streams.kafka.lag import group_lags

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


def _serving(settings: "Settings", bootstrap: str) -> dict[str, str | None]:
    """Which release of each target serves; shadows do not count."""
    from streams.release_roles import read_roster

    roster = read_roster(settings, bootstrap)
    found = {target: roster.serving(target) for target in roster.targets}
    return {target: release.release_id if release else None for target, release in found.items()}


def _silent(serving: dict[str, str | None]) -> list[str]:
    return [
        f"no release of {target} serves, so videos get no prediction of it: groundswell releases promote {target}/RELEASE"
        for target, release_id in serving.items()
        if release_id is None
    ]


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
    console.print(f"dashboard: {_words_of(answer.dashboard)}", markup=False, soft_wrap=True)
    for target, release_id in answer.serving.items():
        console.print(f"{target}: release {release_id or 'none'} serves", highlight=False)
    if answer.scoreboard:
        console.print(_board(answer.scoreboard))
    for warning in answer.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)


def _words_of(dashboard: DashboardHealth | None) -> str:
    if dashboard is None:
        return "none runs; start it with `groundswell dashboard`"
    if dashboard.state == "silent":
        return f"{dashboard.url} does not answer; its process is there"
    behind = "how far its library is behind is not known yet"
    if dashboard.library_lag is not None:
        behind = f"its library is {dashboard.library_lag:,} records behind"
    waits = ", and does not get on" if dashboard.state == "waiting" else ""
    return f"{dashboard.url} answers; {behind}{waits}"


def _board(rows: "list[BoardRow]") -> "RenderableType":
    """How good each release was lately, and which videos say nothing of it."""
    from rich.table import Table

    heads = ("release", "since", "outcomes", "error", "constant", "bias", "in interval", "Brier", "by share", "off by")
    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        figures = [_figure(value) for value in (row.error, row.constant_error, row.bias)]
        inside = "not known" if row.coverage is None else f"{row.coverage:.0%} of {row.level:.0%}"
        off = "" if row.calibration_error is None else f"{row.calibration_error:.0%}"
        chances = (_figure(row.brier), _figure(row.base_brier), off)
        table.add_row(f"{row.target}/{row.release_id}", row.weeks[0], str(row.compared), *figures, inside, *chances)
        for reason, videos in row.not_comparable.items():
            table.add_row(f"  {videos} not comparable: {reason}")
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
