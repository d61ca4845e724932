"""Addresses that are told of predictions."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")
