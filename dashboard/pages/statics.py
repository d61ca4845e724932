"""Style sheets, scripts and pictures of the pages, under an address that changes with what is in them."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboard.problems import not_found

FOLDER = Path(__file__).parents[1] / "static"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}

router = APIRouter(include_in_schema=False)


def static(name: str) -> str:
    """Name the address of a file.

    The hash of all files together stands before the name, so that what a script imports by a relative path is of the
    same build as the script.
    """
    return f"/static/{build()}/{name}"


@cache
def build() -> str:
    """Hash all files that pages may load."""
    whole = hashlib.sha256()
    for name, data in sorted(_files().items()):
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()[:12]


@router.get("/static/{which}/{name:path}")
def send(request: Request, which: str, name: str) -> Response:
    """Send a file; an address of another build gets what is here now, and shall ask again next time."""
    data = _files().get(name)
    if data is None:
        raise not_found("file", name)
    kept = FOR_EVER if which == build() else ASK_AGAIN
    headers = {"Cache-Control": kept, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        data = _squeezed(name)
        headers["Content-Encoding"] = "gzip"
    return Response(data, media_type=_TYPES[Path(name).suffix], headers=headers)


@router.get("/favicon.ico")
def favicon() -> Response:
    """Send the sign of the house to browsers that ask for it by habit."""
    return Response(_files()["mark.svg"], media_type=_TYPES[".svg"], headers={"Cache-Control": "max-age=86400"})


@cache
def _squeezed(name: str) -> bytes:
    return gzip.compress(_files()[name], mtime=0)


@cache
def _files() -> dict[str, bytes]:
    """Read all files once: only what is named here can be sent, whatever the address says."""
    return {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix in _TYPES
    }
