"""Where pixels and sound lie: a local folder, or whatever fsspec can reach."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from processors.ports import MediaStore
from schemas.errors import Refused, StorageUnavailable
from schemas.event import Ref


def media_store(location: str, cache: Path) -> MediaStore:
    """Open the store at a location.

    Parameters
    ----------
    location : str
        A folder, or an address that fsspec knows (``s3://bucket/prefix``).
    cache : Path
        Where copies of remote files are kept for `MediaStore.local`.
    """
    if "://" in location and not location.startswith("file://"):
        return FsspecMediaStore(location, cache)
    return FolderMediaStore(Path(location.removeprefix("file://")))


class FolderMediaStore:
    """A media store in a local folder (or a mounted one that has hard links)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, ref: str, data: bytes) -> None:
        """Write all of `data` under `ref`, or nothing.

        Raises
        ------
        StorageUnavailable
            The disk is full or not writable.
        """
        with self._new(ref) as temporary:
            temporary.write_bytes(data)
            temporary.replace(self._path(ref))

    def put_file(self, ref: str, path: Path) -> None:
        """Copy a finished local file under `ref`, all or nothing.

        Raises
        ------
        StorageUnavailable
            The file cannot be read, or the disk is full or not writable.
        """
        with self._new(ref) as temporary:
            shutil.copyfile(path, temporary)
            temporary.replace(self._path(ref))

    def take_file(self, ref: str, path: Path) -> None:
        """Move a finished local file under `ref`: a rename on the same disk, else a copy; all or nothing.

        Raises
        ------
        StorageUnavailable
            The file cannot be read, or the disk is full or not writable.
        """
        with _in_our_errors(ref):
            self._path(ref).parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # another disk
                path.replace(self._path(ref))
                return
        self.put_file(ref, path)
        path.unlink(missing_ok=True)

    def claim(self, ref: str, data: bytes) -> bytes:
        """Write `data` unless `ref` exists; give what it holds afterwards, whoever wrote it.

        Raises
        ------
        StorageUnavailable
            The disk is full or not writable.
        """
        with self._new(ref) as temporary:
            temporary.write_bytes(data)
            # Unlike a rename, a link never replaces what another worker put there.
            with suppress(FileExistsError):
                os.link(temporary, self._path(ref))
        return self.get(ref)

    def get(self, ref: str) -> bytes:
        """Read all of `ref`.

        Raises
        ------
        StorageUnavailable
            It is not there or not readable.
        """
        with _in_our_errors(ref):
            return self._path(ref).read_bytes()

    def exists(self, ref: str) -> bool:
        """Whether `ref` is there, whole."""
        with _in_our_errors(ref):
            return self._path(ref).is_file()

    def local(self, ref: str) -> Path:
        """Give the path of `ref`.

        Raises
        ------
        StorageUnavailable
            It is not there.
        """
        if not self.exists(ref):
            raise StorageUnavailable(f"{ref} is not in the media store at {self._folder}")
        return self._path(ref)

    def remove(self, ref: str) -> int:
        """Delete a file, or a folder with everything in it; how many files there were.

        Raises
        ------
        StorageUnavailable
            It cannot be deleted.
        """
        path = self._path(ref)
        with _in_our_errors(ref):
            if path.is_dir():
                count = sum(1 for inside in path.rglob("*") if inside.is_file())
                shutil.rmtree(path)
                return count
            was_there = path.is_file()
            path.unlink(missing_ok=True)
            return int(was_there)

    def _path(self, ref: str) -> Path:
        return self._folder / _checked(ref)

    @contextmanager
    def _new(self, ref: str) -> Iterator[Path]:
        """Give a name beside `ref` for a file on its way in; references never begin with a dot."""
        path = self._path(ref)
        temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
        with _in_our_errors(ref):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                yield temporary
            finally:
                temporary.unlink(missing_ok=True)


