"""Stages, lag, workers, disk, scoreboard."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
