"""Classes, questions to judge, and judgements."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
