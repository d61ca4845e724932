"""Says what went wrong on the network in the errors of this project: worth another try, or not."""

import errno
import http
import socket
import ssl

from schemas.errors import FetchFailed, GroundswellError, Refused, SourceUnavailable, StorageUnavailable

PASSING_STATUSES = frozenset((408, 425, 429))
"""Client errors that only say "not now"."""


def http_failure(status: int, reason: str) -> GroundswellError:
    """Name an HTTP status that is no success."""
    text = f"the server answers {status} {reason or _phrase(status)}".rstrip()
    return SourceUnavailable(text) if status in PASSING_STATUSES or status >= 500 else FetchFailed(text)


def os_failure(error: OSError) -> GroundswellError:
    """Name an error of a socket, a name look-up, TLS or the scratch disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageUnavailable("the disk for downloads is full; free some space, the download will be resumed")
    if error.errno == errno.EFBIG:
        return Refused("the file is larger than the settings allow")
    if isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
        return FetchFailed(f"there is no server of this name: {error.strerror or error}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return FetchFailed(f"the server's certificate is not valid: {error.verify_message}")
    return SourceUnavailable(f"the server does not answer: {error or type(error).__name__}")


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase if status in list(http.HTTPStatus) else ""
