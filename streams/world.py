"""What processors get from this machine: made when first asked for, so that each worker loads only its own."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from processors.ports import Downloader, MediaStore, Options, Reporter, Sandbox
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.sandbox import ChildSandbox
    from streams.sources.downloader import LinkDownloader


def open_media(settings: Settings) -> MediaStore:
    """Open the media store that the settings name."""
    from streams.storage.media import media_store

    return media_store(settings.media_location, cache=settings.home / "media-cache")


class LocalWorld:
    """The real `processors.ports.World`.

    Parameters
    ----------
    report : callable
        Sends progress at once.
    """

    def __init__(self, settings: Settings, report: Reporter) -> None:
        self._settings = settings
        self._closing: list[ChildSandbox | LinkDownloader] = []
        self.report: Reporter = report

    @property
    def options(self) -> Options:
        return self._settings.options()

    @property
    def scratch(self) -> Path:
        folder = self._settings.home / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def media(self) -> MediaStore:
        return open_media(self._settings)

    @cached_property
    def sandbox(self) -> Sandbox:
        from streams.sandbox import ChildSandbox

        sandbox = ChildSandbox(
            memory_bytes=self._settings.decode_memory_mb * 2**20,
            timeout_s=self._settings.decode_timeout_s,
            children=self._settings.sandbox,
        )
        self._closing.append(sandbox)
        return sandbox

    @cached_property
    def downloader(self) -> Downloader:
        from streams.sources.downloader import LinkDownloader

        downloader = LinkDownloader(self._settings)
        self._closing.append(downloader)
        return downloader

    def weights(self, name: str) -> Path:
        from streams.storage.weights import WeightsCache

        return WeightsCache(self._settings.cache_folder).folder(name)

    def release(self, target: str, release_id: str) -> Path:
        from streams.storage.releases import ReleaseShelf

        return ReleaseShelf(self._settings.home, self.media).folder(target, release_id)

    def close(self) -> None:
        """Kill the children that still run; their steps fail and come again elsewhere."""
        for running in self._closing:
            running.cancel_all()
