"""What the layers before the app ask of a request."""

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.types import Receive, Scope, Send

from dashboard.problems import Problem, answer

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
PUBLIC = ("/login", "/health", "/favicon.ico")
PUBLIC_BELOW = "/static/"

MESSAGE_START, MESSAGE_BODY = "http.response.start", "http.response.body"


def is_public(path: str) -> bool:
    """Whether anybody may ask for it."""
    return path in PUBLIC or path.startswith(PUBLIC_BELOW)


def is_change(scope: Scope) -> bool:
    """Whether a request may change something."""
    return scope["method"] not in SAFE_METHODS


def address_of(scope: Scope) -> str:
    """Where a request comes from; behind a proxy that is believed, what the proxy says."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def bearer_of(scope: Scope) -> str | None:
    """The token in ``Authorization``; None when there is no such header, empty when it holds something else."""
    found = Headers(scope=scope).get("authorization")
    if found is None:
        return None
    kind, _, secret = found.partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def cookie_of(scope: Scope, name: str) -> str:
    """A cookie's value; empty when it was not sent."""
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(name, "")


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem in place of the app: a page for people, a document for programs."""
    from dashboard.pages.errors import is_for_person, show_problem

    request, document = Request(scope), answer(problem)
    response = show_problem(request, document) if is_for_person(request) else document
    await response(scope, receive, send)
