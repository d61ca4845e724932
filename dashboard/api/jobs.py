"""Work that takes minutes: training, replays, imports."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
