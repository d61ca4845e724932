"""Answers as they are encoded, and as the OpenAPI document describes them: one word for both."""

from collections.abc import Sequence
from typing import Any  # Any: JSON, and types as values

import msgspec
from fastapi.responses import Response

from dashboard.problems import MEDIA_TYPE

REFERENCES = "#/components/schemas/{name}"
PROBLEM = {"$ref": "#/components/schemas/Problem"}

Responses = dict[int | str, dict[str, Any]]
"""What FastAPI's ``responses=`` takes."""

PROBLEMS = {
    400: "The request cannot be read",
    401: "Nobody is logged in, or the token is not known",
    403: "The role does not allow this",
    404: "There is no such thing",
    409: "It does not fit what is there",
    410: "It was here and is gone",
    411: "The length is missing",
    413: "It is too large",
    415: "It is of another kind than expected",
    416: "The range lies outside",
    422: "The request does not fit the description, or cannot be done; `detail` says why",
    429: "Too many requests; `Retry-After` says when to come again",
    503: "A part of Groundswell does not answer now; try again",
    507: "The disk is full",
}
"""Statuses of problem documents, in words."""


def schemas_of(kinds: Sequence[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """Describe types, and the components that their descriptions refer to."""
    return msgspec.json.schema_components(kinds, schema_hook=_anything, ref_template=REFERENCES)


def _anything(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "whatever the work said"}
    raise TypeError(f"{kind} has no JSON Schema; answers are structs")


class Described(dict[str, Any]):
    """A JSON Schema that knows which type it describes: the document collects the components from there."""

    def __init__(self, kind: Any) -> None:
        (schema,), _ = schemas_of([kind])
        super().__init__(schema)
        self.kind = kind


class Json(Response):
    """Whatever msgspec encodes, as JSON; structs as they are."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Encode."""
        return msgspec.json.encode(content)


def returns(kind: Any, description: str = "", *, status: int = 200, example: object = None) -> Responses:
    """Describe the answer of a route: ``@router.get(..., responses=returns(VideoPage))``.

    Parameters
    ----------
    kind : type
        Whatever msgspec can describe: a struct, ``list[Struct]``, ``dict[str, int]``.
    example : object, optional
        An answer as it may come.
    """
    content: dict[str, Any] = {"schema": Described(kind)}
    if example is not None:
        content["example"] = msgspec.json.decode(msgspec.json.encode(example))  # tuples become lists
    return {status: {"description": description or "As asked for", "content": {"application/json": content}}}


def returns_bytes(media_types: Sequence[str], description: str, *, status: int = 200) -> Responses:
    """Describe an answer that is a file: a picture, a table."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {status: {"description": description, "content": dict.fromkeys(media_types, binary)}}


def returns_nothing(description: str, *, status: int = 204) -> Responses:
    """Describe an answer without a body."""
    return {status: {"description": description}}


def problems(*statuses: int) -> Responses:
    """Describe answers that are problem documents, beyond those that every route may give."""
    return {
        status: {"description": PROBLEMS[status], "content": {MEDIA_TYPE: {"schema": PROBLEM}}} for status in statuses
    }
