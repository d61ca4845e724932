"""Errors as problem documents that say what happened and what to do (RFC 9457)."""

from collections.abc import Mapping
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from schemas.errors import BrokerUnavailable, GroundswellError, StorageUnavailable, UsageError

MEDIA_TYPE = "application/problem+json"
MOST_INVALID = 20


class Problem(Exception):
    """An answer that is an error.

    Parameters
    ----------
    status : int
        HTTP status.
    slug : str
        Names the kind of problem; ``type`` is ``/problems/SLUG``.
    title : str
        The kind in words, the same each time.
    detail : str
        What happened here, and what to do.
    headers : mapping
        Such as ``Retry-After``.
    extra : object
        Further members of the document.
    """

    def __init__(
        self, status: int, slug: str, title: str, *, detail: str = "", headers: Mapping[str, str] | None = None,
        **extra: object,
    ) -> None:  # fmt: skip
        super().__init__(detail or title)
        self.status, self.headers = status, dict(headers or {})
        self.document = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail, **extra}


def not_found(what: str, which: str) -> Problem:
    """Nothing of that name is here."""
    return Problem(404, "not-found", "There is no such thing", detail=f"no {what} {which!r} is known here")


def answer_problems(app: FastAPI) -> None:
    """Make an app answer every error as a problem document."""
    app.add_exception_handler(Problem, _of_problem)
    app.add_exception_handler(GroundswellError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_invalid)
    app.add_exception_handler(HTTPException, _of_http)


def answer(problem: Problem) -> Response:
    """Encode a problem."""
    return JSONResponse(problem.document, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


async def _of_problem(request: Request, error: Exception) -> Response:
    return answer(cast(Problem, error))


async def _of_ours(request: Request, error: Exception) -> Response:
    if isinstance(error, UsageError):
        return answer(Problem(422, "refused", "That cannot be done", detail=str(error)))
    if isinstance(error, BrokerUnavailable | StorageUnavailable):
        problem = Problem(
            503, "unavailable", "A part of Groundswell does not answer", detail=str(error), headers={"Retry-After": "5"}
        )
        return answer(problem)
    return answer(Problem(422, "refused", "That cannot be done", detail=str(error)))


async def _of_invalid(request: Request, error: Exception) -> Response:
    found = [
        {"where": "/".join(map(str, e["loc"])), "what": e["msg"]}
        for e in cast(RequestValidationError, error).errors()[:MOST_INVALID]
    ]
    detail = "; ".join(f"{one['where']}: {one['what']}" for one in found)
    return answer(Problem(422, "invalid", "The request does not fit the description", detail=detail, errors=found))


async def _of_http(request: Request, error: Exception) -> Response:
    said = cast(HTTPException, error)
    slug = {404: "not-found", 405: "wrong-method"}.get(said.status_code, "http")
    return answer(Problem(said.status_code, slug, str(said.detail), headers=said.headers))
