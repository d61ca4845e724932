"""The whole command line: that of the streams, and the dashboard's own verbs."""

import typer

from dashboard.commands import dashboard, library, tokens, users
from streams.commands.main import app as streams_app
from streams.commands.main import main as run


def with_dashboard(streams: typer.Typer) -> typer.Typer:
    """Add the dashboard's verbs."""
    streams.command("dashboard")(dashboard.dashboard)
    streams.add_typer(library.app, name="library")
    streams.add_typer(users.app, name="users")
    streams.add_typer(tokens.app, name="tokens")
    return streams


app = with_dashboard(streams_app)


def main() -> None:
    """Run the command line; exits 0 only on success."""
    run()


__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
