"""The OpenAPI document: what FastAPI finds out by itself, and what it cannot know of structs, problems and roles."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any  # Any: JSON

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from dashboard.access import roles
from dashboard.api.answers import Described, problems, schemas_of

DESCRIPTION = """How will this video do, and why? Send a link or a file, follow the work, read the prediction.

Errors are problem documents (RFC 9457): `title` says what kind, `detail` what happened and what to do.
Lists come in pages: give `next_cursor` back as `cursor` until it is empty. With an `Idempotency-Key` header a change
that is sent twice is made once."""

PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "What went wrong, and what to do (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "names the kind of problem"},
        "title": {"type": "string", "description": "the kind in words, the same each time"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what happened here, and what to do"},
        "errors": {"type": "array", "items": {"type": "object"}, "description": "where the request is wrong"},
    },
    "example": {
        "type": "/problems/not-found",
        "title": "There is no such thing",
        "status": 404,
        "detail": "no video 'youtube:dQw4w9WgXcQ' is known here",
    },
}

SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "from `groundswell tokens`, or printed at the start"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "groundswell_session",
        "description": "what a browser has after /login",
    },
}

TAGS = {
    "videos": "Links in, and everything known about a video.",
    "uploads": "Files in, in pieces if need be.",
    "batches": "Tables of links.",
    "predictions": "Predictions as tables.",
    "events": "What changes, as it changes (server-sent events).",
    "media": "Pictures, crops and videos.",
    "people": "The gallery: who was seen.",
    "labels": "Classes, questions to judge, and judgements.",
    "outcomes": "How videos did.",
    "releases": "What makes predictions.",
    "jobs": "Work that takes minutes.",
    "deadletters": "What stages gave up.",
    "operations": "Stages, lag, workers, disk, scoreboard.",
    "webhooks": "Addresses that are told of predictions.",
    "access": "Who you are.",
}

EVERYWHERE = (401, 403, 422, 429, 503)
IN_CHANGES = (400, 409, 413)
"""An idempotency key that is used twice, a body that is too large."""

_ROLE_OF = {roles._viewer: "viewer", roles._editor: "editor", roles._admin: "admin"}


def describe(app: FastAPI) -> None:
    """Have an app answer our document instead of FastAPI's own; it is made when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document_of(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way FastAPI documents


def document_of(app: FastAPI) -> dict[str, Any]:
    """Write the document of all routes under ``/v1``.

    Source: OpenAPI 3.1.0; RFC 9457.
    """
    routes = [route for route in iter_route_contexts(app.routes) if _is_api(route)]
    document = get_openapi(
        title="Groundswell", version="1", openapi_version="3.1.0", description=DESCRIPTION, routes=routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_structs(routes))
    schemas["Problem"] = PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    for route in routes:
        for method in route.methods or ():
            _complete(document["paths"].get(route.path_format or "", {}).get(method.lower()), route, method)
    used = {tag for path in document["paths"].values() for operation in path.values() for tag in operation["tags"]}
    order = [*(name for name in TAGS if name in used), *sorted(used - TAGS.keys())]
    document["tags"] = [{"name": name, "description": TAGS.get(name, "")} for name in order]
    return document


def _is_api(route: RouteContext) -> bool:
    is_ours = isinstance(route.original_route, APIRoute) and (route.path or "").startswith("/v1/")
    return is_ours and bool(route.include_in_schema)


def _structs(routes: list[RouteContext]) -> dict[str, Any]:
    kinds = [schema.kind for route in routes for schema in _described(route.responses)]
    _, components = schemas_of(kinds)
    for component in components.values():
        component["description"] = cleandoc(component.get("description", ""))
    return components


def _described(node: Any) -> Iterator[Described]:
    if isinstance(node, Described):
        yield node
    for child in node.values() if isinstance(node, dict) else ():
        yield from _described(child)


def _complete(operation: dict[str, Any] | None, route: RouteContext, method: str) -> None:
    """Say of an operation who may use it, which problems it may answer, and what it belongs to."""
    if operation is None:
        return
    operation["tags"] = [_tag(route)]
    if len(route.methods or ()) == 1:
        operation["operationId"] = str(route.name)
    answers = operation["responses"]
    expected = (*EVERYWHERE, *(() if method in ("GET", "HEAD") else IN_CHANGES))
    wanted = (*expected, 404) if "{" in (route.path_format or "") else expected
    answers.update({str(s): words for s, words in problems(*wanted).items() if s == 422 or str(s) not in answers})
    _restore_examples(answers, route)
    if (needed := _role(route)) is not None:
        operation["security"] = [{"token": []}, {"session": []}]
        operation["description"] = "\n\n".join(filter(None, (operation.get("description"), f"Needs role: {needed}.")))


def _restore_examples(answers: dict[str, Any], route: RouteContext) -> None:
    """Give examples as they were written: FastAPI drops what is null in them."""
    for status, answer in route.responses.items():
        for kind, content in answer.get("content", {}).items():
            if "example" in content:
                answers[str(status)]["content"][kind]["example"] = content["example"]


def _tag(route: RouteContext) -> str:
    """The router's file: one a resource."""
    return str(getattr(route.endpoint, "__module__", "")).rsplit(".", 1)[-1]


def _role(route: RouteContext) -> str | None:
    found = [_ROLE_OF[d.call] for d in route.dependant.dependencies if d.call in _ROLE_OF]
    return found[0] if found else None
