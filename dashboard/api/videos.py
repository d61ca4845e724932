"""Links in, and everything known about a video."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
