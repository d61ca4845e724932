"""``groundswell up``: everything on this machine, until Ctrl-C."""

from typing import Annotated

import typer

from schemas.errors import UsageError
from streams import settings as settings_module
from streams.topology import STAGES


def up(
    workers: Annotated[
        list[str] | None, typer.Option("--workers", metavar="STAGE=N", help="More workers of a stage.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as one JSON object a line.")] = False,
) -> None:
    """Start Kafka (unless GROUNDSWELL_KAFKA names one), the topics and all workers.

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
    with System(settings, copies=copies, say=lambda line: typer.echo(line, err=True)) as system:
        typer.echo(f"Groundswell is up: Kafka at {system.bootstrap}, everything in {settings.home}", err=True)
        typer.echo("submit with `groundswell submit URL|FILE --watch`; Ctrl-C stops", err=True)
        while True:
            system.tend(seconds=5)


def _copies(text: str) -> tuple[str, int]:
    stage, _, count = text.partition("=")
    if stage not in [s.name for s in STAGES] or not count.isdigit() or int(count) < 1:
        raise UsageError(f"--workers {text}: expected STAGE=N with a stage of {', '.join(s.name for s in STAGES)}")
    return stage, int(count)
