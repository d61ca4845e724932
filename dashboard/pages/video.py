"""One video: what was found in it, and what will become of it."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
