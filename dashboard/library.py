"""The library: what pages and the API read, folded from the topics; SQLite by default, Redis by one setting."""

from dashboard.library_answers import StoredLibrary
from dashboard.library_files import LibraryFiles
from dashboard.library_servers import LibraryServer
from streams.settings import Settings

FOLDER = "library"


def open_library(settings: Settings) -> StoredLibrary:
    """Open the library of a home, or the one on the Redis that the settings name; made empty where there is none.

    Raises
    ------
    StorageUnavailable
        The folder cannot be written, or Redis does not answer.
    SettingsInvalid
        The setting is no address of a Redis.
    """
    if settings.redis is not None:
        return StoredLibrary(LibraryServer(settings.redis.get_secret_value()))
    return StoredLibrary(LibraryFiles(settings.home / FOLDER))
