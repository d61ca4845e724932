"""One message to one address: signed, to public addresses only, within a time."""

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from schemas.errors import Refused, UsageError
from streams.sources.egress import Network, allowed_address, refusal_of_host

LIMIT_S = 15.0
"""For all of it: a name, a connection, an answer."""

LONGEST_URL = 2000
_PORTS = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """What came of an attempt; `status` None: no answer. `problem` is empty when it arrived."""

    status: int | None
    problem: str = ""


def checked_url(url: str, allowed: Sequence[Network]) -> str:
    """Refuse an address that could never be told.

    Raises
    ------
    UsageError
        Not http or https, a name and password inside, odd characters, or plainly not public.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UsageError(f"expected an address of at most {LONGEST_URL} plain characters, without spaces")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"this is not an address: {error}") from error
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc or parts.fragment:
        raise UsageError("expected https://host/path, without a user name or a #fragment")
    if refusal := refusal_of_host(host, allowed):
        raise UsageError(refusal.replace("links", "webhooks"))
    return url


def signature(body: bytes, secrets: Sequence[str], at_s: float) -> str:
    """Sign a body and the time for every secret that is valid: ``t=TIME,v1=HEX``.

    Source: RFC 2104 (HMAC); the time inside keeps an old message from being sent again.

    >>> signature(b"{}", ["s"], 1.0)[:30]
    't=1,v1=b253639bcd705ed1cda3073'
    """
    signed = f"{int(at_s)}.".encode() + body
    return ",".join((f"t={int(at_s)}", *(f"v1={_hmac(secret, signed)}" for secret in secrets)))


def _hmac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allowed: Sequence[Network] = (), limit_s: float = LIMIT_S
) -> Answer:
    """Send a message; arrived is what is answered with 2xx. Redirects are not followed.

    A name is looked up once, each of its addresses is checked, and the connection goes to one that was: a name that
    changes its address in between gains nothing.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        connection = _Pinned(host, port, _addresses(host, port, allowed), is_tls=parts.scheme == "https")
    except (Refused, OSError, UnicodeError) as error:
        return Answer(None, str(error))
    connection.timeout = limit_s
    deadline = threading.Timer(limit_s, connection.cut)
    deadline.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, dict(headers))
        return _judged(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        why = f"no answer within {limit_s:g} s" if connection.was_cut else str(error) or type(error).__name__
        return Answer(None, why)
    finally:
        deadline.cancel()
        connection.close()


def _judged(status: int) -> Answer:
    if 200 <= status < 300:
        return Answer(status)
    if 300 <= status < 400:
        return Answer(status, f"answered {status}; redirects are not followed, so give the address it leads to")
    return Answer(status, f"answered {status}")


def _addresses(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    usable = [address for address in dict.fromkeys(found) if allowed_address(address, allowed)]
    if not usable:
        raise Refused(f"{host} is at {', '.join(sorted(set(found)))}, which is not public; webhooks may not reach it")
    return usable


class _Pinned(http.client.HTTPConnection):
    """A connection to addresses that were looked up before; TLS still checks the certificate for the name."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], *, is_tls: bool) -> None:
        super().__init__(host, port)
        self._addresses, self._is_tls = addresses, is_tls
        self.default_port = _PORTS["https" if is_tls else "http"]
        self.was_cut = False

    def connect(self) -> None:
        self.sock = self._connected()
        if self.was_cut:
            raise TimeoutError
        if self._is_tls:
            self.sock = _tls().wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End it from another thread: an address that answers a byte a minute never runs into a timeout."""
        self.was_cut = True
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended by itself
                return

    def _connected(self) -> socket.socket:
        for place, address in enumerate(self._addresses):
            try:
                return socket.create_connection((address, self.port), self.timeout)
            except OSError:
                if place == len(self._addresses) - 1 or self.was_cut:
                    raise
        raise OSError(f"{self.host} has no address")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
