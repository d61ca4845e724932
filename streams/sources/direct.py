"""Downloads a link that is the media file itself, resuming where an earlier try stopped."""

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import msgspec

from processors.ports import Downloaded
from schemas.errors import FetchFailed, GroundswellError, SourceUnavailable
from schemas.media import Metadata
from streams.sources.failures import http_failure, os_failure
from streams.sources.wanted import Wanted

SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".3gp", ".ogv"))
"""Links that end so are tried as files first."""

BLOCK_BYTES = 256 * 1024
WORTH_RESUMING_BYTES = 256 * 1024
"""A connection that brought less than this before it broke is left to the next try, after a pause."""

PAGES = frozenset(("text/html", "application/xhtml+xml", "application/json"))

HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; Groundswell)", "Accept-Encoding": "identity"}

Report = Callable[[float, float | None], None]


class NotAFileError(Exception):
    """The address gives a page, not a media file."""


class Partial(msgspec.Struct, frozen=True, kw_only=True):
    """What an unfinished file is a part of, kept beside it. `validator` is a strong ETag or a date."""

    url: str
    validator: str
    total_bytes: int | None


def is_direct(url: str) -> bool:
    """Whether a link looks like a media file by its name."""
    return _suffix(url) in SUFFIXES


def fetch(url: str, folder: Path, wanted: Wanted, report: Report) -> Downloaded:
    """Download one file.

    Raises
    ------
    NotAFileError
        A web page came.
    Refused
        Larger than allowed.
    FetchFailed
        The server does not have it or does not give it.
    SourceUnavailable
        A timeout, a broken or truncated transfer, 429 or 5xx; what came is kept for the next try.
    """
    part = folder / "media.part"
    while not _transfer(url, part, wanted, report):
        pass
    path = part.rename(part.with_suffix(_suffix(url)))
    return Downloaded(path=path, url=url, metadata=Metadata())


def _transfer(url: str, part: Path, wanted: Wanted, report: Report) -> bool:
    """Bring as much as one connection gives; whether the file is whole now."""
    before_bytes = _resumable_bytes(url, part)
    broke: Exception | None = None
    try:
        with _open(url, part, before_bytes, wanted) as response:
            whole = _receive(response, part, wanted, report)
    except (http.client.IncompleteRead, ConnectionError, TimeoutError) as error:
        whole, broke = False, error
    except (http.client.HTTPException, OSError) as error:
        raise _in_words(error) from error
    gained_bytes = _size_bytes(part) - before_bytes
    if not whole and gained_bytes < WORTH_RESUMING_BYTES:
        reason = f": {broke}" if broke else ""
        raise SourceUnavailable(f"the transfer stopped after {_size_bytes(part):,} bytes{reason}") from broke
    return whole


def _open(url: str, part: Path, before_bytes: int, wanted: Wanted) -> http.client.HTTPResponse:
    """Ask for the rest of the file; leaves `part` as long as what the answer does not hold."""
    headers = dict(HEADERS)
    if before_bytes:
        note = _note(part)
        headers["Range"] = f"bytes={before_bytes}-"
        if note is not None and note.validator:
            headers["If-Range"] = note.validator
    try:
        response = _ask(url, headers, wanted)
    except urllib.error.HTTPError as error:
        if before_bytes and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _open_afresh(url, part, wanted)
        raise
    if response.status == http.HTTPStatus.PARTIAL_CONTENT and not _continues(response, part, before_bytes):
        response.close()
        return _open_afresh(url, part, wanted)
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        part.unlink(missing_ok=True)
        _take_note(url, part, response)
    return response


def _open_afresh(url: str, part: Path, wanted: Wanted) -> http.client.HTTPResponse:
    part.unlink(missing_ok=True)
    response = _ask(url, HEADERS, wanted)
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        raise FetchFailed("the server sends a part of the file although the whole was asked for")
    _take_note(url, part, response)
    return response


def _ask(url: str, headers: dict[str, str], wanted: Wanted) -> http.client.HTTPResponse:
    # No proxies from the environment (they would connect where we may not), and no ftp, file or data
    # handlers for a redirect to find.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    response = opener.open(request, timeout=wanted.silence_s)
    assert isinstance(response, http.client.HTTPResponse)  # noqa: S101
    if response.headers.get_content_type() in PAGES:
        response.close()
        raise NotAFileError(f"{response.headers.get_content_type()} came")
    return response


def _receive(response: http.client.HTTPResponse, part: Path, wanted: Wanted, report: Report) -> bool:
    done_bytes = _size_bytes(part)
    total_bytes = done_bytes + response.length if response.length is not None else None
    wanted.check_bytes(total_bytes)
    with part.open("ab", buffering=0) as file:
        while block := response.read1(BLOCK_BYTES):
            done_bytes += len(block)
            wanted.check_bytes(done_bytes)
            file.write(block)
            report(done_bytes, total_bytes)
    return done_bytes > 0 and total_bytes in (None, done_bytes)


def _continues(response: http.client.HTTPResponse, part: Path, before_bytes: int) -> bool:
    """Whether a partial answer begins where the file ends, and is a part of the same whole."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    note = _note(part)
    if found is None or note is None or int(found[1]) != before_bytes or not before_bytes:
        return False
    return found[2] == "*" or note.total_bytes in (None, int(found[2]))


def _resumable_bytes(url: str, part: Path) -> int:
    note = _note(part)
    same = note is not None and note.url == url and (note.validator or note.total_bytes)
    return _size_bytes(part) if same else 0


def _take_note(url: str, part: Path, response: http.client.HTTPResponse) -> None:
    etag = response.headers.get("ETag", "")
    validator = response.headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
    note = Partial(url=url, validator=validator, total_bytes=response.length)
    part.with_suffix(".json").write_bytes(msgspec.json.encode(note))


def _note(part: Path) -> Partial | None:
    try:
        return msgspec.json.decode(part.with_suffix(".json").read_bytes(), type=Partial)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix.lower()


def _in_words(error: Exception) -> GroundswellError:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(error, urllib.error.HTTPError):
        return http_failure(error.code, str(error.reason))
    if isinstance(cause, OSError):
        return os_failure(cause)
    return SourceUnavailable(f"the server does not speak HTTP as it should: {cause}")
