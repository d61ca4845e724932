"""How videos did."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
