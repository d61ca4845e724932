"""The layer that tells browsers what our pages may do, on every answer."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.requests import MESSAGE_START
from dashboard.listening import is_private
from streams.settings import Settings

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "worker-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
"""Pages: nothing from elsewhere, nothing inline."""

API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Answers of the API are no pages: opened as one, a stranger's file can do nothing."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
}
HSTS = "max-age=31536000"


class SecureHeaders:
    """Adds the headers that an answer does not set itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._always = ALWAYS | ({} if is_private(settings) else {"Strict-Transport-Security": HSTS})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""

        async def send_on(message: Message) -> None:
            if message["type"] == MESSAGE_START:
                self._add(MutableHeaders(scope=message), scope)
            await send(message)

        await self._app(scope, receive, send_on)

    def _add(self, headers: MutableHeaders, scope: Scope) -> None:
        for name, value in self._always.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", API_POLICY if scope["path"].startswith("/v1/") else PAGE_POLICY)
        headers.setdefault("Cache-Control", "no-store")
