"""The first page: links and files in."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
