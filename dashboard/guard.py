"""What stands before the app, from the outside in."""

from dataclasses import dataclass

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.access.audit import Audit, Trail
from dashboard.access.database import Database
from dashboard.access.gate import Gate
from dashboard.access.headers import SecureHeaders
from dashboard.access.identify import Identify
from dashboard.access.origins import KnownHosts, SameOrigin
from dashboard.access.rates import RateLimit
from dashboard.access.repeats import Answers, Repeats
from dashboard.access.sizes import BodyLimit
from dashboard.measures import Measured, Measures
from streams.settings import Settings


def guarded(app: FastAPI, settings: Settings, database: Database) -> ASGIApp:
    """Let only those in who may, tell browsers what is allowed, and keep a trail.

    Parameters
    ----------
    database : Database
        Of `dashboard.access.database.open_database`; the caller closes it.
    """
    gate, trail, measures = Gate(settings, database), Trail(settings.home), Measures()
    app.state.gate, app.state.trail, app.state.measures = gate, trail, measures
    inner: ASGIApp = Repeats(app, Answers(database))
    inner = SameOrigin(BodyLimit(inner), settings)
    inner = RateLimit(Audit(inner, trail), settings)
    inner = KnownHosts(Identify(inner, gate), settings)
    return _Http(SecureHeaders(Measured(inner, measures), settings), app)


@dataclass(frozen=True)
class _Http:
    """Requests go through the layers; starting and stopping go to the app."""

    layers: ASGIApp
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await (self.layers if scope["type"] == "http" else self.app)(scope, receive, send)
