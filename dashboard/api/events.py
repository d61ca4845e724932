"""Server-sent events: what changes, as it changes."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
