"""``groundswell dashboard``: the pages and the API, until Ctrl-C."""

import typer

from streams import settings as settings_module


def dashboard() -> None:
    """Serve the pages and the API until Ctrl-C; `groundswell up` does it too.

    groundswell dashboard
    """
    import os
    import sys

    from dashboard.serving import serve
    from streams import logs

    settings = settings_module.load()
    logs.set_up(settings, "dashboard")
    serve(settings, say=lambda line: typer.echo(line, err=True))
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread may still wait for Kafka or the gallery on behalf of a browser that is gone.
    os._exit(0)
