"""What stages gave up, and putting it back."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
