"""What the fetch child does: takes the guard upon itself, then downloads."""

import fcntl
import tempfile
from collections.abc import Callable
from pathlib import Path

from processors.ports import Downloaded
from schemas.errors import Refused
from streams.sources import direct
from streams.sources.egress import guard
from streams.sources.wanted import Wanted

Report = Callable[[float, float | None], None]


def download(url: str, folder: Path, wanted: Wanted, report: Report) -> Downloaded:
    """Bring a link into `folder`. For a child process only: the guard stays for ever.

    Raises
    ------
    Refused
        A private address, a list, a live stream, over a limit.
    FetchFailed
        The source does not have it or does not give it.
    SourceUnavailable
        It may work later; partial files stay in `folder`.
    """
    kept = guard(wanted.networks)
    with (folder / "lock").open("w") as lock:
        try:
            downloaded = _by_kind(url, _own(folder, lock.fileno()), wanted, report)
        except Exception as error:
            if kept.refusal:
                raise Refused(kept.refusal) from error
            raise
    if kept.refusal:
        raise Refused(kept.refusal)
    return downloaded


def _by_kind(url: str, folder: Path, wanted: Wanted, report: Report) -> Downloaded:
    if direct.is_direct(url):
        try:
            return direct.fetch(url, folder, wanted, report)
        except direct.NotAFileError:
            pass  # a page about a file; its extractor may know
    return _backend(wanted.backend)(url, folder, wanted, report)


def _backend(name: str) -> Callable[[str, Path, Wanted, Report], Downloaded]:
    if name == "pytube":
        from streams.sources import pytube

        return pytube.fetch
    from streams.sources import ytdlp

    return ytdlp.fetch


def _own(folder: Path, lock_fd: int) -> Path:
    """Use the folder's partial files, or a fresh folder inside while somebody else is at them.

    That is a worker which was taken for dead, but only slept.
    """
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Path(tempfile.mkdtemp(prefix="beside-", dir=folder))
    return folder
