"""Predictions as CSV and JSON lines."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
