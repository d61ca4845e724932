"""The networks' files on this machine: fetched, verified, converted once, shared by all workers."""

import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import msgspec

from schemas.errors import StorageUnavailable, UsageError, WeightsMissing
from streams.locks import locked
from streams.storage.weights_collect import Collector, Progress, sha256_of
from streams.storage.weights_download import TransferBroken
from streams.storage.weights_manifest import PinnedNetwork, read_manifest

RECORD = "converted.json"


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A converted file as it was when it was written."""

    sha256: str
    size_bytes: int
    mtime_ns: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversion wrote: the manifest's digest and the files by name."""

    digest: str
    files: dict[str, FileRecord]


class WeightsCache:
    """Converted networks in a folder that several homes and processes may share.

    A network is there whole or not at all: it is built beside its place and renamed into it. Its
    folder carries the digest of its part of the manifest, so that two versions of Groundswell can
    share a cache.

    Parameters
    ----------
    cache_folder : Path
        Networks go into its sub-folder ``weights``.
    manifest : dict, optional
        Networks by name; by default those of ``models/weights.toml``.
    """

    def __init__(self, cache_folder: Path, manifest: dict[str, PinnedNetwork] | None = None) -> None:
        self._root = cache_folder / "weights"
        self.manifest = read_manifest() if manifest is None else manifest

    def folder(self, name: str) -> Path:
        """Give the folder of a network's converted files, checked quickly.

        Size and modification time are compared with those at conversion, which takes no time; reading
        and hashing 90 MB takes 60-100 ms of every worker's start. What the quick check cannot excuse
        (a copied cache has new times) is hashed in full.

        Raises
        ------
        WeightsMissing
            They were never fetched, or were altered since.
        UsageError
            No network has this name.
        """
        place = self._place(name)
        record = self._record(name)
        if not all(_is_untouched(place / file, known) for file, known in record.files.items()):
            self._hash_all(name, record)
        return place

    def has(self, name: str) -> bool:
        """Whether `folder` would give a network.

        Raises
        ------
        UsageError
            No network has this name.
        """
        return _succeeds(lambda: self.folder(name))

    def verify(self, name: str) -> Path:
        """Hash every converted file of a network and compare.

        Raises
        ------
        WeightsMissing
            They were never fetched, or were altered since.
        UsageError
            No network has this name.
        """
        self._hash_all(name, self._record(name))
        return self._place(name)

    def fetch(self, name: str, progress: Progress = lambda _step, _done, _total: None) -> Path:
        """Bring a network here unless it is here already and whole; give its folder.

        Several processes may ask at once: one works, the others wait for it.

        Raises
        ------
        TransferBroken
            A connection broke; what came is kept, and the next fetch goes on from there.
        WeightsMissing
            No source gives the pinned file; the message says why and what to do.
        StorageUnavailable
            The cache cannot be written.
        UsageError
            No network has this name.
        """
        if _succeeds(lambda: self.verify(name)):
            return self._place(name)
        parent = self._place(name).parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with locked(parent / "lock", on_wait=lambda: progress("waiting", 0, None)):
                if not _succeeds(lambda: self.verify(name)):
                    self._make(name, parent / "partial", progress=progress)
        except OSError as error:
            raise StorageUnavailable(f"cannot keep the {name} weights in {parent}: {error}") from error
        return self._place(name)

    def network(self, name: str) -> PinnedNetwork:
        """Look a network up in the manifest.

        Raises
        ------
        UsageError
            No network has this name; the message lists those there are.
        """
        if name not in self.manifest:
            raise UsageError(f"no network is called {name!r}; there are: {', '.join(sorted(self.manifest))}")
        return self.manifest[name]

    def _place(self, name: str) -> Path:
        return self._root / name / self.network(name).digest

    def _record(self, name: str) -> Record:
        network, path = self.network(name), self._place(name) / RECORD
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except FileNotFoundError:
            raise WeightsMissing(f"the {name} weights are not here; {_how_to_fetch(name)}") from None
        except (OSError, msgspec.DecodeError) as error:
            raise WeightsMissing(f"{path} cannot be read: {error}; {_how_to_fetch(name)}") from error
        if record.digest != network.digest or set(record.files) != set(network.converts_to):
            raise WeightsMissing(f"{path} is about other files than the manifest; {_how_to_fetch(name)}")
        return record

    def _hash_all(self, name: str, record: Record) -> None:
        for file, known in record.files.items():
            path = self._place(name) / file
            if not path.is_file():
                raise WeightsMissing(f"{path} is gone; {_how_to_fetch(name)}")
            if sha256_of(path) != known.sha256:
                raise WeightsMissing(f"{path} was altered after it was made; {_how_to_fetch(name)}")

    def _make(self, name: str, partial: Path, *, progress: Progress) -> None:
        """Build a network beside its place and move it in.

        What a killed fetch or a broken connection left in `partial` is gone on from; after any other
        failure, and when all is done, it is swept away.
        """
        try:
            self._build(self.network(name), partial, progress)
            _move_in(partial / "converted", self._place(name), aside=partial / "altered")
        except TransferBroken:
            raise
        except Exception:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(partial, ignore_errors=True)

    def _build(self, network: PinnedNetwork, partial: Path, progress: Progress) -> None:
        sources, converted = partial / "sources", partial / "converted"
        for left in (converted, partial / "altered"):
            shutil.rmtree(left, ignore_errors=True)
        sources.mkdir(parents=True, exist_ok=True)
        converted.mkdir()
        Collector(partial / "downloads", progress).collect(network.files, sources)
        progress("convert", 0, None)
        _convert(network, sources, converted)


def _succeeds(check: Callable[[], Path]) -> bool:
    try:
        check()
    except WeightsMissing:
        return False
    return True


def _convert(network: PinnedNetwork, sources: Path, converted: Path) -> None:
    module, _, function = network.converter.partition(":")
    getattr(import_module(module), function)(sources, converted)
    made = {path.name for path in converted.iterdir()}
    if made != set(network.converts_to):
        raise WeightsMissing(f"{network.converter} made {sorted(made)}, expected {sorted(network.converts_to)}")
    files = {file: _record_of(converted / file) for file in network.converts_to}
    (converted / RECORD).write_bytes(
        msgspec.json.format(msgspec.json.encode(Record(digest=network.digest, files=files)))
    )


def _move_in(converted: Path, place: Path, *, aside: Path) -> None:
    """Rename into place; an altered folder goes aside first, its files stay whole for who has them open."""
    if place.exists():
        place.rename(aside)
    converted.rename(place)


def _record_of(path: Path) -> FileRecord:
    with path.open("rb") as file:
        os.fsync(file.fileno())  # size and time alone would not tell a file that a power cut left full of zeros
    status = path.stat()
    return FileRecord(sha256=sha256_of(path), size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)


def _is_untouched(path: Path, known: FileRecord) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (known.size_bytes, known.mtime_ns)


def _how_to_fetch(name: str) -> str:
    return f"run: groundswell weights fetch {name}"
