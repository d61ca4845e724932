"""Pictures, crops and videos from the media store."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
