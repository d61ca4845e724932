"""Files that whoever reads them finds whole or not at all, also when the writer dies on the way."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that only one process writes; on its way it ends in ``.new``."""
    unfinished = path.with_suffix(".new")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, and that outlasts a power cut."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
