"""The layer that finds out who sends a request, and lets nobody else past the public pages."""

from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.access.gate import Gate
from dashboard.access.requests import bearer_of, cookie_of, is_public, refuse
from dashboard.access.roles import CALLER, STILL, Caller, nobody


class Identify:
    """Puts the caller into the scope, and a question that long answers ask again: whether the caller still may."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        caller = self._caller(scope)
        scope[CALLER], scope[STILL] = caller, lambda: self._caller(scope) is not None
        if caller is None and not (is_public(scope["path"]) and bearer_of(scope) is None):
            await refuse(nobody(), scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller | None:
        bearer = bearer_of(scope)
        if bearer is not None:
            return self._gate.of_token(bearer)
        cookie = cookie_of(scope, self._gate.cookie)
        return self._gate.of_session(cookie) if cookie else None
