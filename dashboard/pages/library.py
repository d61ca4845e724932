"""All videos as a table; two side by side."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
