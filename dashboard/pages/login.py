"""Logging in and out; what browsers get for it is a cookie that no script can read."""

from typing import Annotated

from fastapi import APIRouter, Body, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field, SecretStr

from dashboard.access.accounts import NAME
from dashboard.access.gate import Gate, gate_of
from dashboard.access.requests import address_of, cookie_of
from dashboard.access.roles import CALLER, caller_of
from dashboard.api.answers import Json
from dashboard.api.bodies import KnownFields
from dashboard.desk import TheDesk
from dashboard.listening import is_private
from dashboard.pages.rendering import render
from dashboard.problems import Problem

router = APIRouter(include_in_schema=False)


class Login(KnownFields):
    """Name and password, or a token."""

    name: Annotated[str, Field(max_length=100)] = ""
    password: Annotated[SecretStr, Field(max_length=2000)] = SecretStr("")
    token: Annotated[SecretStr, Field(max_length=200)] = SecretStr("")


@router.get("/login")
def page(request: Request, desk: TheDesk, next: str = "/") -> Response:
    """Show the form; somebody who is logged in goes on."""
    if caller_of(request):
        return RedirectResponse(own_path(next), 303)
    return render(request, "login.html", next=own_path(next), is_private=is_private(desk.settings))


@router.post("/login")
def log_in(request: Request, body: Annotated[Login, Body()]) -> Response:
    """Begin a session. Only JSON is taken, which no form of another site can send."""
    gate = gate_of(request)
    secret = _begun(gate, request, body)
    gate.log_out(cookie_of(request.scope, gate.cookie))
    request.scope[CALLER] = caller = gate.of_session(secret)  # for the trail
    name, role = (caller.name, caller.role) if caller else ("", "")
    return Json({"name": name, "role": role}, headers={"Set-Cookie": gate.set_cookie(secret)})


@router.post("/logout")
def log_out(request: Request) -> Response:
    """End the session of this browser."""
    gate = gate_of(request)
    gate.log_out(cookie_of(request.scope, gate.cookie))
    return RedirectResponse("/login", 303, headers={"Set-Cookie": gate.set_cookie("")})


def own_path(path: str) -> str:
    """Give a path of this dashboard, whatever an address asks for: no link may lead on to another site."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and not path.startswith(("/login", "/logout")) else "/"


def _begun(gate: Gate, request: Request, body: Login) -> str:
    address, token = address_of(request.scope), body.token.get_secret_value()
    if token:
        return gate.log_in_by_token(token.strip(), address=address)
    if not body.name:
        raise Problem(
            422, "invalid", "The request does not fit the description", detail="give name and password, or token"
        )
    if NAME.fullmatch(body.name.strip().casefold()):
        request.scope["path_params"] = {"name": body.name.strip().casefold()}  # who tried, for the trail
    return gate.log_in(body.name, body.password.get_secret_value(), address=address)
