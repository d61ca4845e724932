"""Bodies of requests: known fields, or bytes as they come, in blocks of a good size or whole within a limit."""

from collections.abc import AsyncIterator
from typing import Any  # Any: JSON

from fastapi import Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from dashboard.problems import Problem

BLOCK_BYTES = 2**20
"""Connections bring 64 kB at a time; writing each by itself costs three times as much."""


class KnownFields(BaseModel, extra="forbid"):
    """What is asked with a request; a field that nobody knows is refused, for it may be a known one that was misspelt."""


async def blocks(request: Request) -> AsyncIterator[bytes]:
    """Give a body in blocks of about a megabyte; when the connection breaks, what came before it all the same.

    Raises
    ------
    ClientDisconnect
        After the last block that came.
    """
    held, broken = bytearray(), None
    try:
        async for part in request.stream():
            held += part
            if len(held) >= BLOCK_BYTES:
                yield bytes(held)
                held.clear()
    except ClientDisconnect as error:
        broken = error
    if held:
        yield bytes(held)
    if broken is not None:
        raise broken


async def whole(request: Request, *, most_bytes: int) -> bytes:
    """Give a body in one piece.

    Raises
    ------
    Problem
        It has more than `most_bytes`.
    """
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > most_bytes:
            raise Problem(413, "too-large", "The body is too large", detail=f"at most {most_bytes:,} bytes are taken")
    return bytes(held)


def raw_body(*media_types: str, binary: bool = True) -> dict[str, Any]:
    """Describe a raw body for ``openapi_extra=``."""
    schema: dict[str, Any] = {"type": "string", "format": "binary"} if binary else {"type": "string"}
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in media_types}}}
