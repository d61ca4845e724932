"""What stands before the app, from the outside in."""

import logging
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.audit import Audit, Trail
from dashboard.access.database import Database
from dashboard.access.gate import Gate
from dashboard.access.headers import SecureHeaders
from dashboard.access.identify import Identify
from dashboard.access.origins import KnownHosts, SameOrigin
from dashboard.access.rates import RateLimit
from dashboard.access.repeats import Answers, Repeats
from dashboard.access.requests import MESSAGE_START, refuse
from dashboard.access.sizes import BodyLimit
from dashboard.measures import Measured, Measures
from dashboard.problems import Problem
from streams.settings import Settings

log = logging.getLogger(__name__)


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
    return _Http(SecureHeaders(Unbroken(Measured(inner, measures)), settings), app)


class Unbroken:
    """Answers also when a layer or a route fails, and leaves the reason in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        has_begun = False

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            has_begun |= message["type"] == MESSAGE_START
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not has_begun:
                await refuse(_broken(), scope, receive, send)


def _broken() -> Problem:
    said = "the log of the dashboard says more; try again, and tell whoever runs Groundswell if it stays so"
    return Problem(500, "broken", "Something broke on our side", detail=said)


@dataclass(frozen=True)
class _Http:
    """Requests go through the layers; starting and stopping go to the app."""

    layers: ASGIApp
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await (self.layers if scope["type"] == "http" else self.app)(scope, receive, send)
