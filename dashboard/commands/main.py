"""The whole command line: that of the streams, and the dashboard's own verbs."""

from dashboard.commands import dashboard, tokens, users
from streams.commands.main import app
from streams.commands.main import main as run

app.command("dashboard")(dashboard.dashboard)
app.add_typer(users.app, name="users")
app.add_typer(tokens.app, name="tokens")


def main() -> None:
    """Run the command line; exits 0 only on success."""
    run()


__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
