"""The card of a running dashboard, by which others on this machine find it."""

import os
from pathlib import Path

import msgspec

from streams.whole_files import write_secret


class DashboardCard(msgspec.Struct, frozen=True, kw_only=True):
    """Whose process it is, and where browsers reach it.

    Attributes
    ----------
    link : str
        What to open; it lets the owner of this machine in, so the card is for nobody else to read.
    """

    pid: int
    url: str
    link: str

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(path, msgspec.json.encode(self))


def card_path(home: Path) -> Path:
    """Where the dashboard of a home leaves its card."""
    return home / "dashboard" / "running.json"


def read_card(home: Path) -> DashboardCard | None:
    """Find the dashboard that runs for a home; None: none does."""
    try:
        card = msgspec.json.decode(card_path(home).read_bytes(), type=DashboardCard)
        os.kill(card.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return card
