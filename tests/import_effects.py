"""Imports modules and prints what else that did: ``python import_effects.py FOLDER MODULE...``, as JSON.

Only effects of modules below FOLDER count; what a library does on import is not ours to mend.
"""

import importlib
import json
import os
import sys
import threading
from types import FrameType

EFFECTS = {
    "os.exec",
    "os.fork",
    "os.kill",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.system",
    "shutil.rmtree",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
}
"""Names of Python's audit events."""


def main(folder: str, names: list[str]) -> None:
    """Import all of `names` in order and report."""
    seen: list[str] = []

    def watch(event: str, args: tuple[object, ...]) -> None:
        if (event in EFFECTS or _opens_to_write(event, args)) and _is_ours(sys._getframe(1), folder):
            seen.append(f"{event}{args!r:.200}")

    sys.addaudithook(watch)
    sys.dont_write_bytecode = True
    for name in names:
        importlib.import_module(name)
    seen += [f"thread {thread.name}" for thread in threading.enumerate() if thread is not threading.main_thread()]
    print(json.dumps({"effects": seen, "modules": sorted(sys.modules)}))


def _opens_to_write(event: str, args: tuple[object, ...]) -> bool:
    return event == "open" and isinstance(args[1], str) and bool(set(args[1]) & set("wax+"))


def _is_ours(frame: FrameType | None, folder: str) -> bool:
    """Whether the innermost module that is being imported lies below `folder`."""
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    file = frame.f_code.co_filename if frame is not None else ""
    return file.startswith(folder + os.sep) and "site-packages" not in file


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
