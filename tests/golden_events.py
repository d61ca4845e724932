"""Golden files: the exact bytes of an example of every event, kept for ever.

``events/v1`` holds the first version of each. When an event gains a field, its new bytes go into a later
folder beside the old ones; no file is ever changed, because somebody's topic is full of such bytes.

    python tests/golden_events.py v2      # writes what has changed since the last version
"""

import re
import sys
from pathlib import Path

from schemas.codec import encode
from schemas.errors import UsageError
from schemas.event import Event

FOLDER = Path(__file__).parent / "golden" / "events"


def versions(folder: Path = FOLDER) -> list[Path]:
    """The version folders, oldest first."""
    found = [p for p in folder.glob("v*") if re.fullmatch(r"v[1-9][0-9]*", p.name)]
    return sorted(found, key=lambda p: int(p.name[1:]))


def files(folder: Path = FOLDER) -> list[Path]:
    """Every golden file of every version, oldest first."""
    return [path for version in versions(folder) for path in sorted(version.glob("*.json"))]


def current(event_type: type[Event], folder: Path = FOLDER) -> Path | None:
    """The newest golden file of a type; None when there is none yet."""
    mine = [path for path in files(folder) if path.stem == event_type.__name__]
    return mine[-1] if mine else None


def write_new(events: list[Event], version: str, folder: Path = FOLDER) -> list[Path]:
    """Write the events whose bytes differ from their newest golden file, as a new version.

    Raises
    ------
    UsageError
        The version is not a later one than all there are, or a file is there already.
    """
    if not re.fullmatch(r"v[1-9][0-9]*", version):
        raise UsageError(f"expected a version such as v2, got {version!r}")
    if any(int(old.name[1:]) > int(version[1:]) for old in versions(folder)):
        raise UsageError(f"{version} is older than {versions(folder)[-1].name}; new bytes go into the newest version")
    changed = [event for event in events if not _is_current(event, folder)]
    return [_write(event, folder / version) for event in changed]


def _is_current(event: Event, folder: Path) -> bool:
    path = current(type(event), folder)
    return path is not None and path.read_bytes() == encode(event)


def _write(event: Event, folder: Path) -> Path:
    path = folder / f"{type(event).__name__}.json"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(encode(event))
    except FileExistsError:
        raise UsageError(
            f"{path.name} of {folder.name} is there and differs; golden files are never changed, give a later version"
        ) from None
    return path


if __name__ == "__main__":
    from examples import EXAMPLES

    try:
        for new in write_new(list(EXAMPLES.values()), sys.argv[1] if sys.argv[1:] else "v1"):
            print(new)
    except UsageError as error:
        sys.exit(str(error))
