"""Stages, lag, dead letters, scoreboard."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
