"""Where the dashboard listens, and when it refuses to."""

import errno
import socket
from ipaddress import ip_address
from pathlib import Path

from schemas.errors import SettingsInvalid, UsageError
from streams.settings import Settings

DEFAULT_PORT = 8484
BACKLOG = 2048


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, an address or a name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_private(settings: Settings) -> bool:
    """Whether only people at this machine can come, so that a link in the terminal is enough."""
    return is_loopback(settings.dashboard_host) and not settings.dashboard_behind_proxy


def is_encrypted(settings: Settings) -> bool:
    """Whether browsers come by HTTPS, here or at a proxy."""
    return bool(settings.dashboard_tls_cert or settings.dashboard_behind_proxy)


def refuse_unsafe(settings: Settings, *, has_accounts: bool) -> None:
    """Refuse to listen where strangers could come in or listen along.

    Parameters
    ----------
    has_accounts : bool
        Whether a user or a token is configured.

    Raises
    ------
    SettingsInvalid
        Says what is missing and how to give it.
    """
    if bool(settings.dashboard_tls_cert) != bool(settings.dashboard_tls_key):
        raise SettingsInvalid("HTTPS needs both: set GROUNDSWELL_DASHBOARD_TLS_CERT and GROUNDSWELL_DASHBOARD_TLS_KEY")
    for file in (settings.dashboard_tls_cert, settings.dashboard_tls_key):
        if file and not file.is_file():
            raise SettingsInvalid(f"HTTPS: there is no file {file}")
    if is_private(settings):
        return
    where = f"the dashboard can be reached from elsewhere (it listens on {settings.dashboard_host}"
    where += ", behind a proxy)" if settings.dashboard_behind_proxy else ")"
    if not has_accounts:
        raise SettingsInvalid(
            f"{where}, and nobody may log in: first `groundswell users add NAME --role admin` "
            "or `groundswell tokens add NAME`"
        )
    if not is_encrypted(settings):
        raise SettingsInvalid(
            f"{where}, and without HTTPS anybody on the way could read passwords: set GROUNDSWELL_DASHBOARD_TLS_CERT and "
            "_TLS_KEY, or GROUNDSWELL_DASHBOARD_BEHIND_PROXY to the address of the proxy that adds HTTPS"
        )


def bind(settings: Settings) -> socket.socket:
    """Take the port; without a setting that of the last time, or the default one, or a free one while both are taken.

    Open pages find the dashboard again by its port, so a home keeps the one it had.

    Raises
    ------
    UsageError
        The address is not of this machine, or the port that was asked for is taken.
    """
    note = settings.home / "dashboard" / "port"
    for port in _ports(settings, note):
        try:
            taken = _bound(settings.dashboard_host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and settings.dashboard_port is None:
                continue
            raise UsageError(
                f"the dashboard cannot listen on {settings.dashboard_host} port {port}: {error.strerror}; "
                "set GROUNDSWELL_DASHBOARD_HOST and GROUNDSWELL_DASHBOARD_PORT (0: any free one)"
            ) from error
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(str(taken.getsockname()[1]))
        return taken
    raise UsageError(f"the dashboard found no free port on {settings.dashboard_host}; set GROUNDSWELL_DASHBOARD_PORT")


def _ports(settings: Settings, note: Path) -> tuple[int, ...]:
    """What to try, in this order; 0 is any free one."""
    if settings.dashboard_port is not None:
        return (settings.dashboard_port,)
    last = note.read_text() if note.is_file() else ""
    return (*([int(last)] if last.isdigit() and 0 < int(last) < 65536 else []), DEFAULT_PORT, 0)


def url_of(settings: Settings, port: int) -> str:
    """Give the address for a browser, without a slash at the end; the first configured name where there is one."""
    scheme = "https" if settings.dashboard_tls_cert else "http"
    name = next(iter(settings.dashboard_names), "") if not is_private(settings) else ""
    return f"{scheme}://{name or _reachable(settings.dashboard_host)}:{port}"


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(BACKLOG)
    except OSError:
        taken.close()
        raise
    taken.setblocking(False)
    return taken


def _reachable(host: str) -> str:
    """An address of all interfaces is none that a browser could open."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return socket.gethostname()
    return f"[{host}]" if address.version == 6 else host
