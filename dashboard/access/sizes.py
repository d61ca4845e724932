"""The layer that reads no more of a request than its route may want."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access.requests import MESSAGE_START, refuse
from dashboard.problems import Problem

MOST_BYTES = 2**20
LARGER: tuple[tuple[str, int | None], ...] = (
    ("/v1/uploads", None),  # streamed to the store; the route has a limit of its own
    ("/v1/batches", 16 * 2**20),
    ("/v1/outcomes", 32 * 2**20),
    ("/v1/people", 32 * 2**20),  # photos
    ("/v1/jobs/import", None),  # as uploads
)


class _TooLarge(HTTPException):
    """Passes through the app's own reading of a body as it is."""


class BodyLimit:
    """Answers 413 instead of reading on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        limit = limit_of(scope["path"])
        if limit is None:
            await self._app(scope, receive, send)
            return
        problem = Problem(413, "too-large", "The request is too large", detail=f"at most {limit} bytes are taken here")
        if _announced(scope) > limit:
            await refuse(problem, scope, receive, send)
            return
        await self._counted(limit, problem, scope, receive, send)  # fmt: skip

    async def _counted(self, limit: int, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        came, has_begun = 0, False

        async def receive_some() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise _TooLarge(413, str(problem))
            return message

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            has_begun |= message["type"] == MESSAGE_START
            await send(message)

        try:
            await self._app(scope, receive_some, send_on)
        except _TooLarge:
            if has_begun:
                raise
            await refuse(problem, scope, receive, send)


def limit_of(path: str) -> int | None:
    """The most bytes that a path takes; None: it sees to that itself."""
    return next((limit for prefix, limit in LARGER if path == prefix or path.startswith(f"{prefix}/")), MOST_BYTES)


def _announced(scope: Scope) -> int:
    said = Headers(scope=scope).get("content-length", "0")
    return int(said) if said.isdigit() else 0
