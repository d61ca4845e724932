"""``groundswell worker STAGE``: one worker process."""

from typing import Annotated

import typer

from streams import settings as settings_module


def worker(
    stage: Annotated[str, typer.Argument(help="Which stage; `groundswell topics` lists them.")],
    log_json: Annotated[bool, typer.Option("--log-json", help="One JSON object a line.")] = False,
) -> None:
    """Run one worker of a stage until SIGTERM or Ctrl-C.

    Start as many as there are partitions, on as many machines as you like:

        groundswell worker text
    """
    from streams.worker import run

    settings = settings_module.load()
    raise typer.Exit(run(settings.model_copy(update={"log_json": True}) if log_json else settings, stage))
