"""Large files over HTTP that go on where they stopped, also after a kill or a day later."""

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias

import msgspec

from schemas.errors import WeightsMissing

Bytes: TypeAlias = Callable[[int, int | None], None]
"""Hears bytes done, and bytes in all where that is known."""

SILENCE_S = 60.0
"""A server that says nothing for so long has gone."""

PAUSES_S = (0.5, 2.0)
"""Before each try after one that brought nothing; after the last of them we give up, and keep what came."""

_BLOCK_BYTES = 2**18
_LEAST_SERVER_ERROR = 500
_HEADERS = {"User-Agent": "groundswell", "Accept-Encoding": "identity"}


class TransferBroken(WeightsMissing):
    """The connection broke and did not come back; what came is kept, and the next fetch goes on from there."""


class _Note(msgspec.Struct, frozen=True):
    """What an unfinished file is a part of: its address, and by what the server would know the same file again."""

    url: str
    validator: str
    total_bytes: int | None


class _BrokenError(Exception):
    """This connection is over, another may help."""


def download(url: str, target: Path, report: Bytes, *, most_bytes: int | None = None) -> Path:
    """Bring the file at `url` to `target`; an unfinished one lies beside it as ``.part``.

    A broken connection is taken up where it broke (``Range``), provided the server says by ``If-Range``
    that the file is still the same; a server that knows no ranges sends it again from the beginning.

    Parameters
    ----------
    url : str
        ``http`` or ``https``. Proxies are taken from the environment, as is usual.
    most_bytes : int, optional
        What is larger is refused.

    Raises
    ------
    TransferBroken
        It broke off again and again, or the server does not answer now.
    WeightsMissing
        The server does not have the file or does not give it, or it is too large.

    Source: RFC 9110, sections 13.1.5 (If-Range) and 14 (range requests).
    """
    transfer = _Transfer(url, target, report, most_bytes)
    failures = 0
    while True:
        before_bytes = transfer.done_bytes
        try:
            transfer.go_on()
        except _BrokenError as error:
            failures = 0 if transfer.done_bytes > before_bytes else failures + 1
            if failures > len(PAUSES_S):
                raise TransferBroken(
                    f"{url} broke off after {transfer.done_bytes:,} bytes: {error}; "
                    "what came is kept: fetch it again to go on from there"
                ) from error
            time.sleep(PAUSES_S[failures - 1] if failures else 0.0)
        else:
            return transfer.finish()


class _Transfer:
    """One file on its way here."""

    def __init__(self, url: str, target: Path, report: Bytes, most_bytes: int | None) -> None:
        self._url, self._target, self._report, self._most_bytes = url, target, report, most_bytes
        self._part = target.with_name(f"{target.name}.part")
        self._note_path = target.with_name(f"{target.name}.part.json")

    @property
    def done_bytes(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def go_on(self) -> None:
        """Bring what one connection gives; return when the file is whole."""
        try:
            with self._open() as response:
                self._receive(response)
        except urllib.error.HTTPError as error:
            raise self._in_words(error) from error
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise _BrokenError(str(reason) or type(reason).__name__) from error

    def finish(self) -> Path:
        self._note_path.unlink(missing_ok=True)
        return self._part.rename(self._target)

    def _open(self) -> http.client.HTTPResponse:
        """Ask for the rest where there is a beginning, else for all; leave on disk what the answer goes on from."""
        note, before_bytes = self._note(), self.done_bytes
        if before_bytes and note is not None and note.url == self._url and note.validator:
            response = self._ask({"Range": f"bytes={before_bytes}-", "If-Range": note.validator})
            if response.status == HTTPStatus.PARTIAL_CONTENT and _continues(response, before_bytes, note):
                return response
            if response.status == HTTPStatus.OK:
                return self._begin(response)
            response.close()
        return self._begin(self._ask({}))

    def _begin(self, response: http.client.HTTPResponse) -> http.client.HTTPResponse:
        if response.status != HTTPStatus.OK:
            response.close()
            raise WeightsMissing(f"{self._url} answers {response.status} where the whole file was asked for")
        etag = response.headers.get("ETag", "")
        is_strong = bool(etag) and not etag.startswith("W/")
        validator = etag if is_strong else response.headers.get("Last-Modified", "")
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._part.unlink(missing_ok=True)
        self._note_path.write_bytes(msgspec.json.encode(_Note(self._url, validator, response.length)))
        return response

    def _ask(self, headers: dict[str, str]) -> http.client.HTTPResponse:
        request = urllib.request.Request(self._url, headers=_HEADERS | headers)  # noqa: S310 (the manifest allows http and https only)
        try:
            response = urllib.request.urlopen(request, timeout=SILENCE_S)  # noqa: S310
        except urllib.error.HTTPError as error:
            if headers and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return self._ask({})
            raise
        assert isinstance(response, http.client.HTTPResponse)  # noqa: S101
        return response

    def _receive(self, response: http.client.HTTPResponse) -> None:
        done_bytes = self.done_bytes
        total_bytes = None if response.length is None else done_bytes + response.length
        with self._part.open("ab", buffering=0) as file:
            self._refuse_beyond(total_bytes or 0)
            while block := response.read1(_BLOCK_BYTES):
                file.write(block)
                done_bytes += len(block)
                self._refuse_beyond(done_bytes)
                self._report(done_bytes, total_bytes)
        if total_bytes is not None and done_bytes != total_bytes:
            raise _BrokenError(f"{total_bytes - done_bytes:,} bytes are missing")

    def _refuse_beyond(self, size_bytes: int) -> None:
        if self._most_bytes is not None and size_bytes > self._most_bytes:
            raise WeightsMissing(f"{self._url} should have {self._most_bytes:,} bytes, but has more")

    def _note(self) -> _Note | None:
        try:
            return msgspec.json.decode(self._note_path.read_bytes(), type=_Note)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _in_words(self, error: urllib.error.HTTPError) -> Exception:
        error.close()
        said = f"{self._url} answers {error.code} {error.reason}"
        may_pass = error.code >= _LEAST_SERVER_ERROR or error.code in (
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.REQUEST_TIMEOUT,
        )
        return _BrokenError(said) if may_pass else WeightsMissing(said)


def _continues(response: http.client.HTTPResponse, before_bytes: int, note: _Note) -> bool:
    """Whether a part begins where ours ends, and belongs to a whole of the same size."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != before_bytes:
        return False
    return found[2] == "*" or note.total_bytes in (None, int(found[2]))
