import socket
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

import guarded_calls as calls
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_server import SourceServer, serving

from schemas.errors import FetchFailed, Refused
from streams.sandbox import ChildSandbox
from streams.settings import Settings
from streams.sources.downloader import LinkDownloader
from streams.sources.egress import allowed_address, networks

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:5ef5:79fb:0:0:80ff:fffe",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "100::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert allowed_address(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_everything_else_may_not(address: str) -> None:
    assert not allowed_address(address)


@given(st.ip_addresses(v=4))
def test_no_wrapping_makes_a_private_address_public(address: object) -> None:
    number = int(address)  # type: ignore[call-overload]  # hypothesis gives both versions one type
    wrapped = [(0xFFFF << 32) | number, (0x2002 << 112) | (number << 80), (0x64FF9B << 96) | number]
    for outer in wrapped:
        assert allowed_address(str(IPv6Address(outer))) <= allowed_address(str(address))


def test_a_network_of_the_settings_may_be_reached_in_every_wrapping() -> None:
    allowed = networks(["127.0.0.0/8"])
    assert allowed_address("127.0.0.1", allowed)
    assert allowed_address("::ffff:127.0.0.1", allowed)
    assert not allowed_address("::1", allowed)
    assert not allowed_address("10.0.0.1", allowed)


@pytest.fixture(scope="module")
def sandbox() -> ChildSandbox:
    return ChildSandbox(memory_bytes=None, timeout_s=20)


@pytest.fixture
def server() -> Iterator[SourceServer]:
    with serving(b"\0" * 1000) as running:
        yield running


def links_to(port: int) -> list[str]:
    hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0177.0.0.1"]
    hosts += ["0x7f000001", "0x7f.1", "127.1", "0", "[::]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "LOCALHOST."]
    return [f"http://{host}:{port}/ok/a.mp4" for host in hosts]


@pytest.mark.parametrize("place", range(len(links_to(0))))
def test_no_spelling_of_this_machine_gets_through(place: int, server: SourceServer, tmp_path: Path) -> None:
    link = links_to(server.port)[place]
    with pytest.raises(Refused, match="not a public address"):
        LinkDownloader(Settings(home=tmp_path)).fetch(link, tmp_path / "f", lambda *_: None)
    assert server.hits == []


@pytest.mark.parametrize("path", ["ok/a.mp4", "page/watch"])
def test_both_ways_to_download_are_guarded(path: str, server: SourceServer, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not a public address"):
        LinkDownloader(Settings(home=tmp_path)).fetch(server.url(path), tmp_path / "f", lambda *_: None)
    assert server.hits == []


def test_the_metadata_service_of_clouds_is_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"169\.254\.169\.254"):
        LinkDownloader(Settings(home=tmp_path)).fetch("http://169.254.169.254/a.mp4", tmp_path / "f", lambda *_: None)


@pytest.mark.parametrize("suffix", ["a.mp4", "watch"])
@pytest.mark.parametrize("target", ["127.0.0.1", "[::ffff:7f00:1]", "2130706433", "localhost"])
def test_a_redirect_to_this_machine_is_refused(suffix: str, target: str, server: SourceServer, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, fetch_networks=("127.0.0.2/32",))
    with serving(b"", host="127.0.0.2") as allowed:
        link = allowed.url(f"to/http/{target}:{server.port}/ok/{suffix}")
        with pytest.raises(Refused, match="not a public address"):
            LinkDownloader(settings).fetch(link, tmp_path, lambda *_: None)
    assert (len(allowed.hits) > 0, server.hits) == (True, [])


def test_a_redirect_to_another_scheme_is_not_followed(server: SourceServer, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, fetch_networks=("127.0.0.0/8",))
    with pytest.raises(FetchFailed):
        LinkDownloader(settings).fetch(server.url("to/file/etc/passwd.mp4"), tmp_path, lambda *_: None)


def test_the_settings_can_open_a_network(server: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_FETCH_NETWORKS", "127.0.0.0/8, 10.1.0.0/16")
    downloaded = LinkDownloader(Settings(home=tmp_path)).fetch(server.url("ok/a.mp4"), tmp_path, lambda *_: None)
    assert downloaded.path.read_bytes() == server.body


def test_connections_that_skip_the_look_up_are_checked_too(server: SourceServer, sandbox: ChildSandbox) -> None:
    for host in ("127.0.0.1", "::ffff:127.0.0.1"):
        with pytest.raises(Refused, match="not a public address"):
            sandbox.run(calls.connect_without_resolving, host, server.port)
    with pytest.raises(Refused):
        sandbox.run(calls.send_datagram, "127.0.0.1", server.port)
    assert server.hits == []


def test_local_services_on_socket_files_are_out_of_reach(sandbox: ChildSandbox, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as service:
        service.bind(str(tmp_path / "s"))
        service.listen()
        with pytest.raises(Refused):
            sandbox.run(calls.connect_to_a_file, str(tmp_path / "s"))


def test_a_name_may_be_used_when_its_network_is_allowed(server: SourceServer, sandbox: ChildSandbox) -> None:
    assert sandbox.run(calls.connect, "localhost", server.port, ("127.0.0.0/8",)) == "127.0.0.1"


@pytest.mark.parametrize("how", ["subprocess", "system", "spawn", "fork"])
def test_a_guarded_child_starts_no_programs(how: str, sandbox: ChildSandbox) -> None:
    with pytest.raises(Refused, match="may not start programs"):
        sandbox.run(calls.start_a_program, how)
