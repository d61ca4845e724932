"""Who calls, and how a route says which role that needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request
from starlette.types import Scope

from dashboard.access.role_names import ROLES, Role
from dashboard.problems import Problem

CALLER = "groundswell.caller"
"""The key in a request's scope under which the access middleware leaves the caller."""

STILL = "groundswell.still"
"""The key of a question to ask while a long answer goes on: whether the caller may still have it."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who sends a request; `way` is how they proved it."""

    name: str
    role: Role
    way: Literal["token", "session"]


def caller_of(request: Request) -> Caller | None:
    """Who sends this request; None when they did not say. The access middleware has found out."""
    return caller_in(request.scope)


def caller_in(scope: Scope) -> Caller | None:
    """As `caller_of`, of what ASGI hands on."""
    found = scope.get(CALLER)
    return found if isinstance(found, Caller) else None


def nobody() -> Problem:
    """The problem of a request that comes from nobody we know."""
    return Problem(
        401, "who-are-you", "Nobody is logged in",
        detail="send Authorization: Bearer TOKEN, or log in at /login", headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip


def still_of(request: Request) -> Callable[[], bool]:
    """How an answer that goes on for long asks, from a thread, whether its reader may still have it.

    The access middleware leaves the question under `STILL`: false once the session or token has ended.
    """
    found = request.scope.get(STILL)
    return found if callable(found) else _always


def _always() -> bool:
    return True


def _needs(role: Role, request: Request) -> Caller:
    caller = caller_of(request)
    if caller is None:
        raise nobody()
    if ROLES.index(caller.role) < ROLES.index(role):
        raise Problem(
            403, "not-allowed", "Your role does not allow this",
            detail=f"this needs the role {role}, and {caller.name} is {caller.role}; ask an admin",
        )  # fmt: skip
    return caller


def _viewer(request: Request) -> Caller:
    return _needs("viewer", request)


def _editor(request: Request) -> Caller:
    return _needs("editor", request)


def _admin(request: Request) -> Caller:
    return _needs("admin", request)


Viewer = Annotated[Caller, Depends(_viewer)]
Editor = Annotated[Caller, Depends(_editor)]
Admin = Annotated[Caller, Depends(_admin)]
"""Annotations of a route's parameter: the caller, who has at least this role."""
