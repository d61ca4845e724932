"""The gallery: who was seen, and commands about them."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
