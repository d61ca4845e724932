"""``groundswell up``: everything on this machine, until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UsageError
from streams import settings as settings_module
from streams.dashboard_card import read_card
from streams.topology import STAGES

DASHBOARD = ("dashboard.commands.main", "dashboard", "--quiet", "--stop-jobs")
"""Started by its name: nothing here knows it (docs/decisions/039). Its jobs need our Kafka, and stop with us."""


def up(
    workers: Annotated[
        list[str] | None, typer.Option("--workers", metavar="STAGE=N", help="More workers of a stage.")
    ] = None,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Serve neither pages nor the API.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as one JSON object a line.")] = False,
) -> None:
    """Start Kafka (unless GROUNDSWELL_KAFKA names one), the topics, all workers and the dashboard.

    Ctrl-C stops everything; what was in work goes on at the next start:

        groundswell up --workers text=2
    """
    import os

    from streams import logs
    from streams.system import System

    if log_json:
        os.environ["GROUNDSWELL_LOG_JSON"] = "true"
        settings_module.load.cache_clear()
    settings = settings_module.load()
    logs.set_up(settings, "up")
    copies = dict(_copies(text) for text in workers or ())
    others = {} if no_dashboard else {"dashboard": DASHBOARD}
    with System(settings, copies=copies, say=_say, others=others) as system:
        _say(f"Groundswell is up: Kafka at {system.bootstrap}, everything in {settings.home}")
        _say("submit with `groundswell submit URL|FILE --watch`; Ctrl-C stops")
        link = ""
        while True:
            link = _announced(settings.home, link)
            system.tend(seconds=1)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _announced(home: Path, before: str) -> str:
    """Say where the dashboard is when that is news."""
    card = read_card(home)
    if card is None or card.link == before:
        return before
    _say(f"open the dashboard: {card.link}")
    return card.link


def _copies(text: str) -> tuple[str, int]:
    stage, _, count = text.partition("=")
    if stage not in [s.name for s in STAGES] or not count.isdigit() or int(count) < 1:
        raise UsageError(f"--workers {text}: expected STAGE=N with a stage of {', '.join(s.name for s in STAGES)}")
    return stage, int(count)
