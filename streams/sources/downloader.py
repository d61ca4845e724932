"""The worker's side of a download: starts the guarded child and believes nothing it says."""

import stat
from collections.abc import Callable
from pathlib import Path

from processors.ports import Downloaded
from schemas.errors import FetchFailed, Refused
from streams.sandbox import ChildSandbox
from streams.settings import Settings
from streams.sources.download import download
from streams.sources.urls import clean
from streams.sources.wanted import Wanted

MEMORY_BYTES = 2 * 10**9
"""Address space of a fetch child; yt-dlp with all its extractors uses a tenth of it."""


class LinkDownloader:
    """The `Downloader` of a worker: every link in a child process of its own.

    Parameters
    ----------
    settings : Settings
        Limits, languages, backend and reachable networks.
    """

    def __init__(self, settings: Settings) -> None:
        self._wanted = Wanted(
            backend=settings.fetch_backend,
            max_bytes=settings.fetch_max_bytes,
            max_duration_s=settings.fetch_max_duration_s,
            height_px=settings.fetch_height_px,
            languages=settings.subtitle_languages,
            networks=settings.fetch_networks,
        )
        self._sandbox = ChildSandbox(
            memory_bytes=MEMORY_BYTES,
            timeout_s=settings.fetch_timeout_s,
            # The child refuses before; this is for a child that no longer listens.
            file_bytes=settings.fetch_max_bytes + 2**20,
            died=FetchFailed,
            over_limit=Refused,
            children=settings.sandbox,
        )

    def fetch(self, url: str, folder: Path, report: Callable[[float, float | None], None]) -> Downloaded:
        """Download `url` into `folder`, calling `report(done_bytes, total_bytes)` on the way.

        Raises
        ------
        Refused
            A private address, a live stream, over a limit.
        FetchFailed
            The source does not have it or does not give it.
        SourceUnavailable
            It may work later.
        """
        # Events can be written by anybody: the link is cleaned here again, whoever submitted it.
        address = clean(url).url
        folder.mkdir(parents=True, exist_ok=True)
        downloaded = self._sandbox.run(download, address, folder, self._wanted, report=report)
        for path in (downloaded.path, downloaded.thumbnail, *(path for _, path in downloaded.subtitles)):
            if path is not None:
                _check_inside(path, folder)
        return downloaded

    def cancel_all(self) -> None:
        """Stop all downloads at once; their partial files stay for the next try."""
        self._sandbox.cancel_all()


def _check_inside(path: Path, folder: Path) -> None:
    # A child that was taken over could name /etc/passwd, or a link to it, as the video.
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()) or not path.exists() or not stat.S_ISREG(path.lstat().st_mode):
        raise FetchFailed(f"the download names {path.name!r}, which is not a file in its folder")
