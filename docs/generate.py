"""Writes the generated documents from the schemas, the topology and the settings.

python docs/generate.py            # write them
python docs/generate.py --check    # say which are stale, and fail
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from generator import asyncapi, events_page, json_schemas, settings_table  # noqa: E402  # needs the path above


def documents(root: Path = ROOT) -> dict[Path, str]:
    """Every generated document, by its path below `root`."""
    operations = Path("docs/operations.md")
    return {
        Path("docs/events.md"): events_page.render(root / "tests/golden/events"),
        Path("docs/asyncapi.yaml"): asyncapi.render(root / "pyproject.toml"),
        operations: settings_table.fill_in((root / operations).read_text("utf-8")),
        **{Path("docs/schemas") / name: text for name, text in json_schemas.render().items()},
    }


def stale(root: Path = ROOT) -> list[Path]:
    """The documents that are absent, differ, or describe an event that is gone."""
    wanted = documents(root)
    differing = [path for path, text in wanted.items() if _read(root / path) != text]
    return sorted([*differing, *_orphans(root, wanted)])


def write(root: Path = ROOT) -> list[Path]:
    """Bring every document up to date; returns those that changed."""
    wanted, changed = documents(root), stale(root)
    for path in changed:
        if path in wanted:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(wanted[path], "utf-8")
        else:
            (root / path).unlink()
    return changed


def _orphans(root: Path, wanted: dict[Path, str]) -> list[Path]:
    found = {path.relative_to(root) for path in (root / "docs/schemas").glob("*.json")}
    return sorted(found - set(wanted))


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def main() -> int:
    """Write or check, say what changed; 1 when a check found something stale."""
    parser = argparse.ArgumentParser(description="Write the generated documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a document is stale")
    check: bool = parser.parse_args().check
    for path in (changed := stale() if check else write()):
        print(f"stale: {path}" if check else f"wrote {path}")
    if check and changed:
        print("run `python docs/generate.py` and commit what it writes")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
