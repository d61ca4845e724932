"""A media store that is read and never written: for a look at the past beside what stands."""

from pathlib import Path

from processors.ports import MediaStore


class UnchangedMedia:
    """Reads another store; what should be written is dropped."""

    def __init__(self, store: MediaStore) -> None:
        self._store = store

    def put(self, ref: str, data: bytes) -> None:
        """Write nothing."""

    def put_file(self, ref: str, path: Path) -> None:
        """Write nothing."""

    def take_file(self, ref: str, path: Path) -> None:  # noqa: ARG002  it goes nowhere
        """Write nothing; the file is gone afterwards, as it would be."""
        path.unlink()

    def claim(self, ref: str, data: bytes) -> bytes:
        """Give what is there, or else what would have been written."""
        return self._store.get(ref) if self._store.exists(ref) else data

    def get(self, ref: str) -> bytes:
        """Read all of `ref`; raises `StorageUnavailable` as the store does."""
        return self._store.get(ref)

    def exists(self, ref: str) -> bool:
        """Whether `ref` is there."""
        return self._store.exists(ref)

    def local(self, ref: str) -> Path:
        """Give a local path with the bytes of `ref`; raises `StorageUnavailable` as the store does."""
        return self._store.local(ref)
