"""The whole command line: that of the streams, and the dashboard's own verbs."""

from dashboard.commands import dashboard
from streams.commands.main import app
from streams.commands.main import main as run

app.command("dashboard")(dashboard.dashboard)


def main() -> None:
    """Run the command line; exits 0 only on success."""
    run()


__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
