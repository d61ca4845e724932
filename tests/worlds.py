"""A world for processors without network or children: a dict is the store, links are local files."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processors.ports import Downloaded, Options
from schemas.errors import FetchFailed, ReleaseInvalid, StorageUnavailable, WeightsMissing
from schemas.event import Event
from schemas.media import Metadata


class DictStore:
    """A media store in memory; `local` writes a copy into a folder."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, bytes] = {}
        self._folder = folder

    def put(self, ref: str, data: bytes) -> None:
        self.files[ref] = bytes(data)

    def put_file(self, ref: str, path: Path) -> None:
        self.put(ref, path.read_bytes())

    def take_file(self, ref: str, path: Path) -> None:
        self.put_file(ref, path)
        path.unlink()

    def claim(self, ref: str, data: bytes) -> bytes:
        return self.files.setdefault(ref, bytes(data))

    def get(self, ref: str) -> bytes:
        if ref not in self.files:
            raise StorageUnavailable(f"{ref} is not in the store")
        return self.files[ref]

    def exists(self, ref: str) -> bool:
        return ref in self.files

    def local(self, ref: str) -> Path:
        path = self._folder / ref
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.get(ref))
        return path


class SameProcess:
    """A sandbox without walls: the function runs here."""

    def run(self, function: Callable[..., Any], *args: Any, report: Callable[..., None] | None = None) -> Any:
        return function(*args) if report is None else function(*args, report=report)


@dataclass
class LocalLinks:
    """A downloader that knows a few links, each a local file."""

    files: dict[str, Path]

    def fetch(self, url: str, folder: Path, report: Callable[[float, float | None], None]) -> Downloaded:
        if url not in self.files:
            raise FetchFailed(f"{url} is not a video")
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(shutil.copy(self.files[url], folder))
        report(float(path.stat().st_size), float(path.stat().st_size))
        return Downloaded(path=path, url=url, metadata=Metadata(title=f"From {url}"))


@dataclass
class SmallWorld:
    """Everything a processor may ask for, in one folder of the test's own."""

    folder: Path
    links: dict[str, Path] = field(default_factory=dict)
    networks: dict[str, Path] = field(default_factory=dict)
    releases: dict[tuple[str, str], Path] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    reported: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.media = DictStore(self.folder / "store")
        self.downloader = LocalLinks(self.links)
        self.sandbox = SameProcess()
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.report = self.reported.append

    def weights(self, name: str) -> Path:
        if name not in self.networks:
            raise WeightsMissing(f"this world has no network {name}")
        return self.networks[name]

    def release(self, target: str, release_id: str) -> Path:
        if (target, release_id) not in self.releases:
            raise ReleaseInvalid(f"this world has no release {target}/{release_id}")
        return self.releases[target, release_id]
