"""The layer that finds out who sends a request, and lets nobody else past the public pages."""

import time
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.gate import Gate
from dashboard.access.requests import MESSAGE_BODY, bearer_of, cookie_of, is_public, refuse
from dashboard.access.roles import CALLER, Caller, nobody

ASKED_AGAIN_S = 5.0
"""How long an open stream of events goes on for somebody who was removed."""


class Identify:
    """Puts the caller into the scope; an answer that streams ends soon after its caller may not come in any more."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        caller = self._caller(scope)
        scope[CALLER] = caller
        if caller is None and not (is_public(scope["path"]) and bearer_of(scope) is None):
            await self._turn_away(scope, receive, send)
        elif caller is None:
            await self._app(scope, receive, send)
        else:
            await self._while_welcome(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller | None:
        bearer = bearer_of(scope)
        if bearer is not None:
            return self._gate.of_token(bearer)
        cookie = cookie_of(scope, self._gate.cookie)
        return self._gate.of_session(cookie) if cookie else None

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        wants_page = "text/html" in Headers(scope=scope).get("accept", "") and not scope["path"].startswith("/v1/")
        if scope["method"] == "GET" and wants_page:
            query = scope["query_string"].decode("latin-1")
            wanted = scope["path"] + (f"?{query}" if query else "")
            to = f"/login?next={quote(wanted, safe='')}" if wanted != "/" else "/login"
            await RedirectResponse(to, 303)(scope, receive, send)
        else:
            await refuse(nobody(), scope, receive, send)

    async def _while_welcome(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked_at_s, is_over = time.monotonic(), False

        async def send_on(message: Message) -> None:
            nonlocal asked_at_s, is_over
            if (
                message["type"] == MESSAGE_BODY
                and message.get("more_body")
                and time.monotonic() - asked_at_s > ASKED_AGAIN_S
            ):
                asked_at_s = time.monotonic()
                if self._caller(scope) is None:
                    is_over = True
                    await send({"type": MESSAGE_BODY, "body": b"", "more_body": False})
                    raise OSError("the caller may not come in any more")
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except (OSError, ClientDisconnect):
            if not is_over:
                raise
