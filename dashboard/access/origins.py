"""The layer against other sites: a page elsewhere must neither act by somebody's cookie nor pass for us."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.access.requests import bearer_of, is_change, refuse
from dashboard.access.roles import caller_in
from dashboard.listening import is_encrypted, is_loopback
from dashboard.problems import Problem
from streams.settings import Settings


class KnownHosts:
    """Answers only under names that are ours: a stranger's name that is made to point here gets nothing.

    A literal address cannot be made to point anywhere else, so it needs no configuration.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._names = {name.casefold() for name in (*settings.dashboard_names, settings.dashboard_host)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        host = Headers(scope=scope).get("host", "")
        if self._knows(urlsplit(f"//{host}")._replace(path="").netloc):
            await self._app(scope, receive, send)
            return
        detail = f"this dashboard is not known as {host!r}; set GROUNDSWELL_DASHBOARD_NAMES to the names it has"
        await refuse(Problem(421, "wrong-name", "Not under this name", detail=detail), scope, receive, send)

    def _knows(self, netloc: str) -> bool:
        name = netloc.partition("]")[0][1:] if netloc.startswith("[") else netloc.partition(":")[0]
        name = name.casefold().rstrip(".")
        try:
            ip_address(name)
        except ValueError:
            return is_loopback(name) or name in self._names
        return True


class SameOrigin:
    """Refuses changes by a cookie unless the browser says that our own page asks for them.

    Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers" and "Verifying origin".
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._schemes = {"https"} if is_encrypted(settings) else {"http"}
        self._has_proxy = bool(settings.dashboard_behind_proxy)
        self._names = {name.casefold() for name in settings.dashboard_names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if is_change(scope) and bearer_of(scope) is None and not self._is_ours(scope):
            detail = "the browser does not say that a page of this dashboard asked for it; programs send a bearer token"
            await refuse(Problem(403, "other-site", "This came from another site", detail=detail), scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is None and origin is None:
            return caller_in(scope) is None  # nothing acts on its own here: there is no cookie that counts
        # Under our referrer policy a form that is sent without a script says "null"; what the browser says of it counts.
        is_ours = origin in (None, "null" if site else None) or self._is_our_origin(origin, headers.get("host", ""))
        return is_ours and site in (None, "same-origin")

    def _is_our_origin(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        name = parts.hostname or ""
        # What comes over the loopback of the proxy's own machine needs no HTTPS: a published port of a container.
        schemes = self._schemes | ({"http"} if self._has_proxy and is_loopback(name) else set())
        return parts.scheme in schemes and (parts.netloc.casefold() == host.casefold() or name in self._names)