class FsspecMediaStore:
    """A media store behind fsspec, for object stores, whose uploads are all or nothing by themselves.

    Source: fsspec documentation, ``AbstractFileSystem``.
    """

    def __init__(self, location: str, cache: Path) -> None:
        import fsspec

        self._files: Any  # Any: fsspec has no type information
        with _in_our_errors(location):
            self._files, self._root = fsspec.core.url_to_fs(location)
        self._cache = FolderMediaStore(cache)

    def put(self, ref: str, data: bytes) -> None:
        """Write all of `data` under `ref`, or nothing.

        Raises
        ------
        StorageUnavailable
            The store is away or refuses.
        """
        with _in_our_errors(ref):
            self._files.pipe_file(self._place(ref), data)

    def put_file(self, ref: str, path: Path) -> None:
        """Upload a finished local file under `ref`, all or nothing.

        Raises
        ------
        StorageUnavailable
            The file cannot be read, or the store is away or refuses.
        """
        with _in_our_errors(ref):
            self._files.put_file(str(path), self._place(ref))

    def take_file(self, ref: str, path: Path) -> None:
        """Upload a finished local file under `ref`, and delete it here; all or nothing.

        Raises
        ------
        StorageUnavailable
            The file cannot be read, or the store is away or refuses.
        """
        self.put_file(ref, path)
        path.unlink(missing_ok=True)

    def claim(self, ref: str, data: bytes) -> bytes:
        """Write `data` unless `ref` exists; give what it holds afterwards, whoever wrote it.

        On S3 this is a conditional write (``If-None-Match``).

        Raises
        ------
        StorageUnavailable
            The store is away or refuses.
        """
        with _in_our_errors(ref), suppress(FileExistsError):
            self._files.pipe_file(self._place(ref), data, mode="create")
        return self.get(ref)

    def get(self, ref: str) -> bytes:
        """Read all of `ref`.

        Raises
        ------
        StorageUnavailable
            It is not there, or the store is away.
        """
        with _in_our_errors(ref):
            data: bytes = self._files.cat_file(self._place(ref))
            return data

    def exists(self, ref: str) -> bool:
        """Whether `ref` is there.

        Raises
        ------
        StorageUnavailable
            The store is away.
        """
        with _in_our_errors(ref):
            # A cached listing would not know what another worker has just written.
            self._files.invalidate_cache()
            return bool(self._files.isfile(self._place(ref)))

    def local(self, ref: str) -> Path:
        """Download `ref` once and give the copy's path; a new version in the store is a new copy.

        Raises
        ------
        StorageUnavailable
            It is not there, the store is away, or the disk is full.
        """
        with _in_our_errors(ref):
            self._files.invalidate_cache()
            version = hashlib.sha256(str(self._files.ukey(self._place(ref))).encode()).hexdigest()[:16]
            copy = f"{version}/{ref}"
            if not self._cache.exists(copy):
                with self._cache._new(copy) as temporary:
                    self._files.get_file(self._place(ref), str(temporary))
                    temporary.replace(self._cache._path(copy))
            return self._cache.local(copy)

    def remove(self, ref: str) -> int:
        """Delete a file, or everything whose name begins with it as a folder; also the copies of it here.

        How many files there were in the store is returned.

        Raises
        ------
        StorageUnavailable
            The store is away or refuses.
        """
        for version in self._cache._folder.glob("*"):
            self._cache.remove(f"{version.name}/{ref}")
        with _in_our_errors(ref):
            self._files.invalidate_cache()
            count = len(self._files.find(self._place(ref)))
            if count:
                self._files.rm(self._place(ref), recursive=True)
            return count

    def _place(self, ref: str) -> str:
        return f"{self._root}/{_checked(ref)}"


def _checked(ref: str) -> str:
    try:
        return msgspec.convert(ref, Ref)
    except msgspec.ValidationError as error:
        raise Refused(f"{ref!r} cannot be a place in the media store: {error}") from error


@contextmanager
def _in_our_errors(ref: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StorageUnavailable(f"{ref} is not in the media store ({error})") from error
    except OSError as error:
        raise StorageUnavailable(f"{ref} cannot be read or written in the media store: {error}") from error
