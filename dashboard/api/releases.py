"""Releases of each target, and their parts."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
