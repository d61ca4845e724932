"""Files in: streamed to the media store, hashed on the way, resumable."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
