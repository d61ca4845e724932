"""Errors as pages with a way back; programs get the same as problem documents."""

import json
from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import WebSocketRequestValidationError
from fastapi.responses import RedirectResponse, Response

from dashboard.pages.rendering import is_fragment, link, render
from dashboard.problems import Problem, answer

Handler = Callable[[Request, Exception], Awaitable[Response]]
FOR_PROGRAMS = ("/v1/", "/static/", "/health", "/metrics")


def answer_pages(app: FastAPI) -> None:
    """Make an app, whose errors are problem documents by now, show them as pages to people."""
    for kind, handler in list(app.exception_handlers.items()):
        if kind is WebSocketRequestValidationError:
            continue
        app.add_exception_handler(kind, _shown(cast(Handler, handler)))
    app.add_exception_handler(Exception, _shown(_of_unforeseen))


def is_for_person(request: Request) -> bool:
    """Whether somebody in front of a browser waits for this."""
    for_program = request.url.path.startswith(FOR_PROGRAMS) or is_fragment(request)
    return not for_program and "text/html" in request.headers.get("Accept", "text/html")


def show_problem(request: Request, problem: Response) -> Response:
    """Show a problem document as a page, or the way to the login."""
    if problem.status_code == 401 and request.method == "GET":
        wanted = request.url.path + ("?" + request.url.query if request.url.query else "")
        return RedirectResponse(link("/login", next=wanted), 303)
    document = json.loads(bytes(problem.body))
    page = render(request, "error.html", problem=document)
    page.status_code = problem.status_code
    page.headers.update({name: problem.headers[name] for name in ("Retry-After", "Allow") if name in problem.headers})
    return page


def _shown(handler: Handler) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        problem = await handler(request, error)
        about = problem.headers.get("Content-Type", "")
        return show_problem(request, problem) if "problem+json" in about and is_for_person(request) else problem

    return handle


async def _of_unforeseen(request: Request, error: Exception) -> Response:
    said = "the log of the dashboard says more; try again, and tell whoever runs Groundswell if it stays so"
    return answer(Problem(500, "broken", "Something broke on our side", detail=said))
