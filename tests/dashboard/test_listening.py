"""Where the dashboard listens, and when it refuses to."""

import socket
from pathlib import Path
from typing import Any  # Any: settings of every type

import pytest

from dashboard.listening import DEFAULT_PORT, bind, is_loopback, refuse_unsafe, url_of
from schemas.errors import SettingsInvalid, UsageError
from streams.settings import Settings


def settings_of(home: Path, **changes: Any) -> Settings:
    return Settings(home=home, **changes)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Stand for a certificate and its key; what is in them is the server's business."""
    found = {"dashboard_tls_cert": tmp_path / "cert.pem", "dashboard_tls_key": tmp_path / "key.pem"}
    for path in found.values():
        path.touch()
    return found


@pytest.mark.parametrize(
    ("host", "is_one"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.7", False), ("localhost.example.org", False)],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one


def test_on_the_loopback_nothing_has_to_be_configured(tmp_path: Path) -> None:
    refuse_unsafe(settings_of(tmp_path), has_accounts=False)
    refuse_unsafe(settings_of(tmp_path, dashboard_host="::1"), has_accounts=False)


@pytest.mark.parametrize("proxy", [(), ("127.0.0.1",)])
@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_elsewhere_nobody_listens_before_somebody_may_log_in(
    tmp_path: Path, files: dict[str, Path], host: str, proxy: tuple[str, ...]
) -> None:
    settings = settings_of(tmp_path, dashboard_host=host, dashboard_behind_proxy=proxy, **files)
    with pytest.raises(SettingsInvalid, match="groundswell users add"):
        refuse_unsafe(settings, has_accounts=False)
    refuse_unsafe(settings, has_accounts=True)


def test_elsewhere_passwords_do_not_travel_in_the_open(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(SettingsInvalid, match="without HTTPS"):
        refuse_unsafe(settings_of(tmp_path, dashboard_host="0.0.0.0"), has_accounts=True)
    proxy = settings_of(tmp_path, dashboard_host="0.0.0.0", dashboard_behind_proxy=("10.0.0.2",))
    refuse_unsafe(proxy, has_accounts=True)
    refuse_unsafe(settings_of(tmp_path, dashboard_host="0.0.0.0", **files), has_accounts=True)


def test_behind_a_proxy_the_loopback_is_no_protection(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="behind a proxy"):
        refuse_unsafe(settings_of(tmp_path, dashboard_behind_proxy=("127.0.0.1",)), has_accounts=False)


def test_a_certificate_needs_its_key_and_both_must_be_there(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(SettingsInvalid, match="TLS_KEY"):
        refuse_unsafe(settings_of(tmp_path, dashboard_tls_cert=files["dashboard_tls_cert"]), has_accounts=True)
    files["dashboard_tls_key"].unlink()
    with pytest.raises(SettingsInvalid, match="there is no file"):
        refuse_unsafe(settings_of(tmp_path, **files), has_accounts=True)


def test_a_proxy_that_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dashboard_behind_proxy"):
        settings_of(tmp_path, dashboard_behind_proxy=("everyone",))


def test_while_the_default_port_is_taken_another_one_is(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            pass  # then somebody else has it already
        else:
            other.listen()
        with bind(settings_of(tmp_path)) as taken:
            assert taken.getsockname()[1] not in (0, DEFAULT_PORT)


def test_a_home_keeps_its_port_so_that_open_pages_find_it_again(tmp_path: Path) -> None:
    with bind(settings_of(tmp_path, dashboard_port=0)) as first:
        port = first.getsockname()[1]
    with bind(settings_of(tmp_path)) as again:
        assert again.getsockname()[1] == port
        with bind(settings_of(tmp_path)) as third:
            assert third.getsockname()[1] != port


@pytest.mark.parametrize("noted", ["", "0", "70000", "-1", "eighty"])
def test_a_note_of_a_port_that_is_none_is_passed_over(tmp_path: Path, noted: str) -> None:
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "port").write_text(noted)
    with bind(settings_of(tmp_path)) as taken:
        assert taken.getsockname()[1] > 0


def test_a_port_that_was_asked_for_is_not_exchanged_for_another(tmp_path: Path) -> None:
    with bind(settings_of(tmp_path, dashboard_port=0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}.*GROUNDSWELL_DASHBOARD_PORT"):
            bind(settings_of(tmp_path, dashboard_port=port))


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"192\.0\.2\.7"):
        bind(settings_of(tmp_path, dashboard_host="192.0.2.7", dashboard_port=0))


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "http://127.0.0.1:8484"),
        ({"dashboard_host": "::1"}, "http://[::1]:8484"),
        ({"dashboard_host": "0.0.0.0", "dashboard_names": ("a.example",)}, "http://a.example:8484"),
        ({"dashboard_host": "0.0.0.0", "dashboard_tls_cert": Path("c")}, f"https://{socket.gethostname()}:8484"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(tmp_path: Path, changes: dict[str, Any], url: str) -> None:
    assert url_of(settings_of(tmp_path, **changes), 8484) == url
