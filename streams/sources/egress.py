"""Which addresses a stranger's link may reach, and the guard that holds a process to it."""

import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from schemas.errors import Refused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NAT64 = ip_network("64:ff9b::/96")
"""Its last 32 bits are an IPv4 address. Source: RFC 6052."""

_STARTS_OF_PROCESSES = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn")
)
_SENDS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks in CIDR notation, as the settings hold them."""
    return tuple(ip_network(text) for text in texts)


def allowed_address(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether a link may reach an IP address.

    Parameters
    ----------
    address : str
        IPv4 or IPv6, with or without a scope (``fe80::1%eth0``).
    allowed : sequence of networks
        Reachable although they are private.

    >>> allowed_address("93.184.215.14"), allowed_address("::ffff:127.0.0.1"), allowed_address("64:ff9b::a00:1")
    (True, False, False)
    """
    try:
        meant = _innermost(ip_address(address))
    except ValueError:
        return False
    return any(meant in network for network in allowed) or _public(meant)


def refusal_of_host(host: str, allowed: Sequence[Network] = ()) -> str | None:
    """Say why a host can be refused without asking where it is; None when that must be asked.

    An early word only: what counts is the address that a name leads to at the time of the connection.

    >>> refusal_of_host("0x7f.1")
    '0x7f.1 is 127.0.0.1, which is not a public address; links may not reach it'
    >>> refusal_of_host("example.org")
    """
    address = _written_address(host)
    if address is None or allowed_address(address, allowed):
        return None
    meant = host if host == address else f"{host} is {address}, which"
    return f"{meant} is not a public address; links may not reach it"


def _written_address(host: str) -> str | None:
    """Read the address that a host is a spelling of, as resolvers do: ``2130706433`` and ``0x7f.1`` too."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):  # Source: RFC 6761, 6.3
        return "127.0.0.1"
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(bare)) if bare[:1].isdigit() else None
    except (OSError, UnicodeError, ValueError):
        return None


def _public(address: Address) -> bool:
    # `is_global` alone says True for 224.0.0.1, and knows nothing of what a translator makes of an address.
    return address.is_global and not (
        address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or getattr(address, "is_site_local", False)
    )


def _innermost(address: Address) -> Address:
    """Unwrap IPv4 addresses that travel inside IPv6 ones."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        inner = address.teredo[1]
    if address in NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


@dataclass
class Guard:
    """What a guarded process was kept from; `refusal` is the first time, in words."""

    networks: tuple[Network, ...] = ()
    refusal: str | None = field(default=None)

    def refuse(self, reason: str) -> Refused:
        """Remember the reason: a library may swallow the exception."""
        self.refusal = self.refusal or reason
        return Refused(reason)


def guard(allowed: Sequence[str] = ()) -> Guard:
    """Keep this process, for the rest of its life, from private addresses and from starting programs.

    Names are resolved once: `socket.getaddrinfo` gives only addresses that may be reached, and
    libraries connect to what it gave, so a name that changes its address in between, a redirect
    and a numeric spelling all meet the same check. An audit hook looks at every connection once more.
    For child processes only: there is no way back.

    Parameters
    ----------
    allowed : sequence of str
        Private networks that may be reached (CIDR).

    Source: PEP 578 for audit hooks.
    """
    kept = Guard(networks(allowed))
    socket.getaddrinfo = _filtered(kept, socket.getaddrinfo)
    sys.addaudithook(lambda event, args: _check(kept, event, args))
    return kept


def _filtered(kept: Guard, resolve: Callable[..., list[Any]]) -> Callable[..., list[Any]]:  # Any: as in socket
    def getaddrinfo(host: str | bytes | None, *args: Any, **keywords: Any) -> list[Any]:  # Any: as in socket
        found = resolve(host, *args, **keywords)
        usable = [entry for entry in found if allowed_address(entry[4][0], kept.networks)]
        if not usable:
            name = host.decode(errors="replace") if isinstance(host, bytes) else host
            places = ", ".join(sorted({entry[4][0] for entry in found}))
            raise kept.refuse(f"{name} is at {places}, which is not a public address; links may not reach it")
        return usable

    return getaddrinfo


def _check(kept: Guard, event: str, args: tuple[Any, ...]) -> None:  # Any: each audit event has its own arguments
    if event in _STARTS_OF_PROCESSES:
        # Not remembered: a library that does without the program may go on.
        raise Refused(f"a download may not start programs ({event} {args[:1]!r})")
    if event not in _SENDS:
        return
    sock, address = args[0], args[1]
    if address is None:
        return
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not allowed_address(address[0], kept.networks):
        raise kept.refuse(f"{address!r} is not a public address; links may not reach it")
