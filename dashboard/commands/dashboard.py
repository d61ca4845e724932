"""``groundswell dashboard``: the pages and the API, until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UsageError
from streams import settings as settings_module
from streams.dashboard_card import read_card
from streams.settings import Settings


def dashboard(
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not say where it is; `groundswell up` does.")] = False,
    stop_jobs: Annotated[
        bool, typer.Option("--stop-jobs", help="Stop jobs with it, to go on at the next start; else they outlive it.")
    ] = False,
    link: Annotated[bool, typer.Option("--link", help="Print the link to the one that runs, and start none.")] = False,
) -> None:
    """Serve the pages and the API until Ctrl-C; `groundswell up` does it too.

    groundswell dashboard
    groundswell dashboard --link
    """
    settings = settings_module.load()
    if link:
        typer.echo(_running_link(settings.home))
        return
    _serve(settings, quiet=quiet, stop_jobs=stop_jobs)


def _serve(settings: Settings, *, quiet: bool, stop_jobs: bool) -> None:
    import os
    import sys

    from dashboard.serving import serve
    from streams import logs

    logs.set_up(settings, "dashboard")
    serve(settings, say=_unheard if quiet else _say, stop_jobs=stop_jobs)
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread may still wait for Kafka or the gallery on behalf of a browser that is gone.
    os._exit(0)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _unheard(line: str) -> None:
    """Somebody else says it."""


def _running_link(home: Path) -> str:
    card = read_card(home)
    if card is None:
        raise UsageError(f"no dashboard runs for {home}; start it with `groundswell up` or `groundswell dashboard`")
    return card.link
