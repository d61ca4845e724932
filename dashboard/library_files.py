"""Which file is the library: a small file names it, and a new one takes its place in one step."""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.library_sqlite import NotADatabase, SqliteFile
from dashboard.library_store import BUSY, GONE, SCHEMA, Store
from schemas.errors import StorageUnavailable, UsageError
from streams.locks import locked, try_lock

log = logging.getLogger(__name__)

_POINTER = "current"


class LibraryFiles:
    """All libraries of one folder, of which one is current.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    StorageUnavailable
        The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._open: SqliteFile | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"{folder} cannot be made: {error}; the library needs a folder") from error
        self.current()

    @property
    def where(self) -> str:
        """The current file, for people."""
        return str(self._folder / self._name())

    def current(self) -> SqliteFile:
        """The library that is read and written."""
        name = self._name()
        if not (name.startswith(_begin()) and (self._folder / name).is_file()):
            name = self._begin(instead_of=name)
        with self._lock:
            if self._open is None or self._open.name != name:  # the one before goes when nobody reads it any more
                self._open = self._opened(name)
            return self._open

    def fresh(self) -> SqliteFile:
        """An empty library beside the current one, under a name that was never used."""
        path = self._folder / f"{_begin()}{secrets.token_hex(6)}.sqlite"
        return SqliteFile(path, path.is_file, in_haste=True)

    @contextmanager
    def rebuilding(self) -> Iterator[Callable[[], None]]:
        """Keep others from building a library as well.

        Raises
        ------
        UsageError
            Somebody else does.
        """
        lock = try_lock(self._folder / "rebuilding")
        if lock is None:
            raise UsageError(BUSY)
        try:
            yield lambda: None
        finally:
            os.close(lock)

    def switch(self, new: Store) -> bool:
        """Put a new library in the place of the current one, if it has taken in all that this one has.

        Raises
        ------
        StorageUnavailable
            The new one was taken away.
        """
        old = self.current()
        if not (self._folder / new.name).is_file():
            raise StorageUnavailable(GONE)
        with old.locked():
            offsets = new.offsets()
            if any(offset > offsets.get(place, 0) for place, offset in old.offsets().items()):
                return False
            self._point_at(new)
        return True

    def begin_anew(self) -> None:
        """Put an empty library in the place of the current one: nothing in it is true any more."""
        with self.current().locked():
            self._point_at(self.fresh())

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None

    def _opened(self, name: str) -> SqliteFile:
        try:
            return SqliteFile(self._folder / name, lambda: self._name() == name)
        except NotADatabase:
            name = self._begin(instead_of=name)
            return SqliteFile(self._folder / name, lambda: self._name() == name)

    def _begin(self, *, instead_of: str) -> str:
        """Begin an empty library unless somebody else has done so in this moment; its name."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with locked(self._folder / "lock"):
            if self._name() == instead_of:
                if instead_of:
                    log.warning("the library %s is of another version, broken or gone; it is built anew", instead_of)
                self._point_at(self.fresh())
            return self._name()

    def _name(self) -> str:
        try:
            return (self._folder / _POINTER).read_text("utf-8").strip()
        except FileNotFoundError:
            return ""

    def _point_at(self, new: Store) -> None:
        _settle(self._folder / new.name, new)
        scratch = self._folder / f"{_POINTER}.{secrets.token_hex(6)}"
        scratch.write_text(new.name, "utf-8")
        os.replace(scratch, self._folder / _POINTER)  # noqa: PTH105  # the one step that counts
        self._remove_others(new.name)

    def _remove_others(self, name: str) -> None:
        """Delete the files of libraries that are not read any more; who has one open keeps it until they look again."""
        for path in self._folder.glob("library-*.sqlite*"):
            if not path.name.startswith(name):
                path.unlink(missing_ok=True)


def _settle(path: Path, new: Store) -> None:
    """See that a new library lies whole on the disk before it is named: it was written in haste.

    Raises
    ------
    StorageUnavailable
        It was taken away.
    """
    new.close()
    if not path.is_file():
        raise StorageUnavailable(GONE)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _begin() -> str:
    return f"library-{SCHEMA}-"
