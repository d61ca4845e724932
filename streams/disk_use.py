"""How much of the disk each folder of a home takes."""

import shutil
from pathlib import Path

FREE = "free"


def used_bytes(home: Path) -> dict[str, int]:
    """Count bytes by folder of the home, and under ``free`` what the disk has left; nothing where there is no home."""
    if not home.exists():
        return {}
    folders = [path for path in sorted(home.iterdir()) if path.is_dir()]
    return {folder.name: _size(folder) for folder in folders} | {FREE: shutil.disk_usage(home).free}


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # it was at work, and is done
            continue
    return total
