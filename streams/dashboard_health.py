"""Whether the dashboard of a home answers, and how far its library is behind."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from streams.dashboard_card import read_card

if TYPE_CHECKING:
    import urllib.request

PATIENCE_S = 3.0
MOST_BYTES = 10_000


class DashboardHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard that runs for a home.

    Attributes
    ----------
    state : str
        ``ready``; ``waiting``: it answers, but its library does not get on; ``silent``: it does not answer.
    library_lag : int or None
        Records on the topics that its library has not taken in; None while nobody knows.
    """

    url: str
    state: Literal["ready", "waiting", "silent"]
    library_lag: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    status: Literal["ready", "waiting"]
    library_lag: int | None = None


def health_of(home: Path) -> DashboardHealth | None:
    """Ask the dashboard of a home how it is; None: none runs."""
    card = read_card(home)
    if card is None:
        return None
    try:
        with _opener().open(f"{card.url}/health", timeout=PATIENCE_S) as answer:
            said = msgspec.json.decode(answer.read(MOST_BYTES), type=_Answer)
    except (OSError, msgspec.DecodeError):
        return DashboardHealth(url=card.url, state="silent")
    return DashboardHealth(url=card.url, state=said.status, library_lag=said.library_lag)


def _opener() -> "urllib.request.OpenerDirector":
    """Ask past any proxy, and whatever the certificate says: nothing secret is sent, and it is on this machine."""
    import ssl
    import urllib.request

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
